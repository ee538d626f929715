import { configs } from '../lib/config.ts'
import prices from './prices.json' with { type: 'json' }
import { type Synthesized, synthesize } from './synthesis.ts'

const hoursPerMonth = 730

/** The fixed cost of a template per month: a line per kind of resource, with count and USD. */
function costs(stack: Synthesized): Readonly<Record<string, readonly [count: number, dollars: number]>> {
  const lines: Record<string, [number, number]> = {}
  const add = (name: string, count: number, price: number | undefined) => {
    if (price === undefined) throw new Error(`no price of ${name}: add it to test/prices.json`)
    const [counted, dollars] = lines[name] ?? [0, 0]
    lines[name] = [counted + count, dollars + count * price]
  }
  const hourly = (key: string) => {
    const price = (prices.hourly as Record<string, number>)[key]
    return price && price * hoursPerMonth
  }
  const count = (type: string) => stack.all(type).length

  add('NAT gateways', count('AWS::EC2::NatGateway'), hourly('AWS::EC2::NatGateway'))
  // The public load balancer also has an address in each of its subnets.
  const publicSubnets = stack.all('AWS::EC2::Subnet', 'NetworkVpcPublic').length
  add('public IPv4 addresses', count('AWS::EC2::EIP') + publicSubnets, hourly('AWS::EC2::EIP'))
  const balancer = 'AWS::ElasticLoadBalancingV2::LoadBalancer'
  add('load balancers, without traffic', count(balancer), hourly(balancer))
  for (const tier of ['Web', 'App']) {
    const { LaunchTemplateData } = stack.one('AWS::EC2::LaunchTemplate', tier).Properties
    const instances = Number(stack.one('AWS::AutoScaling::AutoScalingGroup', tier).Properties.MinSize)
    add(`${LaunchTemplateData.InstanceType} instances`, instances, hourly(LaunchTemplateData.InstanceType))
    const [{ Ebs }] = LaunchTemplateData.BlockDeviceMappings
    add('gp3 volumes', instances, Ebs.VolumeSize * prices.monthly['gp3 GB'])
    add('detailed monitoring of instances', instances, prices.monthly['detailed monitoring'])
  }
  for (const { Properties } of stack.all('AWS::RDS::DBInstance')) {
    add(`Aurora ${Properties.DBInstanceClass}`, 1, hourly(Properties.DBInstanceClass))
  }
  add('secrets', count('AWS::SecretsManager::Secret'), prices.monthly['AWS::SecretsManager::Secret'])
  add('alarms', count('AWS::CloudWatch::Alarm'), prices.monthly['AWS::CloudWatch::Alarm'])
  add('dashboard', count('AWS::CloudWatch::Dashboard'), prices.monthly['AWS::CloudWatch::Dashboard'])
  for (const { Properties } of stack.all('AWS::WAFv2::WebACL')) {
    const price = prices.monthly['AWS::WAFv2::WebACL'] + Properties.Rules.length * prices.monthly['WAF rule']
    add('firewall, without requests', 1, price)
  }
  return lines
}

/** The table of docs/aws.md. */
export function costTable(): string {
  const [dev, prod] = [costs(synthesize()), costs(synthesize({ config: configs.prod }))]
  const cell = (line: readonly [number, number] | undefined) =>
    line ? `${line[0]} × | ${line[1].toFixed(2)}` : '- | -'
  const total = (lines: typeof dev) => Object.values(lines).reduce((sum, [, dollars]) => sum + dollars, 0)
  const names = [...new Set([...Object.keys(dev), ...Object.keys(prod)])]
  return [
    '| per month, USD | dev | | prod | |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...names.map((name) => `| ${name} | ${cell(dev[name])} | ${cell(prod[name])} |`),
    `| **total** | | **${total(dev).toFixed(0)}** | | **${total(prod).toFixed(0)}** |`,
  ].join('\n')
}
