import prices from '../prices.json' with { type: 'json' }

const hoursPerMonth = 730

/** The part of a template that costs are derived from. */
export interface PricedTemplate {
  // biome-ignore lint/suspicious/noExplicitAny: a template is any JSON.
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: any }>>
}

/** A line per kind of resource. */
export type Costs = Readonly<Record<string, readonly [count: number, dollars: number]>>

/**
 * The fixed cost of a template per month in USD.
 *
 * @param counts instances by tier. @default the least that the groups have
 * @throws for an instance type without a price.
 */
export function costs(
  { Resources }: PricedTemplate,
  counts: { readonly Web?: number; readonly App?: number } = {},
): Costs {
  const all = (type: string, prefix = '') =>
    Object.entries(Resources).flatMap(([id, each]) =>
      each.Type === type && id.startsWith(prefix) ? each.Properties : [],
    )
  const lines: Record<string, [number, number]> = {}
  const add = (name: string, count: number, price: number | undefined) => {
    if (price === undefined) throw new Error(`no price of ${name}: add it to infra/prices.json`)
    const [counted, dollars] = lines[name] ?? [0, 0]
    lines[name] = [counted + count, dollars + count * price]
  }
  const hourly = (key: string) => {
    const price = (prices.hourly as Record<string, number>)[key]
    return price && price * hoursPerMonth
  }
  const addVolume = (volumes: number, [{ Ebs }]: readonly [{ Ebs: { VolumeSize: number } }]) =>
    add('gp3 volumes', volumes, Ebs.VolumeSize * prices.monthly['gp3 GB'])
  const count = (type: string) => all(type).length

  add('NAT gateways', count('AWS::EC2::NatGateway'), hourly('AWS::EC2::NatGateway'))
  // The public load balancer also has an address in each of its subnets.
  const publicSubnets = all('AWS::EC2::Subnet', 'NetworkVpcPublic').length
  const addresses = count('AWS::EC2::EIP') + count('AWS::EC2::Instance') + publicSubnets
  add('public IPv4 addresses', addresses, hourly('AWS::EC2::EIP'))
  const balancer = 'AWS::ElasticLoadBalancingV2::LoadBalancer'
  add('load balancers, without traffic', count(balancer), hourly(balancer))
  for (const { InstanceType, BlockDeviceMappings } of all('AWS::EC2::Instance')) {
    add(`${InstanceType} instances`, 1, hourly(InstanceType))
    addVolume(1, BlockDeviceMappings)
  }
  for (const tier of ['Web', 'App'] as const) {
    const [launch] = all('AWS::EC2::LaunchTemplate', tier)
    const [group] = all('AWS::AutoScaling::AutoScalingGroup', tier)
    if (!launch || !group) continue
    const { LaunchTemplateData } = launch
    const instances = counts[tier] ?? Number(group.MinSize)
    if (instances === 0) continue
    add(`${LaunchTemplateData.InstanceType} instances`, instances, hourly(LaunchTemplateData.InstanceType))
    addVolume(instances, LaunchTemplateData.BlockDeviceMappings)
    add('detailed monitoring of instances', instances, prices.monthly['detailed monitoring'])
  }
  for (const { DBInstanceClass } of all('AWS::RDS::DBInstance')) {
    if (DBInstanceClass === 'db.serverless') {
      const [cluster] = all('AWS::RDS::DBCluster')
      const { MinCapacity } = cluster.ServerlessV2ScalingConfiguration
      add('Aurora serverless, at rest', 1, MinCapacity * prices.hourly.ACU * hoursPerMonth)
    } else add(`Aurora ${DBInstanceClass}`, 1, hourly(DBInstanceClass))
  }
  add('secrets', count('AWS::SecretsManager::Secret'), prices.monthly['AWS::SecretsManager::Secret'])
  add('alarms', count('AWS::CloudWatch::Alarm'), prices.monthly['AWS::CloudWatch::Alarm'])
  add('dashboard', count('AWS::CloudWatch::Dashboard'), prices.monthly['AWS::CloudWatch::Dashboard'])
  for (const { Rules } of all('AWS::WAFv2::WebACL')) {
    const price = prices.monthly['AWS::WAFv2::WebACL'] + Rules.length * prices.monthly['WAF rule']
    add('firewall, without requests', 1, price)
  }
  return lines
}

/** A Markdown table with a pair of columns for each deployment, and their totals. */
export function costTable(deployments: Readonly<Record<string, Costs>>): string {
  const columns = Object.values(deployments)
  const cell = (line: readonly [number, number] | undefined) =>
    line ? `${line[0]} × | ${line[1].toFixed(2)}` : '- | -'
  const total = (lines: Costs) => Object.values(lines).reduce((sum, [, dollars]) => sum + dollars, 0)
  const lines = [...new Set(columns.flatMap((each) => Object.keys(each)))]
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    row(['per month, USD', ...Object.keys(deployments).map((name) => `${name} |`)]).replaceAll('|  |', '| |'),
    row(['---', ...columns.map(() => '---: | ---:')]),
    ...lines.map((name) => row([name, ...columns.map((each) => cell(each[name]))])),
    row(['**total**', ...columns.map((each) => `| **${total(each).toFixed(0)}**`)]).replaceAll('|  |', '| |'),
  ].join('\n')
}
