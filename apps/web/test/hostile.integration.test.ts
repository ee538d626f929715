import { waitFor } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { shareWeb, web } from './shared-web.ts'

shareWeb()

/** The detail of a problem whose title does not say what is expected. */
const details: Readonly<Record<number, string>> = {
  413: 'The body must have at most 131,072 bytes.',
  414: 'The request line must have at most 2,048 bytes.',
}

/** Expects the only response that a connection received to be a problem of this status. */
function expectProblem(received: string, expected: number) {
  const [head = '', body = ''] = received.split('\r\n\r\n')
  expect(head).toMatch(new RegExp(`^HTTP/1\\.[01] ${expected} `))
  expect(head).toMatch(/^content-type: application\/problem\+json$/im)
  const requestId = /^x-request-id: (.*)$/im.exec(head)?.[1]
  expect(requestId).toMatch(/^[0-9a-f]{32}$/)
  const problem = { type: 'about:blank', title: expect.any(String), status: expected, detail: details[expected] }
  expect(JSON.parse(body)).toEqual({ ...problem, requestId })
  return requestId
}

const get = (headers: string, target = '/') => `GET ${target} HTTP/1.1\r\nHost: web\r\n${headers}\r\n`
const post = (headers: string, body: string) => `POST / HTTP/1.1\r\nHost: web\r\n${headers}\r\n${body}`

const chunked = 'Connection: close\r\nTransfer-Encoding: chunked\r\n'

describe.concurrent('a refused request', () => {
  it.each([
    ['a request without a version', 'GET /\r\n\r\n', 400],
    ['bytes that are not a request', '\x01\x02"\\\xff\r\n\r\n', 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
    ['HTTP/1.1 without Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', get('Host: other\r\n'), 400],
    ['an unknown method', 'BREW / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n', 405],
    ['TRACE', 'TRACE / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n', 405],
    ['CONNECT', 'CONNECT web:443 HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n', 400],
    ['an absolute target', get('Connection: close\r\n', 'http://127.0.0.1:9090/'), 400],
    ['the target *', 'OPTIONS * HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n', 400],
    ['a quote in the target', get('Connection: close\r\n', '/"'), 400],
    ['a backslash in the target', get('Connection: close\r\n', '/\\'), 400],
    ['a high byte in the target', get('Connection: close\r\n', '/\xe9'), 400],
    ['a path above the root', get('Connection: close\r\n', '/../../etc/passwd'), 400],
    ['a NUL in the path', get('Connection: close\r\n', '/%00'), 404],
    ['a path below the health check', get('Connection: close\r\n', '/healthz/x'), 404],
    ['a target that is too long', get('', `/${'a'.repeat(2100)}`), 414],
    ['a header that is too long', get(`X-Long: ${'a'.repeat(9000)}\r\n`), 400],
    ['too many headers', get('X-Many: 1\r\n'.repeat(60)), 400],
    ['a header without a colon', get('nonsense\r\n'), 400],
    ['a space before the colon', get('X-Odd : 1\r\n'), 400],
    ['a control byte in a header', get('X-Odd: a\x01b\r\n'), 400],
    ['a lone CR in a header', get('X-Odd: a\rX-Other: b\r\n'), 400],
    ['an expectation', get('Expect: tea\r\n'), 417],
    ['a body that is too long', post('Connection: close\r\nContent-Length: 131073\r\n', ''), 413],
    ['a length that is not a number', post('Connection: close\r\nContent-Length: 1x\r\n', 'ab'), 400],
    ['two lengths', post('Connection: close\r\nContent-Length: 1\r\nContent-Length: 2\r\n', 'ab'), 400],
    ['an invalid chunk', post('Transfer-Encoding: chunked\r\n', 'zz\r\n\r\n'), 400],
    ['an invalid second chunk', post('Transfer-Encoding: chunked\r\n', '2\r\nab\r\nzz\r\n\r\n'), 400],
    ['a length of 63 bits', post('Connection: close\r\nContent-Length: 9223372036854775807\r\n', ''), 413],
    ['a length of 64 bits', post('Content-Length: 9223372036854775808\r\n', ''), 400],
    ['two codings', post('Connection: close\r\nTransfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), 501],
    ['two Transfer-Encodings', post(`${chunked}Transfer-Encoding: chunked\r\n`, '0\r\n\r\n'), 501],
    ['an unknown transfer coding', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), 400],
    ['chunked as a coding that is not the last', post('Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n'), 400],
  ])('gets a problem: %s', async (_, bytes, status) => {
    expectProblem(await web.send(Buffer.from(bytes, 'latin1')), status)
  })

  it('gets a problem: headers that never end', async () => {
    expectProblem(await web.send('GET / HTTP/1.1\r\nHost: web\r\n'), 408)
  })

  it('gets a problem: a chunked body that never ends', async () => {
    expectProblem(await web.send(post('Transfer-Encoding: chunked\r\n', '1\r\na\r\n')), 408)
  })

  it('gets a problem: a body that never arrives', async () => {
    expectProblem(await web.send(post('Content-Length: 10\r\n', 'a')), 408)
  })
})

describe('a length and a chunked body', () => {
  it('have the end of the chunked one, and nothing after it is a request', async () => {
    const hidden = 'GET /hidden HTTP/1.1\r\nHost: web\r\n\r\n'
    const received = await web.send(post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`))
    expect(received).toContain('"body":""')
    expect(received.match(/^HTTP/gm)).toHaveLength(1)
  })
})

describe('the log', () => {
  it('has the reason why an unreadable request was refused', async () => {
    const requestId = expectProblem(await web.send('GET / HTTP/1.1\r\nHost: web\r\nnonsense "\\\r\n\r\n'), 400)
    await waitFor('a line with the reason', async () => {
      const lines = await web.log()
      const { logId } = lines.find((line) => line.requestId === requestId) ?? {}
      return lines.some(
        (line) => line.level === 'debug' && line.logId === logId && String(line.message).includes('nonsense "\\'),
      )
    })
  })

  it('is valid JSON for any header and target', async () => {
    const values = [
      '"',
      '\\',
      '\\"',
      '","status":200,"x":"',
      '\t',
      '\xff\xfe',
      'caf\xe9',
      '\xc3\xa9\u0080',
      'x'.repeat(4000),
    ]
    const names = ['Host', 'User-Agent', 'Referer', 'X-Request-Id', 'X-Forwarded-For', 'X-Forwarded-Proto', 'Cookie']
    const requests = names.flatMap((name) =>
      values.map((value) => {
        const host = name === 'Host' ? '' : 'Host: web\r\n'
        return `GET /hostile HTTP/1.1\r\n${host}${name}: ${value}\r\nConnection: close\r\n\r\n`
      }),
    )
    const targets = values.map((value) => get('Connection: close\r\n', `/hostile?${encodeURI(value)}${value}`))
    const responses: string[] = []
    for (const bytes of [...requests, ...targets]) responses.push(await web.send(Buffer.from(bytes, 'latin1')))
    for (const response of responses) expect(response).toMatch(/^HTTP\/1\.1 [24]\d\d /)
    await waitFor('a log line for each request', async () => {
      const logged = new Set((await web.log()).map(({ requestId }) => requestId))
      return responses.every((response) => logged.has(/^X-Request-Id: (.*)\r$/m.exec(response)?.[1]))
    })
  })

  it('is valid JSON for a thousand requests with random bytes, and no response is a 5xx', async () => {
    // A fixed seed makes a failure reproducible.
    let state = 42
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return (state >>> 8) % below
    }
    const valid = Buffer.from(get('User-Agent: test\r\nConnection: close\r\nContent-Length: 0\r\n', '/hostile?a=b'))
    for (let batch = 0; batch < 50; batch += 1) {
      const responses = Array.from({ length: 20 }, () => {
        const bytes = Buffer.from(valid)
        for (let i = random(4); i >= 0; i -= 1) bytes[random(bytes.length - 4)] = random(256)
        // Ends a request whose length or last line was changed.
        return web.send(Buffer.concat([bytes, Buffer.from('\r\n\r\n')]), { end: true })
      })
      for (const response of await Promise.all(responses)) expect(response).toMatch(/^(HTTP\/1\.[01] (?!50[^1])|$)/)
    }
    expect((await web.log()).length).toBeGreaterThan(500)
  })
})
