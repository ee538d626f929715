import { describe, expect, it } from 'vitest'
import { secured, synthesize, zoned } from './synthesis.ts'

const listener = 'AWS::ElasticLoadBalancingV2::Listener'

describe.each([
  ['a certificate', synthesize({ config: secured })],
  ['a hosted zone', synthesize({ config: zoned })],
])('the site with %s', (_name, stack) => {
  const [http, https] = stack.all(listener, 'Web').map(({ Properties }) => Properties)

  it('only redirects over HTTP', () => {
    expect(http).toMatchObject({
      Port: 80,
      DefaultActions: [
        { Type: 'redirect', RedirectConfig: { Protocol: 'HTTPS', Port: '443', StatusCode: 'HTTP_301' } },
      ],
    })
  })

  it('is served over current TLS', () => {
    expect(https).toMatchObject({ Port: 443, Protocol: 'HTTPS', DefaultActions: [{ Type: 'forward' }] })
    expect(https.SslPolicy).toMatch(/^ELBSecurityPolicy-TLS13-1-2-Res-PQ-/)
    expect(stack.template.Outputs.Url?.Value).toBe('https://www.example.org/')
  })

  it('lets browsers use HTTPS only', () => {
    expect(https.ListenerAttributes ?? []).toContainEqual({
      Key: 'routing.http.response.strict_transport_security.header_value',
      Value: 'max-age=31536000',
    })
  })
})

describe('the site with a hosted zone', () => {
  const stack = synthesize({ config: zoned })

  it('has a certificate that is validated in the zone', () => {
    const certificates = stack.all('AWS::CertificateManager::Certificate')
    expect(certificates.map(({ Properties }) => Properties)).toMatchObject([
      {
        DomainName: 'www.example.org',
        ValidationMethod: 'DNS',
        DomainValidationOptions: [{ DomainName: 'www.example.org', HostedZoneId: 'Z0' }],
      },
    ])
    const [, https] = stack.all(listener, 'Web')
    expect(https?.Properties.Certificates).toEqual([{ CertificateArn: { Ref: certificates[0]?.id } }])
  })

  it('has an alias record of the load balancer', () => {
    const loadBalancer = stack.one('AWS::ElasticLoadBalancingV2::LoadBalancer', 'Web').id
    const records = stack.all('AWS::Route53::RecordSet').map(({ Properties }) => Properties)
    expect(records).toMatchObject([
      { Name: 'www.example.org.', Type: 'A', HostedZoneId: 'Z0', AliasTarget: expect.anything() },
    ])
    expect(JSON.stringify(records[0].AliasTarget)).toContain(loadBalancer)
  })
})

describe('the site without a certificate', () => {
  it('does not ask browsers for HTTPS', () => {
    expect(JSON.stringify(synthesize().all(listener))).not.toContain('strict_transport_security')
  })
})
