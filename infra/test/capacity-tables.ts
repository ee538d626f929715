import type { Config } from '../lib/config.ts'
import { costs, type PricedTemplate } from '../lib/costs.ts'
import prices from '../prices.json' with { type: 'json' }

/** What `npm run capacity` writes to packages/bench/results/latest.json, as far as docs/capacity.md has it. */
export interface Capacity {
  readonly costs: Readonly<Record<string, { readonly restCores: number; readonly msPerWrite: number }>>
  readonly calibrations: Readonly<Record<string, { readonly cpus: number; readonly msPerWrite: number }>>
  readonly knees: Readonly<Record<string, Readonly<Record<string, Knee>>>>
}

interface Knee {
  readonly predicted: number
  readonly measured: number
  readonly deviation: number
  readonly uncalibrated: number
}

/** A deployment and its template. */
export interface Deployment {
  readonly config: Config
  readonly template: PricedTemplate
}

type Deployments = Readonly<Record<string, Deployment>>

/** vCPUs, and the share of each that the price includes. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html */
const instanceTypes: Readonly<Record<string, { readonly vcpus: number; readonly baseline: number }>> = {
  't4g.micro': { vcpus: 2, baseline: 0.1 },
  't4g.small': { vcpus: 2, baseline: 0.2 },
}

/** vCPUs. https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.Summary.html */
const databaseTypes: Readonly<Record<string, number>> = { 't4g.medium': 2, 'r7g.large': 2 }

/** Writes per second, day and night. */
const rates = [10, 100, 1000, 10_000]

const tiers = ['Web', 'App'] as const

const secondsPerMonth = 730 * 3600

/** The tables of docs/capacity.md by their names there. */
export function capacityTables(capacity: Capacity, deployments: Deployments): Readonly<Record<string, string>> {
  return {
    knees: kneeTable(capacity),
    costs: serviceTable(capacity),
    aws: awsTable(capacity, deployments),
    writer: writerTable(capacity, deployments),
  }
}

const block = (name: string) => new RegExp(`(<!-- npm run capacity, ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`)

/** A document with these tables in the places that are marked for them. @throws for a table without one. */
export function withTables(document: string, tables: Readonly<Record<string, string>>): string {
  return Object.entries(tables).reduce((text, [name, table]) => {
    if (!block(name).test(text)) throw new Error(`there is no place for the table ${name}`)
    return text.replace(block(name), (_, begin, end) => `${begin}${table}\n${end}`)
  }, document)
}

const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
const amount = (value: number) => Number(value.toPrecision(3)).toLocaleString('en')

function kneeTable({ knees }: Capacity): string {
  const lines = Object.entries(knees).flatMap(([tier, ofTier]) =>
    Object.entries(ofTier).map(([cpus, { predicted, measured, deviation, uncalibrated }]) =>
      row([`\`${tier}\``, cpus, amount(predicted), amount(measured), percent(deviation), amount(uncalibrated)]),
    ),
  )
  const head = ['limited tier', '`--cpus` of each instance', 'predicted', 'measured', 'deviation', 'uncalibrated']
  return [row(head), '| --- | ---: | ---: | ---: | ---: | ---: |', ...lines].join('\n')
}

const percent = (fraction: number) => `${(100 * fraction).toFixed(0)} %`

function serviceTable({ costs: services, calibrations }: Capacity): string {
  const names = Object.keys(services)
  const each = Object.values(services)
  const limited = names.map((name) => {
    const calibration = calibrations[name]
    return calibration ? `${calibration.msPerWrite} with ${calibration.cpus}` : '-'
  })
  return [
    row(['', ...names.map((name) => `\`${name}\``)]),
    row(['---', ...each.map(() => '---:')]),
    row(['CPU ms per write, without limits', ...each.map(({ msPerWrite }) => msPerWrite)]),
    row(['CPU ms per write, calibrated with `--cpus`', ...limited]),
    row(['at rest, % of a core', ...each.map(({ restCores }) => amount(100 * restCores))]),
  ].join('\n')
}

const msPerWrite = ({ costs: services }: Capacity, service: string): number => {
  const found = services[service]
  if (found === undefined) throw new Error(`no costs of ${service}`)
  return found.msPerWrite
}

function awsTable(capacity: Capacity, deployments: Deployments): string {
  const running = Object.values(deployments).filter(({ config }) => config.maxInstances > 0)
  const names = Object.entries(deployments).flatMap(([name, { config }]) => (config.maxInstances > 0 ? [name] : []))
  const largest = running.map((deployment) => largestRate(capacity, deployment))
  return [
    row(['writes per second', ...names.map((name) => `${name}: instances | USD per million`)]),
    row(['---', ...running.map(() => '--- | ---:')]),
    ...rates.map((rate) =>
      row([amount(rate), ...running.map((deployment) => carrying(capacity, deployment, rate)?.text ?? '- | -')]),
    ),
    row([
      'the most',
      ...running.map((deployment, at) => {
        const rate = largest[at] as number
        return `${amount(rate)}/s with ${carrying(capacity, deployment, rate)?.text}`
      }),
    ]),
  ].join('\n')
}

/** The instances and dollars of a rate; undefined if the groups may not have so many instances. */
function carrying(capacity: Capacity, deployment: Deployment, rate: number) {
  const { config, template } = deployment
  const { vcpus, baseline } = typeOf(config)
  const used = tiers.map((tier) => (rate * msPerWrite(capacity, tier.toLowerCase())) / 1000)
  // Rounding must not require one more than there may be.
  const [Web = 0, App = 0] = used.map((cores) =>
    Math.max(config.minInstances, Math.ceil(cores / (vcpus * targetOf(deployment)) - 1e-9)),
  )
  if (Math.max(Web, App) > config.maxInstances) return undefined
  const fixed = Object.values(costs(template, { Web, App })).reduce((sum, [, dollars]) => sum + dollars, 0)
  const surplus = [Web, App].reduce(
    (sum, instances, at) => sum + Math.max(0, (used[at] ?? 0) - instances * vcpus * baseline),
    0,
  )
  const dollars = fixed + (surplus * prices.hourly['T4g vCPU above the baseline'] * secondsPerMonth) / 3600
  return { text: `${Web} + ${App} | ${amount((dollars * 1e6) / (rate * secondsPerMonth))}` }
}

function largestRate(capacity: Capacity, deployment: Deployment): number {
  const { config } = deployment
  const dearest = Math.max(...tiers.map((tier) => msPerWrite(capacity, tier.toLowerCase())))
  return (config.maxInstances * typeOf(config).vcpus * targetOf(deployment) * 1000) / dearest
}

function typeOf({ instanceType }: Config) {
  const found = instanceTypes[instanceType]
  if (found === undefined) throw new Error(`no vCPUs and baseline of ${instanceType}: add them`)
  return found
}

/** The CPU utilization that the groups are scaled to, as a fraction. */
function targetOf({ template }: Deployment): number {
  const targets = Object.values(template.Resources).flatMap(({ Type, Properties }) =>
    Type === 'AWS::AutoScaling::ScalingPolicy' ? [Properties.TargetTrackingConfiguration.TargetValue / 100] : [],
  )
  return Math.min(...targets)
}

function writerTable(capacity: Capacity, deployments: Deployments): string {
  const writers = Object.entries(deployments).flatMap(([name, { config }]) => {
    const vcpus = databaseTypes[config.databaseInstanceType]
    return vcpus === undefined ? [] : [{ name, type: config.databaseInstanceType, vcpus }]
  })
  return [
    row(['', ...writers.map(({ name }) => name)]),
    row(['---', ...writers.map(() => '---:')]),
    row(['writer', ...writers.map(({ type }) => `db.${type}`)]),
    row(['vCPUs', ...writers.map(({ vcpus }) => vcpus)]),
    row([
      'writes per second that use all of them',
      ...writers.map(({ vcpus }) => amount((vcpus * 1000) / msPerWrite(capacity, 'db-writer'))),
    ]),
  ].join('\n')
}
