import { expect, it } from 'vitest'
import { parseCounters, sumOf } from '../src/counters.ts'

const counters = parseCounters(`HTTP/1.0 200 OK
Content-Type: text/plain

# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{route="/read",status="200"} 3
requests_total{route="/write",status="503"} 4.5 1700000000000
requests_total_other 7
size_bucket{le="+Inf"} 1e3
`)

it('sums the series of a name whose labels match', () => {
  expect(sumOf(counters, 'requests_total')).toBe(7.5)
  expect(sumOf(counters, 'requests_total', /status="5/)).toBe(4.5)
  expect(sumOf(counters, 'size_bucket')).toBe(1000)
})

it('returns undefined for an unknown name', () => {
  expect(sumOf(counters, 'requests')).toBeUndefined()
})
