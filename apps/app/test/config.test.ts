import { describe, expect, it } from 'vitest'
import { loadConfig } from '../src/config.ts'
import { thingsResource } from './test-app.ts'

const valid = {
  DB_WRITE_ENDPOINT_ADDRESS: 'db-writer',
  DB_READ_ENDPOINT_ADDRESS: 'db-reader',
  DB_NAME: 'testdb',
  DB_USER: 'app',
  DB_PASSWORD: 'secret',
}

describe('loadConfig', () => {
  it('requires only the variables of the database', () => {
    const config = loadConfig(valid, [])
    expect(config.port).toBe(9090)
    expect(config.database).toMatchObject({ reader: { host: 'db-reader', port: 3306 }, user: 'app' })
  })

  it('reads the variables of the resources', () => {
    expect(loadConfig({ ...valid, THINGS: '2' }, [thingsResource()]).resources).toMatchObject({ THINGS: 2 })
    expect(() => loadConfig({ ...valid, THINGS: '3' }, [thingsResource()])).toThrow(/^THINGS: /)
  })

  it('reports all problems at once', () => {
    const attempt = () => loadConfig({ ...valid, DB_READ_ENDPOINT_ADDRESS: '', PORT: '80x', LOG_LEVEL: 'loud' }, [])
    expect(attempt).toThrow(/DB_READ_ENDPOINT_ADDRESS.*\nPORT: .* got "80x"\nLOG_LEVEL: expected one of fatal.*"loud"/)
  })

  it('has a connect timeout below the deadline of a call', () => {
    const { connectTimeoutMs, deadlineMs } = loadConfig(valid, []).database
    expect(connectTimeoutMs).toBeLessThan(deadlineMs)
  })

  it('has a drain delay below the drain deadline', () => {
    const { delayMs, deadlineMs } = loadConfig(valid, []).drain
    expect(delayMs).toBeLessThan(deadlineMs)
  })

  it.each(['collector:4318', 'grpc://collector', 'http//collector'])(
    'refuses %j as an address for traces',
    (address) => {
      expect(() => loadConfig({ ...valid, OTEL_EXPORTER_OTLP_ENDPOINT: address }, [])).toThrow(/^OTEL_EXPORTER/)
    },
  )
})
