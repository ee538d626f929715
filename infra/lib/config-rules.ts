import { InstanceType } from 'aws-cdk-lib/aws-ec2'
import type { Config } from './config.ts'

/** What a value of a setting has to be, in words and as a check. Undefined is allowed where the setting is optional. */
type Rule = readonly [expected: string, holds: (value: unknown, config: Config) => boolean]

const matches = (form: RegExp) => (value: unknown) => typeof value === 'string' && form.test(value)
const oneOf = (...allowed: readonly unknown[]): Rule => [
  allowed.map((each) => JSON.stringify(each)).join(', '),
  (value) => allowed.includes(value),
]
const integer = (value: unknown, from: number, to = Number.MAX_SAFE_INTEGER) =>
  Number.isInteger(value) && Number(value) >= from && Number(value) <= to
const flag = oneOf(true, false)

const instanceTypeForm = /^[a-z][a-z0-9-]*\.[a-z0-9]+$/
const regionForm = /^[a-z]{2}(-[a-z]+)+-\d$/
const domainForm = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/

/** One for each setting: a new one without a rule does not compile. */
const rules: Readonly<Record<keyof Config, Rule>> = {
  // The name of the backups' vault is nine characters longer, and may have 50.
  stackName: ['at most 41 letters, digits and hyphens, the first a letter', matches(/^[A-Za-z][A-Za-z0-9-]{0,40}$/)],
  region: ["a region, such as 'ap-northeast-1'", matches(regionForm)],
  zones: [
    'two different zones of the region',
    (zones, { region }) =>
      Array.isArray(zones) &&
      zones.length === 2 &&
      new Set(zones).size === 2 &&
      zones.every(matches(new RegExp(`^${region}[a-z]$`))),
  ],
  nat: oneOf('gateway per zone', 'gateway', 'instance', 'none'),
  architecture: oneOf('arm64', 'x86_64'),
  instanceType: [
    "a type of the architecture, such as 't4g.micro' for arm64 and 't3.micro' for x86_64",
    (type, { architecture }) =>
      matches(instanceTypeForm)(type) && String(new InstanceType(String(type)).architecture) === architecture,
  ],
  pins: [
    'images, each as NAME:TAG or NAME:TAG@sha256:DIGEST, and machineImages, each as ami-ID',
    (pins) =>
      Object.values(Object(Object(pins).images)).every(matches(/^[^\s:@]+:[^\s:@]+(@sha256:[0-9a-f]{64})?$/)) &&
      Object.values(Object(Object(pins).machineImages)).every(matches(/^ami-[0-9a-f]{8,17}$/)),
  ],
  minInstances: ['an integer from 0', (value) => integer(value, 0)],
  maxInstances: [
    'more than minInstances, because a deployment starts an instance before it ends one, or 0 when that is 0',
    (value, { minInstances }) => (minInstances === 0 ? value === 0 : integer(value, Number(minInstances) + 1)),
  ],
  databaseInstanceType: [
    "'serverless' or a type, such as 't4g.medium'",
    (value) => value === 'serverless' || matches(instanceTypeForm)(value),
  ],
  databaseReader: flag,
  performanceInsights: [
    'true or false, and false for a t type',
    (value, { databaseInstanceType }) => value === false || (value === true && !/^t/.test(databaseInstanceType)),
  ],
  backupRetentionDays: ['an integer from 1 to 35', (value) => integer(value, 1, 35)],
  backupCopyRegion: [
    'another region',
    (value, { region }) => value === undefined || (matches(regionForm)(value) && value !== region),
  ],
  monthlyBudgetDollars: ['an integer from 1', (value) => integer(value, 1)],
  protect: flag,
  logRetentionDays: oneOf(7, 14, 30, 90, 180, 365),
  firewall: flag,
  certificate: [
    "{ domainName: '…', arn: '…' } with a certificate of ACM in the region, or { domainName: '…', hostedZone: { id: " +
      "'Z…', name: '…' } } with a zone that contains the domain",
    (value, { protect, region }) => (value === undefined ? !protect : isCertificate(value, region)),
  ],
  alarmEmail: [
    'an e-mail address',
    (value, { protect }) => (value === undefined ? !protect : matches(/^[^\s@]+@[^\s@]+\.[^\s@.]+$/)(value)),
  ],
}

function isCertificate(value: unknown, region: string): boolean {
  const { domainName, arn, hostedZone } = Object(value)
  if (!matches(domainForm)(domainName) || (arn === undefined) === (hostedZone === undefined)) return false
  if (hostedZone === undefined) return matches(new RegExp(`^arn:aws:acm:${region}:\\d{12}:certificate/[\\w-]+$`))(arn)
  const { id, name } = Object(hostedZone)
  return matches(/^Z[A-Z0-9]+$/)(id) && matches(domainForm)(name) && `.${domainName}`.endsWith(`.${name}`)
}

/**
 * Node runs infra/lib/config.ts without a type checker, and AWS would report a wrong value after minutes.
 *
 * @throws with every problem at once. A deployment with `protect` also needs a certificate and an address for alarms.
 */
export function requireValid(environment: string, config: Config): void {
  const names = new Set([...Object.keys(rules), ...Object.keys(config)])
  const problems = [...names].flatMap((name) => {
    const value = config[name as keyof Config]
    const rule = rules[name as keyof Config]
    if (!rule) return [`${name}: there is no such setting`]
    const [expected, holds] = rule
    if (holds(value, config)) return []
    return [`${name}: expected ${expected}, ${value === undefined ? 'it is not set' : `got ${JSON.stringify(value)}`}`]
  })
  if (problems.length > 0) {
    throw new Error(
      `${environment} is not complete and valid: set in infra/lib/config.ts\n${problems.map((each) => `  ${each}`).join('\n')}`,
    )
  }
}
