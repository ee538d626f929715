import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, databaseVariables, passwordSource, readEnvironment } from '../src/index.ts'

const valid = {
  DB_WRITE_ENDPOINT_ADDRESS: 'db-writer',
  DB_NAME: 'testdb',
  DB_USER: 'app',
  DB_PASSWORD: 'pass word',
}

function problemsOf(environment: NodeJS.ProcessEnv): string[] {
  try {
    readEnvironment(databaseVariables, environment)
    return []
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).message.split('\n')
  }
}

describe('readEnvironment', () => {
  it('takes a valid environment and fills in the defaults', () => {
    expect(readEnvironment(databaseVariables, valid)).toMatchObject({ ...valid, MYSQL_PORT: 3306 })
  })

  it('reports every problem at once, with name, value and expectation', () => {
    const problems = problemsOf({ ...valid, DB_NAME: 'a`b', DB_USER: '', MYSQL_PORT: '3306x' })
    expect(problems).toEqual([
      'DB_NAME: expected 1-64 letters, digits or underscores, not beginning with a digit, got "a`b"',
      'DB_USER: expected 1-64 letters, digits or underscores, not beginning with a digit, it is not set',
      'MYSQL_PORT: expected an integer from 1 to 65535, got "3306x"',
    ])
  })

  it.each(['0', '-1', '1e3', '0x10', ' 1', '65536', '99999999999999999999'])('refuses %j as a port', (port) => {
    expect(problemsOf({ ...valid, MYSQL_PORT: port })).toHaveLength(1)
  })

  it('counts an empty variable as unset', () => {
    expect(readEnvironment(databaseVariables, { ...valid, MYSQL_PORT: '' }).MYSQL_PORT).toBe(3306)
  })

  it('wants exactly one of password and password file', () => {
    const { DB_PASSWORD: _, ...without } = valid
    expect(problemsOf(without)).toEqual(['DB_PASSWORD, DB_PASSWORD_FILE: expected exactly one of the two'])
    expect(problemsOf({ ...valid, DB_PASSWORD_FILE: '/x' })).toEqual([
      'DB_PASSWORD, DB_PASSWORD_FILE: expected exactly one of the two',
    ])
  })

  it('never shows a secret', () => {
    expect(problemsOf({ ...valid, DB_NAME: '1', DB_PASSWORD_FILE: '/x' }).join()).not.toContain('pass word')
  })
})

describe('passwordSource', () => {
  it('reads the file anew each time, without the newline at its end', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'environment-'))
    try {
      const file = join(folder, 'password')
      const password = passwordSource({ DB_PASSWORD_FILE: file })
      await writeFile(file, 'first\n')
      expect(await password()).toBe('first')
      await writeFile(file, 'second\n')
      expect(await password()).toBe('second')
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
