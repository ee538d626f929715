import { describe, expect, it } from 'vitest'
import { type Resource, synthesize } from './synthesis.ts'

const dev = synthesize()

/** The ids of everything that CloudFormation creates or updates before a resource. */
function before(id: string, found = new Set<string>()): ReadonlySet<string> {
  const { DependsOn = [], ...rest } = dev.resources[id] as Resource
  const references = [...JSON.stringify(rest).matchAll(/"(?:Ref":|Fn::GetAtt":\[)"(\w+)"/g)].map(([, each]) =>
    String(each),
  )
  for (const each of [DependsOn as string | string[], references].flat()) {
    if (found.has(each) || !(each in dev.resources)) continue
    found.add(each)
    before(each, found)
  }
  return found
}

describe('a deployment', () => {
  const schema = dev.one('Custom::DatabaseSchema').id
  const app = dev.one('AWS::AutoScaling::AutoScalingGroup', 'App').id
  const web = dev.one('AWS::AutoScaling::AutoScalingGroup', 'Web').id

  it('changes the schema before the app', () => {
    expect(before(app)).toContain(schema)
  })

  it('replaces the instances of the app before those of the web tier', () => {
    expect(before(web)).toContain(app)
  })
})
