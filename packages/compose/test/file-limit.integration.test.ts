import { beforeAll, expect, it } from 'vitest'
import { buildImage, dockerOutput } from '../src/index.ts'

let image: string

beforeAll(async () => {
  image = await buildImage('haproxy')
})

it.each([
  ['alb', 1024, 495],
  ['nlb', 1024, 495],
  ['alb', 8034, 4000],
  ['nlb', 8034, 4000],
])('%s starts with a limit of %i open files, and accepts %i connections', async (name, files, connections) => {
  const run = ['run', '--rm', `--ulimit=nofile=${files}:${files}`, '--entrypoint=timeout', image]
  // HAProxy prints what it derived, then serves until its time is up.
  const command = ['--preserve-status', '--signal=KILL', '2', 'haproxy', '-d', '-db', '-f', `/etc/haproxy/${name}.cfg`]
  const { stdout, stderr } = await dockerOutput([...run, ...command]).catch(
    (ended: { stdout: string; stderr: string }) => ended,
  )
  expect(stdout + stderr).toContain(`setting global.maxconn to ${connections}.`)
  expect(stdout + stderr).not.toContain('[ALERT]')
})
