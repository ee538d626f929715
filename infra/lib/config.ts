import pins from '../pins.json' with { type: 'json' }
import { requireValid } from './config-rules.ts'

/** The product's name in the names of stacks and metrics. Another one makes CloudFormation create new stacks. */
export const product = 'ThreeTier'

/** One deployment. Every field is a plain value, so that two deployments can be compared line by line. */
export interface Config {
  readonly stackName: string
  readonly region: string
  /** Explicit, because looking them up needs credentials. */
  readonly zones: readonly [string, string]
  /** How instances and functions reach the internet. One gateway per zone survives the loss of a zone. */
  readonly nat: 'gateway per zone' | 'gateway' | 'instance' | 'none'
  /** Of the instances and the images. `arm64` needs t4g types, `x86_64` t3 types. */
  readonly architecture: 'arm64' | 'x86_64'
  readonly instanceType: string
  /** What instances are made of. Renovate moves the images in pins.json, `.ci/pin` the machine images. */
  readonly pins: Pins
  /** Instances per tier, spread over the zones. */
  readonly minInstances: number
  readonly maxInstances: number
  /** `serverless` scales between 0.5 and 2 ACU; without instances of the tiers it pauses. */
  readonly databaseInstanceType: string
  /** Without a reader the reader endpoint is the writer's, and a lost writer is created anew, which takes minutes. */
  readonly databaseReader: boolean
  /** Not available for t types. */
  readonly performanceInsights: boolean
  readonly backupRetentionDays: number
  /** Another region for daily copies of the database, which has a vault with the stack's name. */
  readonly backupCopyRegion?: string
  /** Messages go to the alarms' topic at 80 % of it, and when the forecast exceeds it. */
  readonly monthlyBudgetDollars: number
  /** Protects stack, cluster and load balancers from deletion, and takes a final snapshot of a deleted cluster. */
  readonly protect: boolean
  readonly logRetentionDays: 7 | 14 | 30 | 90 | 180 | 365
  /** AWS WAF in front of the public load balancer. */
  readonly firewall: boolean
  /** With a certificate the site is served over HTTPS, and HTTP only redirects to it. */
  readonly certificate?: CertificateConfig
  /** Receives the alarms once its owner has confirmed the subscription. */
  readonly alarmEmail?: string
}

export interface Pins {
  /** The base images by their argument in the Dockerfiles, with a digest once they are pinned. */
  readonly images: Readonly<Record<string, string>>
  /** Amazon Linux by architecture. Without one, each deployment takes the newest. */
  readonly machineImages: { readonly arm64?: string; readonly x86_64?: string }
}

/** A certificate of ACM in the stack's region, or the Route 53 zone in which the stack makes it and the DNS record. */
export type CertificateConfig = { readonly domainName: string } & (
  | { readonly arn: string }
  | { readonly hostedZone: { readonly id: string; readonly name: string } }
)

const dev: Config = {
  stackName: `${product}Dev`,
  region: 'ap-northeast-1',
  zones: ['ap-northeast-1a', 'ap-northeast-1c'],
  nat: 'gateway',
  architecture: 'arm64',
  instanceType: 't4g.micro',
  pins,
  minInstances: 2,
  maxInstances: 4,
  databaseInstanceType: 't4g.medium',
  databaseReader: true,
  performanceInsights: false,
  backupRetentionDays: 1,
  monthlyBudgetDollars: 400,
  protect: false,
  logRetentionDays: 7,
  firewall: false,
}

/** For demonstrations: no second instance of anything, so the loss of any one is an outage of minutes. */
const lab: Config = {
  ...dev,
  stackName: `${product}Lab`,
  nat: 'instance',
  minInstances: 1,
  maxInstances: 2,
  databaseInstanceType: 'serverless',
  databaseReader: false,
  monthlyBudgetDollars: 200,
}

/** The lab without instances. The data remain; deploying `lab` starts it again. */
const paused: Config = { ...lab, nat: 'none', minInstances: 0, maxInstances: 0 }

const prod: Config = {
  stackName: `${product}Prod`,
  region: 'ap-northeast-1',
  zones: ['ap-northeast-1a', 'ap-northeast-1c'],
  nat: 'gateway per zone',
  architecture: 'arm64',
  instanceType: 't4g.small',
  pins,
  minInstances: 2,
  maxInstances: 6,
  databaseInstanceType: 'r7g.large',
  databaseReader: true,
  performanceInsights: true,
  backupRetentionDays: 14,
  backupCopyRegion: 'ap-northeast-3',
  monthlyBudgetDollars: 1000,
  protect: true,
  firewall: true,
  logRetentionDays: 90,
}

/** The deployments by name. `npm run deploy -- -c environment=prod` selects one. */
export const configs = { dev, lab, paused, prod } as const

/** The settings of one run, given by `-c NAME=true` or `-c NAME=false`. */
const switches = ['protect', 'experiments', 'ignoreAlarms'] as const

/**
 * The deployment that the context selects. `protect=false` is for its first deployment: what that creates must be
 * deletable, or its rollback fails.
 *
 * @throws when there is none, when it is not complete and valid, or a switch is neither true nor false.
 */
export function configOf(
  context: (name: string) => unknown,
  available: Readonly<Record<string, Config>> = configs,
): Config {
  const environment = context('environment') ?? 'dev'
  const config = Object.entries(available).find(([name]) => name === environment)?.[1]
  const problems = switches.flatMap((name) => {
    const value = context(name)
    const known = value === undefined || ['true', 'false'].includes(String(value))
    return known ? [] : [`invalid context ${name}: got ${JSON.stringify(value)}, allowed are true, false`]
  })
  if (!config) {
    const allowed = Object.keys(available).join(', ')
    problems.unshift(`unknown environment: got ${JSON.stringify(environment)}, allowed are ${allowed}`)
  }
  if (!config || problems.length > 0) throw new Error(problems.join('\n'))
  requireValid(String(environment), config)
  return String(context('protect')) === 'false' ? withoutProtection(config) : config
}

/** The same deployment, deletable. */
export function withoutProtection(config: Config): Config {
  return { ...config, protect: false }
}
