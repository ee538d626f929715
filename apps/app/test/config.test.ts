import { describe, expect, it } from 'vitest'
import { loadConfig } from '../src/config.ts'

const valid = {
  DB_WRITE_ENDPOINT_ADDRESS: 'db-writer',
  DB_READ_ENDPOINT_ADDRESS: 'db-reader',
  DB_NAME: 'testdb',
  DB_TABLENAME: 'testtable',
  DB_USER: 'app',
  DB_PASSWORD: 'secret',
}

describe('loadConfig', () => {
  it('takes the least that is needed', () => {
    const config = loadConfig(valid)
    expect(config.port).toBe(9090)
    expect(config.database).toMatchObject({ reader: { host: 'db-reader', port: 3306 }, user: 'app' })
  })

  it('reports all problems at once', () => {
    const attempt = () => loadConfig({ ...valid, DB_READ_ENDPOINT_ADDRESS: '', PORT: '80x', LOG_LEVEL: 'loud' })
    expect(attempt).toThrow(/DB_READ_ENDPOINT_ADDRESS.*\nPORT: .* got "80x"\nLOG_LEVEL: expected one of fatal.*"loud"/)
  })

  it('has a connect timeout below the deadline of a statement', () => {
    const { connectTimeoutMs, deadlineMs } = loadConfig(valid).database
    expect(connectTimeoutMs).toBeLessThan(deadlineMs)
  })
})
