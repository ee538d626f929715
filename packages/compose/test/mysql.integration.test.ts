import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { buildImage, docker, removeLeftovers, testRun, testRunLabel, waitFor } from '../src/index.ts'

let image: string
let container: string | undefined

beforeAll(async () => {
  await removeLeftovers()
  image = await buildImage('mysql')
})
afterEach(async () => void (container && (await docker(['rm', '--force', container]))))

/** Starts a writer on data that says which versions of MySQL have used it. */
async function start(...versions: string[]): Promise<string> {
  const history = JSON.stringify({ upgrade_history: versions.map((version) => ({ version })) })
  const data = '/var/lib/mysql/data'
  const script = `mkdir ${data}; printf '%s' '${history}' >${data}/mysql_upgrade_history; exec start.sh writer`
  container = await docker([
    ...['run', '--detach', `--label=${testRunLabel}=${testRun}`, '--tmpfs=/var/lib/mysql:uid=999,gid=999'],
    ...['--tmpfs=/run/mysqld:uid=999,gid=999', '--entrypoint=bash', image, '-c', script],
  ])
  return container
}

describe('start.sh', () => {
  it('waits on data of a newer MySQL, and says how to use it', async () => {
    const id = await start('8.4.7', '99.0.1')
    const state = () => docker(['exec', id, 'cat', '/run/mysqld/state'])
    await waitFor('its state', state)
    expect(await state()).toMatch(
      /^waiting\nThe data is of MySQL 99\.0, which this server of MySQL \d+\.\d+ cannot read\..* MYSQL_IMAGE .* npm run reset$/,
    )
    await expect(docker(['exec', id, 'healthcheck.sh'])).rejects.toThrow()
    await docker(['stop', '--time', '60', id])
    expect(await docker(['inspect', '--format', '{{.State.ExitCode}} {{.RestartCount}}', id])).toBe('143 0')
  })

  it('starts on data of an older MySQL', async () => {
    const id = await start('8.0.36')
    // This data has nothing but its history, so the server itself ends.
    await waitFor('its end', async () => (await docker(['inspect', '--format', '{{.State.Status}}', id])) === 'exited')
    expect(await docker(['logs', id])).not.toContain('cannot read')
  })
})
