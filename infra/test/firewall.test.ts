import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { synthesize } from './synthesis.ts'

const prod = synthesize({ config: configs.prod })

describe('the firewall', () => {
  const acls = prod.all('AWS::WAFv2::WebACL')
  const rules: { Name: string }[] = acls[0]?.Properties.Rules ?? []
  const rule = (name: string) => rules.find(({ Name }) => Name === name)

  it('is on in prod, for the public load balancer', () => {
    const associations = prod.all('AWS::WAFv2::WebACLAssociation').map(({ Properties }) => Properties)
    expect(associations).toEqual([
      {
        WebACLArn: { 'Fn::GetAtt': [acls[0]?.id, 'Arn'] },
        ResourceArn: { Ref: prod.one('AWS::ElasticLoadBalancingV2::LoadBalancer', 'Web').id },
      },
    ])
    expect(synthesize().all('AWS::WAFv2::WebACL')).toEqual([])
  })

  it('lets pass what no rule blocks, and counts a request before the core rules see it', () => {
    expect(acls[0]?.Properties).toMatchObject({ Scope: 'REGIONAL', DefaultAction: { Allow: {} } })
    expect(rules).toMatchObject([
      { Name: 'Rate', Priority: 0 },
      { Name: 'Core', Priority: 1 },
    ])
  })

  it('blocks what the core rules of AWS recognise, except what the contract allows', () => {
    expect(rule('Core')).toMatchObject({
      OverrideAction: { None: {} },
      Statement: {
        ManagedRuleGroupStatement: {
          VendorName: 'AWS',
          Name: 'AWSManagedRulesCommonRuleSet',
          RuleActionOverrides: ['SizeRestrictions_BODY', 'NoUserAgent_HEADER'].map((Name) => ({
            Name,
            ActionToUse: { Count: {} },
          })),
        },
      },
    })
  })

  it('limits the requests of each address', () => {
    expect(rule('Rate')).toMatchObject({
      Statement: { RateBasedStatement: { AggregateKeyType: 'IP', Limit: 6000, EvaluationWindowSec: 300 } },
      Action: {
        Block: { CustomResponse: { ResponseCode: 429, ResponseHeaders: [{ Name: 'Retry-After', Value: '300' }] } },
      },
    })
  })

  it('keeps no samples, which would have credentials', () => {
    const settings = JSON.stringify(acls).match(/"SampledRequestsEnabled":\w+/g)
    expect(new Set(settings)).toEqual(new Set(['"SampledRequestsEnabled":false']))
  })

  it('logs what it blocks, without credentials', () => {
    const [group] = prod.all('AWS::Logs::LogGroup', 'Firewall')
    expect(group?.Properties).toMatchObject({ LogGroupName: `aws-waf-logs-${configs.prod.stackName}` })
    const [logging] = prod.all('AWS::WAFv2::LoggingConfiguration').map(({ Properties }) => Properties)
    expect(JSON.stringify(logging?.LogDestinationConfigs)).toContain(`:log-group:${group?.Properties.LogGroupName}"`)
    expect(logging).toMatchObject({
      ResourceArn: { 'Fn::GetAtt': [acls[0]?.id, 'Arn'] },
      RedactedFields: [{ SingleHeader: { Name: 'authorization' } }, { SingleHeader: { Name: 'cookie' } }],
      LoggingFilter: {
        DefaultBehavior: 'DROP',
        Filters: [{ Behavior: 'KEEP', Conditions: [{ ActionCondition: { Action: 'BLOCK' } }, {}] }],
      },
    })
  })
})
