import { describe, expect, it } from 'vitest'
import { type LogLine, parseLogLine, sortLines } from '../src/log-line.ts'

const at = '2026-11-22T09:33:53.500000000Z'
const printed = (instance: string, text: string) => `\u001b[2K${instance}  | ${at} ${text}`

describe('parseLogLine', () => {
  it.each([
    [
      'alb-1',
      '{"time":"2026-11-22T09:33:53.123Z","requestId":"r","method":"GET","uri":"/write","status":200,"durationMs":12,"target":"web/web1"}',
      { msg: 'alb-1       GET /write 200 in 12 ms', level: 'info', target: 'web/web1', requestId: 'r' },
    ],
    [
      'web-2',
      '{"time":"2026-11-22T09:33:53.123Z","level":"info","service":"web","requestId":"r","method":"GET","path":"/write","status":200,"durationUs":1234,"referer":"-"}',
      { msg: 'web-2       GET /write 200 in 1.2 ms', level: 'info', requestId: 'r' },
    ],
    [
      'app-1',
      '{"level":"info","time":"2026-11-22T09:33:53.123Z","service":"app","id":"r","method":"GET","path":"/write","status":200,"durationMs":0.4,"msg":"request completed"}',
      { msg: 'app-1       GET /write 200 in 0.4 ms', level: 'info', id: 'r' },
    ],
  ])('gives a request line of %s the common form', (instance, text, record) => {
    const line = parseLogLine(printed(instance, text))
    expect(line).toMatchObject({ instance, requestId: 'r', at: Date.parse('2026-11-22T09:33:53.123Z') })
    expect(line?.record).toMatchObject(record)
    expect(line?.record).not.toHaveProperty('referer')
  })

  it.each([
    ['2026-11-22T09:33:53.1Z 0 [Warning] [MY-1] [Server] is old', 'warn', '0 [Warning] [MY-1] [Server] is old'],
    ['[ALERT]    (1) : no server', 'fatal', '[ALERT]    (1) : no server'],
    ['{"truncated', 'info', '{"truncated'],
  ])('keeps a line that is not JSON: %s', (text, level, msg) => {
    const line = parseLogLine(printed('db-writer-1', text))
    expect(line).toMatchObject({ at: Date.parse(at), requestId: undefined })
    expect(line?.record).toMatchObject({ level, msg: `db-writer-1 ${msg}` })
  })

  it('returns undefined for a line without a container and a time', () => {
    expect(parseLogLine('')).toBeUndefined()
    expect(parseLogLine('app-1 exited')).toBeUndefined()
  })
})

it('gives a line the same key for any width of the first column', () => {
  const keys = ['app-1  | 2026-11-22T09:33:53.1Z text', '\u001b[2Kapp-1      | 2026-11-22T09:33:53.1Z text'].map(
    (line) => parseLogLine(line)?.key,
  )
  expect(keys[0]).toBeDefined()
  expect(keys[1]).toBe(keys[0])
})

describe('sortLines', () => {
  const line = (instance: string, at: number): LogLine => ({
    instance,
    at,
    key: `${instance} ${at}`,
    requestId: 'r',
    record: {},
  })
  const lines = [line('app-2', 1), line('alb-1', 3), line('web-1', 2)]

  it('sorts by time', () => {
    expect(sortLines(lines, { byTier: false }).map(({ instance }) => instance)).toEqual(['app-2', 'web-1', 'alb-1'])
  })

  it('sorts by tier first, for the lines of one request', () => {
    expect(sortLines(lines, { byTier: true }).map(({ instance }) => instance)).toEqual(['alb-1', 'web-1', 'app-2'])
  })
})
