import type { Workload } from './workload.ts'

/** A request that no correct client sends, as bytes on the wire. */
export interface HostileRequest {
  readonly name: string
  /** Sent one after the other, with a pause between them. */
  readonly parts: readonly Buffer[]
}

const crlf = '\r\n'
const host = 'Host: drills.invalid'
const long = (length: number) => 'a'.repeat(length)
const lines = (...parts: string[]) => parts.join(crlf) + crlf + crlf
/** Desynchronises a connection that tiers share, if they disagree on where the request before it ends. */
const hidden = lines('GET /hidden HTTP/1.1', host)
const afterLastChunk = `0${crlf}${crlf}${hidden}`

type Family = (n: number) => readonly string[]

/** By what they attack; `n` varies the repetitions. None is a valid write: what these store matches no request. */
function familiesOf({ listPath: list, table, write }: Workload): Readonly<Record<string, Family>> {
  const get = (path: string, ...headers: string[]) => lines(`GET ${path} HTTP/1.1`, host, ...headers)
  const post = (headers: string[], body: string) => lines(`POST ${list} HTTP/1.1`, host, ...headers) + body
  return {
    'request line': (n) => [
      `${crlf}`,
      lines('GET'),
      lines(`GET ${list}`),
      lines(`GET  ${list}  HTTP/1.1`, host),
      lines(`GET\t${list}\tHTTP/1.1`, host),
      lines(` GET ${list} HTTP/1.1`, host),
      lines(`GET ${list} HTTP/1.1 extra`, host),
      lines(`GET ${list} HTTP/9.9`, host),
      lines(`GET ${list} HTTP/2.0`, host),
      lines(`GET ${list} http/1.1`, host),
      lines(`GET ${list} HTTP/1.1x`, host),
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      lines(`${long(10 + n)} ${list} HTTP/1.1`, host),
      lines(`get ${list} HTTP/1.1`, host),
      lines(`TRACE ${list} HTTP/1.1`, host),
      lines('CONNECT drills.invalid:443 HTTP/1.1', host),
      lines('OPTIONS * HTTP/1.1', host),
      lines(`PROPFIND ${write().path} HTTP/1.1`, host),
      lines(`GET http://elsewhere.invalid${list} HTTP/1.1`, host),
      lines(`GET //elsewhere.invalid${list} HTTP/1.1`, host),
      get(`/${long(2000 + n)}`),
      get(`/${long(9000 + n)}`),
      get(`/${long(40_000 + n)}`),
      get(`${list}\0`),
      get(`${list}%00`),
      get('/%'),
      get('/%zz'),
      get('/%c0%ae%c0%ae/etc/passwd'),
      get('/../../etc/passwd'),
      get('/..%2f..%2fetc%2fpasswd'),
      get('/%2e%2e/%2e%2e/etc/passwd'),
      get(`${list}\\..\\x`),
      get('/réad'),
      get('/"}{"level":"fatal"'),
      get(`${list}%0d%0aX-Injected:%20yes`),
      get(`${list}#fragment-${n}`),
      get(`${list};limit=1`),
      get('*'),
      get(''),
    ],
    query: (n) =>
      [
        'limit=',
        'limit=0',
        'limit=-1',
        'limit=1e3',
        'limit=10001',
        `limit=${'9'.repeat(50 + (n % 500))}`,
        'limit=1&limit=2',
        'limit[]=1',
        'limit=%00',
        `limit=1;DROP TABLE ${table}`,
        "limit=1'%20OR%20'1'='1",
        'limit=1&after=',
        `limit=1&after=${long(1000 + n)}`,
        'limit=1&after=%ff%fe',
        `limit=1&after=${Buffer.from('9999-99-99 99:99:99.999 1').toString('base64url')}`,
        `limit=1&after=${Buffer.from('2026-01-01 00:00:00.000 1 OR 1=1').toString('base64url')}`,
        'after=x',
        '__proto__=x',
        'constructor[prototype][x]=1',
        '%',
        '%zz=%zz',
        '&'.repeat(500),
        '=',
        '?',
      ].map((query) => get(`${list}?${query}`)),
    headers: (n) => [
      lines(`GET ${list} HTTP/1.1`),
      lines(`GET ${list} HTTP/1.1`, 'Host:'),
      lines(`GET ${list} HTTP/1.1`, host, 'Host: elsewhere.invalid'),
      lines(`GET ${list} HTTP/1.1`, 'Host: drills.invalid:99999999'),
      lines(`GET ${list} HTTP/1.1`, 'Host: a b'),
      lines(`GET ${list} HTTP/1.1`, 'Host: "><script>'),
      lines(`GET ${list} HTTP/1.1`, `Host: ${long(5000)}`),
      get('/healthz', 'No-Colon'),
      get('/healthz', ': no name'),
      get('/healthz', 'Space : before the colon'),
      get('/healthz', 'X-Folded: one', ' two'),
      get('/healthz', 'X-Null: a\0b'),
      get('/healthz', 'X-Control: a\x01\x1b[31mb\x7f'),
      get('/healthz', 'X-Bytes: \xff\xfe\xc3\x28'),
      get('/healthz', 'X\xe9: name'),
      get('/healthz', `X-Long: ${long(7000 + n)}`),
      get('/healthz', `X-Long: ${long(9000 + n)}`),
      get('/healthz', `X-Long: ${long(60_000 + n)}`),
      get('/healthz', ...Array.from({ length: 60 }, (_, at) => `X-${at}: ${n}`)),
      get('/healthz', ...Array.from({ length: 500 }, (_, at) => `X-${at}: ${n}`)),
      get('/healthz', `Cookie: ${'a=b; '.repeat(1000)}`),
      get(`${list}?limit=1`, 'X-Request-Id: '),
      get(`${list}?limit=1`, `X-Request-Id: ${long(65)}`),
      get(`${list}?limit=1`, 'X-Request-Id: a"b\\c{}'),
      get(`${list}?limit=1`, 'X-Request-Id: a\tb'),
      get(`${list}?limit=1`, 'X-Request-Id: one', 'X-Request-Id: two'),
      get(`${list}?limit=1`, 'Connection: X-Request-Id, X-Forwarded-For, Host'),
      get(`${list}?limit=1`, 'Connection: close, keep-alive, upgrade'),
      get(`${list}?limit=1`, 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
      get(`${list}?limit=1`, 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'),
      get(`${list}?limit=1`, 'Expect: 999-unknown'),
      get(`${list}?limit=1`, `Range: bytes=${Array.from({ length: 200 }, (_, at) => `${at}-`).join(',')}`),
      get(`${list}?limit=1`, 'If-Modified-Since: never', 'If-Range: x', 'If-Match: *'),
      get(`${list}?limit=1`, `Accept: ${'a/b;q=0.1,'.repeat(300)}`),
      get(`${list}?limit=1`, 'Accept: \xff/\xff'),
      get(`${list}?limit=1`, 'Accept-Encoding: gzip;q=nan, *;q=-1, \x01'),
      get(`${list}?limit=1`, `X-Forwarded-For: ${'1.2.3.4, '.repeat(500)}`),
      get(`${list}?limit=1`, 'X-Forwarded-For: "><, \\, 999.999.999.999', 'X-Forwarded-Proto: javascript'),
      get(`${list}?limit=1`, 'X-Forwarded-Host: elsewhere.invalid', 'Forwarded: for="_x\\"'),
      get(`${list}?limit=1`, 'User-Agent: "},{"level":"fatal","x":"\\u0000\\', 'Referer: \\x22\\'),
      'GET /healthz HTTP/1.1\nHost: drills.invalid\n\n',
      'GET /healthz HTTP/1.1\rHost: drills.invalid\r\r',
      `GET /healthz HTTP/1.1${crlf}${host}${crlf}X-Cut: off`,
    ],
    bodies: (n) => [
      post(['Content-Length: -1'], ''),
      post(['Content-Length: +5'], 'hello'),
      post(['Content-Length: 5x'], 'hello'),
      post(['Content-Length: 0x5'], 'hello'),
      post(['Content-Length: 99999999999999999999'], 'hello'),
      post(['Content-Length: 100'], 'cut off'),
      post(['Content-Length: 5', 'Content-Length: 6'], 'hello!'),
      post(['Content-Length: 5, 5'], 'hello'),
      post([`Content-Length: ${131_073 + n}`], long(131_073 + n)),
      post(['Content-Length: 200000'], long(200_000)),
      post(['Transfer-Encoding: chunked'], `zz${crlf}hello${crlf}0${crlf}${crlf}`),
      post(['Transfer-Encoding: chunked'], `ffffffffffffffffff${crlf}hello`),
      post(['Transfer-Encoding: chunked'], `-5${crlf}hello${crlf}`),
      post(['Transfer-Encoding: chunked'], `5;${long(5000)}${crlf}hello${crlf}0${crlf}${crlf}`),
      post(['Transfer-Encoding: chunked'], `5${crlf}hell`),
      post(['Transfer-Encoding: gzip'], 'hello'),
      post(['Transfer-Encoding: chunked, chunked'], `0${crlf}${crlf}`),
      post(['Transfer-Encoding: identity', 'Content-Length: 5'], 'hello'),
      post(['Content-Encoding: gzip', 'Content-Length: 5', 'Content-Type: application/json'], 'hello'),
      post(['Content-Encoding: bomb', 'Content-Type: \xff', 'Content-Length: 5'], 'hello'),
      post(['Expect: 100-continue', 'Content-Length: 5'], ''),
      `GET ${list}?limit=1 HTTP/1.1${crlf}${host}${crlf}Content-Length: 5${crlf}${crlf}hello`,
    ],
    smuggling: () => [
      post([`Content-Length: ${afterLastChunk.length}`, 'Transfer-Encoding: chunked'], afterLastChunk),
      post(['Content-Length: 4', 'Transfer-Encoding: chunked'], `5c${crlf}${hidden}${crlf}0${crlf}${crlf}`),
      post([`Content-Length: ${afterLastChunk.length}`, 'Transfer-Encoding : chunked'], afterLastChunk),
      post([`Content-Length: ${afterLastChunk.length}`, 'Transfer-Encoding:\tchunked'], afterLastChunk),
      post([`Content-Length: ${afterLastChunk.length}`, 'Transfer-Encoding: \x0bchunked'], afterLastChunk),
      post([`Content-Length: ${afterLastChunk.length}`, 'Transfer-Encoding: xchunked'], afterLastChunk),
      post([`Content-Length: ${afterLastChunk.length}`, 'Transfer-Encoding: "chunked"'], afterLastChunk),
      post([`Content-Length: ${afterLastChunk.length}`, 'Transfer-Encoding: chunked, identity'], afterLastChunk),
      post([`Content-Length: ${afterLastChunk.length}`, 'X: y\nTransfer-Encoding: chunked'], afterLastChunk),
      post([`Content-Length: ${afterLastChunk.length}`, 'Transfer-Encoding:', ' chunked'], afterLastChunk),
      post(
        [`Content-Length: ${afterLastChunk.length}`, 'Transfer-Encoding: cow', 'Transfer-Encoding: chunked'],
        afterLastChunk,
      ),
      post(['Transfer-Encoding: chunked'], `0${crlf}X-Trailer: a${crlf}Content-Length: 50${crlf}${crlf}${hidden}`),
      post(['Content-Length: 0', `Content-Length: ${hidden.length}`], hidden),
      post([`Content-Length: 0${hidden.length}`], hidden),
      post([`Content\0-Length: ${hidden.length}`], hidden),
      post(['Content-Length: 5', 'Expect: 100-continue'], `hello${crlf}${hidden}`),
      lines(`GET ${list}?limit=1 HTTP/1.0`, host, 'Connection: keep-alive', 'Transfer-Encoding: chunked') +
        afterLastChunk,
      lines(`HEAD ${list} HTTP/1.1`, host, `Content-Length: ${hidden.length}`) + hidden,
      get(`${list}?limit=1%20HTTP/1.1%0d%0aX:%20y`),
      get(list, `X-Injected: a\rGET /hidden HTTP/1.1\r${host}`),
      get(list, `X-Injected: a\n\nGET /hidden HTTP/1.1\n${host}`),
    ],
  }
}

/**
 * The first `count` of an endless sequence of hostile requests, from every family in turn: at one time as a whole, at the
 * next with what follows the headers apart.
 */
export function hostileRequests(workload: Workload, count: number): HostileRequest[] {
  const families = Object.entries(familiesOf(workload))
  const requests: HostileRequest[] = []
  for (let n = 0; requests.length < count; n += 1) {
    for (const [family, make] of families) {
      for (const [index, text] of make(n).entries()) {
        const parts = n % 2 === 0 ? [text] : text.split(/(?<=\r\n\r\n)(.+)/s, 2)
        requests.push({ name: `${family} ${index + 1}`, parts: parts.map((part) => Buffer.from(part, 'latin1')) })
      }
    }
  }
  return requests.slice(0, count)
}
