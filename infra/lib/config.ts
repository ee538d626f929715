/** The product's name in the names of stacks and metrics. Another one makes CloudFormation create new stacks. */
export const product = 'ThreeTier'

/** One deployment. Every field is a plain value, so that two deployments can be compared line by line. */
export interface Config {
  readonly stackName: string
  readonly region: string
  /** Explicit, because looking them up needs credentials. */
  readonly zones: readonly [string, string]
  /** One gateway is cheaper. One per zone survives the loss of a zone. */
  readonly natGateways: 1 | 2
  /** Of the instances and the images. `arm64` needs t4g types, `x86_64` t3 types. */
  readonly architecture: 'arm64' | 'x86_64'
  readonly instanceType: string
  /** Instances per tier, spread over the zones. */
  readonly minInstances: number
  readonly maxInstances: number
  readonly databaseInstanceType: string
  /** Not available for t types. */
  readonly performanceInsights: boolean
  readonly backupRetentionDays: number
  /** Protects stack, cluster and load balancers from deletion, and takes a final snapshot of a deleted cluster. */
  readonly protect: boolean
  readonly logRetentionDays: 7 | 14 | 30 | 90 | 180 | 365
  /** With a certificate the site is served over HTTPS, and HTTP redirects to it. */
  readonly certificate?: { readonly arn: string; readonly domainName: string }
  /** Receives the alarms once its owner has confirmed the subscription. */
  readonly alarmEmail?: string
}

const dev: Config = {
  stackName: `${product}Dev`,
  region: 'ap-northeast-1',
  zones: ['ap-northeast-1a', 'ap-northeast-1c'],
  natGateways: 1,
  architecture: 'arm64',
  instanceType: 't4g.micro',
  minInstances: 2,
  maxInstances: 4,
  databaseInstanceType: 't4g.medium',
  performanceInsights: false,
  backupRetentionDays: 1,
  protect: false,
  logRetentionDays: 7,
}

const prod: Config = {
  stackName: `${product}Prod`,
  region: 'ap-northeast-1',
  zones: ['ap-northeast-1a', 'ap-northeast-1c'],
  natGateways: 2,
  architecture: 'arm64',
  instanceType: 't4g.small',
  minInstances: 2,
  maxInstances: 6,
  databaseInstanceType: 'r7g.large',
  performanceInsights: true,
  backupRetentionDays: 14,
  protect: true,
  logRetentionDays: 90,
}

/** The deployments by name. `npm run deploy -- -c environment=prod` selects one. */
export const configs = { dev, prod } as const

/**
 * The deployment of this name. The context `protect=false` is for its first deployment: what that creates must be
 * deletable, or its rollback fails.
 *
 * @throws when there is none, or `protect` is neither true nor false.
 */
export function configOf(environment: unknown, protect: unknown = 'true'): Config {
  if (environment !== 'dev' && environment !== 'prod') {
    throw new Error(`unknown environment: got ${JSON.stringify(environment)}, allowed are dev, prod`)
  }
  if (!['true', 'false'].includes(String(protect))) {
    throw new Error(`invalid context protect: got ${JSON.stringify(protect)}, allowed are true, false`)
  }
  const config = configs[environment]
  return { ...config, protect: config.protect && String(protect) === 'true' }
}
