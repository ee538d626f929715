import { describe, expect, it } from 'vitest'
import { type Config, configOf, configs } from '../lib/config.ts'
import { requireValid } from '../lib/config-rules.ts'
import { incomplete, secured, zoned } from './synthesis.ts'

/** Selects a deployment by the context of the CLI. */
const select = (context: Readonly<Record<string, unknown>>) =>
  configOf((name) => context[name], { ...configs, prod: incomplete })

describe('the context', () => {
  it('selects dev by default, and any other by name', () => {
    expect(select({})).toBe(configs.dev)
    expect(select({ environment: 'lab', protect: 'true', experiments: 'true', ignoreAlarms: 'false' })).toBe(
      configs.lab,
    )
  })

  it.each(['staging', '', 'Dev'])('fails for an environment that does not exist: %j', (environment) => {
    expect(() => select({ environment })).toThrow(
      `unknown environment: got ${JSON.stringify(environment)}, allowed are dev, lab, paused, prod`,
    )
  })

  it.each(['protect', 'experiments', 'ignoreAlarms'])('fails for a switch that is neither on nor off: %s', (name) => {
    for (const value of ['no', '', 'TRUE']) {
      expect(() => select({ [name]: value })).toThrow(
        `invalid context ${name}: got ${JSON.stringify(value)}, allowed are true, false`,
      )
    }
  })

  it('fails with every problem at once', () => {
    expect(() => select({ environment: 'staging', protect: 'no', experiments: 'yes' })).toThrow(
      /^unknown environment: .*\ninvalid context protect: .*\ninvalid context experiments: .*$/,
    )
  })
})

describe('prod', () => {
  const { certificate, alarmEmail } = secured

  it.each(['true', 'false'])(
    'is refused until it has a certificate and an address for alarms: protect=%s',
    (protect) => {
      expect(() => select({ environment: 'prod', protect })).toThrow(
        /^prod is not complete and valid: set in infra\/lib\/config.ts\n {2}certificate: expected .*arn.*hostedZone.*, it is not set\n {2}alarmEmail: expected an e-mail address, it is not set$/,
      )
    },
  )

  it.each([
    ['the certificate', { ...incomplete, alarmEmail } as Config, 'certificate', 'alarmEmail'],
    ['the address', { ...incomplete, certificate } as Config, 'alarmEmail', 'certificate'],
  ])('is refused without %s, and only that is named', (_what, config, missing, present) => {
    const check = () => requireValid('prod', config)
    expect(check).toThrow(missing)
    expect(check).not.toThrow(present)
  })

  it.each([secured, zoned])('is accepted with both', (config) => {
    expect(() => requireValid('prod', config)).not.toThrow()
  })
})

describe('the configuration', () => {
  const { certificate } = zoned
  const domainName = 'www.example.org'
  const { region } = secured
  const arn = `arn:aws:acm:${region}:123456789012:certificate/0`

  it.each<readonly [setting: string, value: unknown]>([
    ['stackName', 'my_stack'],
    ['stackName', 'T'.repeat(42)],
    ['region', 'tokyo'],
    ['zones', [`${region}a`]],
    ['zones', [`${region}a`, `${region}a`]],
    ['zones', ['xx-other-1a', 'xx-other-1b']],
    ['nat', 'gatway'],
    ['architecture', 'arm'],
    ['instanceType', 't4g.small'],
    ['instanceType', 'small'],
    ['pins', { images: { NODE_IMAGE: 'node:26@sha256:0' }, machineImages: {} }],
    ['pins', { images: {}, machineImages: { arm64: 'newest' } }],
    ['minInstances', '2'],
    ['minInstances', 1.5],
    ['minInstances', 0],
    ['maxInstances', 2],
    ['maxInstances', '6'],
    ['databaseInstanceType', ''],
    ['databaseReader', 'yes'],
    ['performanceInsights', 'true'],
    ['databaseInstanceType', 't4g.medium'],
    ['backupRetentionDays', 0],
    ['backupRetentionDays', '14'],
    ['backupCopyRegion', region],
    ['backupCopyRegion', ''],
    ['monthlyBudgetDollars', 0],
    ['monthlyBudgetDollars', '400'],
    ['protect', 'true'],
    ['logRetentionDays', 8],
    ['firewall', 'no'],
    ['certificate', ''],
    ['certificate', arn],
    ['certificate', { domainName }],
    ['certificate', { domainName, arn: '' }],
    ['certificate', { domainName, arn: arn.replace(region, 'xx-other-1') }],
    ['certificate', { domainName, arn, hostedZone: { id: 'Z0', name: 'example.org' } }],
    ['certificate', { domainName: '', arn }],
    ['certificate', { domainName: 'https://www.example.org/', arn }],
    ['certificate', { domainName, hostedZone: { id: '', name: 'example.org' } }],
    ['certificate', { domainName, hostedZone: { id: 'Z0', name: 'example.com' } }],
    ['certificate', { domainName: 'badexample.org', hostedZone: { id: 'Z0', name: 'example.org' } }],
    ['alarmEmail', ''],
    ['alarmEmail', 'nobody'],
    ['alarmEmail', 'a b@example.org'],
    ['alarmMail', 'operator@example.org'],
  ])('is refused for %s = %j', (setting, value) => {
    const wrong = { ...secured, [setting]: value } as Config
    expect(() => requireValid('prod', wrong)).toThrow(/infra\/lib\/config.ts\n {2}\w+: (expected .*, got |there is no)/)
  })

  it('is refused with every problem at once, what is expected and what it is', () => {
    const wrong = { ...secured, nat: 'gatway', monthlyBudgetDollars: '400' } as unknown as Config
    expect(() => requireValid('prod', wrong)).toThrow(
      'prod is not complete and valid: set in infra/lib/config.ts\n' +
        '  nat: expected "gateway per zone", "gateway", "instance", "none", got "gatway"\n' +
        '  monthlyBudgetDollars: expected an integer from 1, got "400"',
    )
  })

  it.each([
    { ...secured, certificate: { domainName: 'example.org', hostedZone: { id: 'Z0', name: 'example.org' } } },
    { ...secured, region: 'xx-other-1', zones: ['xx-other-1a', 'xx-other-1f'], certificate } as const,
    { ...secured, pins: { images: { NODE_IMAGE: `node:26@sha256:${'0'.repeat(64)}` }, machineImages: {} } },
  ])('is accepted with other values', (config) => {
    expect(() => requireValid('prod', config)).not.toThrow()
  })
})
