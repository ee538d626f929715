import { describe, expect, it } from 'vitest'
import { isWorse, type Responses, readPaths } from '../src/response-watch.ts'

const of = (errors: number, total: number): Responses => ({ errors, total })

describe('the responses of a release', () => {
  it.each([
    ['one of three instances fails', of(0, 300), of(80, 240)],
    ['a new instance fails the few requests that reach it', of(0, 300), of(12, 240)],
    ['the new container fails the reads of one look', of(0, 20), of(10, 10)],
    ['some requests failed before', of(30, 300), of(100, 240)],
    ['one of two old containers fails its reads too', of(20, 40), of(20, 20)],
  ])('are worse when %s', (_, before, since) => {
    expect(isWorse(before, since)).toBe(true)
  })

  it.each([
    ['none fails', of(0, 300), of(0, 240)],
    ['two fail by chance', of(0, 300), of(2, 240)],
    ['fewer fail than before', of(200, 300), of(10, 240)],
    ['all failed before', of(300, 300), of(240, 240)],
    ['the errors of an overload come in another burst', of(90, 300), of(100, 240)],
    ['the old containers fail their reads as well', of(20, 20), of(10, 10)],
    ['there were none before', of(0, 0), of(3, 3)],
    ['there are none', of(0, 300), of(0, 0)],
    ['the load balancer was restarted', of(5, 300), of(-5, -280)],
  ])('are not worse when %s', (_, before, since) => {
    expect(isWorse(before, since)).toBe(false)
  })
})

describe('the reads that a deployment sends', () => {
  it('are the status and one row of each list', () => {
    const contract = {
      paths: {
        '/tickets': { get: { parameters: [{ name: 'limit' }] }, post: {} },
        '/tickets/{id}': { get: { parameters: [{ name: 'id' }] } },
        '/projects/{id}/tickets': { get: { parameters: [{ name: 'id' }, { name: 'limit' }] } },
        '/purge': { post: { parameters: [{ name: 'limit' }] } },
        '/stats': { get: {} },
      },
    }
    expect(readPaths(JSON.stringify(contract))).toEqual(['/status', '/tickets?limit=1'])
  })
})
