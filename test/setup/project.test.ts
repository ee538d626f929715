import { once } from 'node:events'
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { useMachine } from './machine.ts'

const machine = useMachine()

/** Docker with the Compose project $PROJECT, containers of the checkouts $OWNER and data of the projects $DATA_OF. */
beforeEach(() => {
  machine.fake(
    'docker',
    `case "$*" in
       'compose config') echo "name: $PROJECT"; echo 'services: {}' ;;
       'ps --all '*label=com.docker.compose.project=app\\ *working_dir*) printf '%s' "$OWNER" ;;
       'ps --filter publish='*) echo the container other-alb-1 ;;
       'volume ls '*db-writer-data)
         for owner in $DATA_OF; do
           case "$*" in *"label=com.docker.compose.project=$owner "*) echo data ;; esac
         done ;;
     esac`,
  )
})

const check = (environment: Record<string, string> = {}) =>
  machine.run(['scripts/setup.sh', 'project'], { PROJECT: 'app', OWNER: '', ...environment })

describe('scripts/setup.sh project', () => {
  it('accepts a project without containers, and one of this checkout', () => {
    expect(check()).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(check({ OWNER: `${machine.checkout}\n${machine.checkout}\n` })).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    })
  })

  it('accepts a project of this checkout that was started through a symbolic link', () => {
    symlinkSync(machine.checkout, join(machine.checkout, 'link'))
    expect(check({ OWNER: join(machine.checkout, 'link') }).status).toBe(0)
  })

  it.each(['/', '/moved'])('rejects a project of another checkout, %s, and says how to go on', (owner) => {
    const { status, stdout, stderr } = check({ OWNER: `${machine.checkout}\n${owner}` })
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain(`The Compose project 'app' belongs to another checkout: ${owner}\n`)
    expect(stderr).toContain('set COMPOSE_PROJECT_NAME in .env')
    expect(stderr).toContain('docker compose --project-name app down\n')
  })

  it('rejects a folder whose name gives no project name', () => {
    machine.fake('docker', 'echo project name must not be empty >&2; exit 15')
    const { status, stderr } = check()
    expect(status).toBe(1)
    expect(stderr).toContain('project name must not be empty')
    expect(stderr).toContain('set COMPOSE_PROJECT_NAME in .env')
  })

  it('names COMPOSE_FILE when Compose cannot read a file', () => {
    machine.fake('docker', 'echo "stat /x/nowhere.yaml: no such file or directory" >&2; exit 14')
    const { status, stderr } = check({ COMPOSE_FILE: 'compose.yaml:nowhere.yaml' })
    expect(status).toBe(1)
    expect(stderr).toContain('nowhere.yaml: no such file')
    expect(stderr).toContain('If it is about a file: COMPOSE_FILE names the files')
  })

  it.each([
    '/elsewhere/compose.yaml',
    '../compose.yaml',
    'docker-compose.yml',
    'mine.yaml:x.yaml',
    '/x.yaml:compose.yaml',
  ])('refuses COMPOSE_FILE=%s, which is for another project', (files) => {
    const { status, stdout, stderr } = check({ COMPOSE_FILE: files })
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain(`✗ COMPOSE_FILE is for another project: ${files}\n`)
    expect(stderr).toContain('Unset it, or begin it with compose.yaml')
  })

  it.each([
    { COMPOSE_FILE: 'compose.yaml' },
    { COMPOSE_FILE: './compose.yaml:/elsewhere/mine.yaml' },
    { COMPOSE_FILE: 'mine.yaml:compose.yaml' },
    { COMPOSE_FILE: 'compose.yaml;mine.yaml', COMPOSE_PATH_SEPARATOR: ';' },
    { COMPOSE_FILE: '' },
  ] as Record<string, string>[])('accepts files beside compose.yaml: %j', (environment) => {
    expect(check(environment)).toEqual({ status: 0, stdout: '', stderr: '' })
  })

  it('accepts compose.yaml by its whole path', () => {
    expect(check({ COMPOSE_FILE: join(machine.checkout, 'compose.yaml') }).status).toBe(0)
  })

  it('fails without Docker', () => {
    rmSync(join(machine.programs, 'docker'))
    const { status, stderr } = check()
    expect(status).toBe(1)
    expect(stderr).toContain('Docker is not installed.')
  })

  it("stops if an earlier release's data would be left behind, and says how to use it or to start without it", () => {
    const { status, stderr } = check({ DATA_OF: 'three-tier' })
    expect(status).toBe(1)
    expect(stderr).toContain('To use that data: set COMPOSE_PROJECT_NAME=three-tier in .env.\n')
    expect(stderr).toContain('To start without it: set COMPOSE_PROJECT_NAME=app in .env.\n')
  })

  it.each(['three-tier', 'app'])('accepts the choice of COMPOSE_PROJECT_NAME=%s', (name) => {
    writeFileSync(join(machine.checkout, '.env'), `COMPOSE_PROJECT_NAME=${name}\n`)
    expect(check({ DATA_OF: 'three-tier', PROJECT: name }).status).toBe(0)
  })

  it('accepts a project that has data of its own, and one with the former name', () => {
    expect(check({ DATA_OF: 'three-tier app' }).status).toBe(0)
    expect(check({ DATA_OF: 'three-tier', PROJECT: 'three-tier' }).status).toBe(0)
  })
})

describe('scripts/start.sh', () => {
  it('fails for a project of another checkout', () => {
    const { status, stderr } = machine.run(['scripts/start.sh'], { PROJECT: 'app', OWNER: '/' })
    expect(status).toBe(1)
    expect(stderr).toContain('belongs to another checkout')
  })

  it('names the container that uses the port, and how to use another port', async () => {
    // In this process, so the script must not block it.
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const settings = { PROJECT: 'app', OWNER: '', WEB_PORT: port }
    const { status, stderr } = await machine.runBeside(['scripts/start.sh'], settings)
    server.close()
    expect(status).toBe(1)
    expect(stderr).toContain(`Port ${port} is in use by the container other-alb-1.`)
    expect(stderr).toContain('WEB_PORT=8081 npm start')
  })
})

describe.each([',', '.', ' ', '\t', "'", '"', '$'])('a checkout in a folder that ends with %j', (end) => {
  const machine = useMachine(`checkout${end}`)

  it('has the project that was started in it', () => {
    machine.fake('docker', `case "$*" in 'compose config') echo 'name: app' ;; 'ps '*) echo "$OWNER" ;; esac`)
    const environment = { OWNER: machine.checkout }
    expect(machine.run(['scripts/setup.sh', 'project'], environment)).toEqual({ status: 0, stdout: '', stderr: '' })
  })
})
