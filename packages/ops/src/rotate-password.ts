import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { CliError, openOwnProject, runCli } from './cli.ts'
import { executedTransactions, waitForReplica, writableDatabase } from './databases.ts'

// Runs on the current server, so that no password leaves its container. Whenever it ends, the file has a password that
// the server accepts: an interrupted rotation leaves one that is not in the file, so the file's becomes the primary one
// before the next is set and it is retained. The lock is also that of start.sh, which sets the password of the file.
const script = `
cd /run/credentials/app
exec 9<.
flock --timeout 300 9
quoted() { local text=\${1//\\\\/\\\\\\\\}; printf "'%s'" "\${text//\\'/\\'\\'}"; }
rm -f password.new
head -c 24 /dev/urandom | base64 | tr '+/' '-_' >password.new
chmod 0444 password.new
sync password.new
[ ! -s password ] || mysql <<<"ALTER USER app@'%' IDENTIFIED BY $(quoted "$(<password)")"
mysql <<<"ALTER USER app@'%' IDENTIFIED BY $(quoted "$(<password.new)") RETAIN CURRENT PASSWORD"
printf 'changed\\n'
read -r -t 120
mv password.new password
sync .`

await runCli(async () => {
  parseArgs({ options: {} })
  const project = await openOwnProject()
  const current = await writableDatabase(project)
  console.log(`Changing the password on ${current}; the previous one stays valid`)
  const child = project.spawnExec(current, ['bash', '-euo', 'pipefail', '-c', script])
  const ended = once(child, 'close')
  const errors = text(child.stderr)
  try {
    for await (const _ of createInterface({ input: child.stdout })) {
      // Until then the other server refuses the new password.
      console.log('Waiting until the other database has the new password')
      await waitForReplica(project, current, await executedTransactions(project, current), 60)
      child.stdin.write('continue\n')
    }
  } finally {
    // Without the line the script leaves the file as it is.
    child.stdin.end()
  }
  const [code] = await ended
  if (code !== 0) throw new CliError(`The password was not changed: ${(await errors).trim() || `status ${code}`}`)
  console.log('✓ The app has a new password. The previous one stays valid until the next rotation.')
})
