import { execFile } from 'node:child_process'
import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'

const manifest = { format: 1, database: 'testdb', server: 'db-writer', epoch: 1, time: '2026-11-22T09:30:00Z' }
const dump = "-- SET @@GLOBAL.GTID_PURGED='6b1c:1-7'\nCREATE TABLE t (id INT);\n-- Dump completed\n"

/** Stands for `docker` and the servers. Records the statements that follow the load. */
const docker = (folder: string, fails: string) => `#!/bin/sh
cd ${folder}
case "$*" in
  *max-allowed-packet*) cat >loaded; exit ;;
  *--batch*) sql=$(cat) ;;
  *db-init*) sql=MIGRATE ;;
esac
${fails}
[ -z "$sql" ] || [ ! -e loaded ] || echo "$sql" >>statements
case "$* $sql" in
  *working_dir*) echo '"${repositoryRoot}"' ;;
  *config_files*) echo '"compose.yaml"' ;;
  *'config --format'*) echo '{"name":"own","services":{"db-writer":{"environment":{"DB_NAME":"testdb"}}}}' ;;
  *restore.lock*) echo locked; cat ;;
  *mysqldump*) echo "${dump}" ;;
  *account_locked*) echo N ;;
  *SCHEMATA*) echo 1 ;;
  *run/mysqld/state*) printf 'writable\\n\\nwriter 1\\n1\\n' ;;
  *ps*) echo 1 ;;
esac
`

/** Runs a restore. @param fails lines of the shell that run for each `docker` command. */
async function restore(fails: string) {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'restore-'))
  const file = join(folder.path, 'backup')
  await writeFile(file, gzipSync(`-- backup ${JSON.stringify({ ...manifest, gtids: '6b1c:1-7' })}\n${dump}`))
  await writeFile(`${folder.path}/docker`, docker(folder.path, fails), { mode: 0o755 })
  for (const project of ['own', 'other']) await mkdir(join(folder.path, `.restore.${project}`))
  const env = { ...process.env, PATH: `${folder.path}:${process.env.PATH}` }
  const script = join(repositoryRoot, 'packages/ops/src/restore.ts')
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    const child = execFile(process.execPath, [script, file, '--yes'], { env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? 1, output: stdout + stderr }),
    )
  })
  const statements = (await readFile(join(folder.path, 'statements'), 'utf8')).match(/MIGRATE|ALTER USER.*/g)
  return { code, output, statements, hidden: (await readdir(folder.path)).filter((name) => name.startsWith('.')) }
}

const complete = ["ALTER USER migrator@'%' ACCOUNT UNLOCK", 'MIGRATE', "ALTER USER app@'%' ACCOUNT UNLOCK"]

describe('a restore whose backup is loaded', () => {
  it('lets the app in after the migrations, and removes what was left', async () => {
    const { code, output, statements, hidden } = await restore('')
    expect(output).toContain('✓ testdb has its state of 2026-11-22T09:30:00Z')
    expect(code).toBe(0)
    expect(statements).toEqual(complete)
    expect(hidden).toEqual(['.restore.other'])
  })

  it('repeats each command that fails', async () => {
    const isFirst = '[ -e loaded ] && mkdir "$(echo "$* $sql" | cksum)" 2>/dev/null'
    const { code, statements } = await restore(`if ${isFirst}; then exit 1; fi`)
    expect(code).toBe(0)
    expect(statements).toEqual(complete)
  })

  it('keeps the app locked out when the migrations fail, and says what to do', async () => {
    const { code, output, statements } = await restore('if [ "$sql" = MIGRATE ]; then exit 1; fi')
    expect(output.match(/^Applying the migrations$/gm)).toHaveLength(3)
    expect(output).toContain('✗ The backup is loaded, and the app is locked out: Applying the migrations failed.')
    expect(output).toMatch(/Run this again, or return to what was there: npm run restore -- .*before-restore-/)
    expect(code).toBe(1)
    expect(statements).toEqual(complete.slice(0, 1))
  })
})
