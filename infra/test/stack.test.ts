import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { configs, withoutProtection } from '../lib/config.ts'
import { createApp, incomplete, type Resource, Synthesized, secured, synthesize } from './synthesis.ts'

const dev = synthesize()
const prod = synthesize({ config: configs.prod })
const https = synthesize({ config: secured })

const attributes = (resource: Resource, list: string) =>
  Object.fromEntries(resource.Properties[list].map((each: { Key: string; Value: string }) => [each.Key, each.Value]))

/** The paths of a template's values that prevent the deletion of a resource. */
function protections(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((each, index) => protections(each, `${path}.${each?.Key ?? index}`))
  if (value !== null && typeof value === 'object') {
    return Object.entries(value).flatMap(([key, each]) => protections(each, path ? `${path}.${key}` : key))
  }
  const on = /deletion_?protection/i.test(path) && /^true$/i.test(String(value))
  return on || (/\.DeletionPolicy$/.test(path) && value === 'Snapshot') ? [path] : []
}

describe('the protection of prod', () => {
  it('covers the stack, the cluster and both load balancers', () => {
    expect(createApp({ config: configs.prod }).stack.terminationProtection).toBe(true)
    expect(protections(prod.resources)).toEqual([
      expect.stringMatching(/^DataCluster\w+\.Properties\.DeletionProtection$/),
      expect.stringMatching(/^DataCluster\w+\.DeletionPolicy$/),
      expect.stringMatching(/^AppNlb\w+\..*deletion_protection/),
      expect.stringMatching(/^WebAlb\w+\..*deletion_protection/),
    ])
  })

  it('is absent from a first deployment, so that it can roll back', () => {
    const config = withoutProtection(configs.prod)
    expect(createApp({ config }).stack.terminationProtection).toBe(false)
    expect(protections(synthesize({ config }).resources)).toEqual([])
  })
})

describe('the network', () => {
  const subnets = dev.all('AWS::EC2::Subnet')
  const roleOf = (id: string) => /Vpc(.*?)Subnet\d/.exec(id)?.[1]

  it('has a numbered subnet per role in each of two zones', () => {
    const [first, second] = configs.dev.zones
    expect(
      subnets.map(({ id, Properties }) => [roleOf(id), Properties.CidrBlock, Properties.AvailabilityZone]),
    ).toEqual([
      ['Public', '10.0.1.0/24', first],
      ['Public', '10.0.2.0/24', second],
      ['Web', '10.0.3.0/24', first],
      ['Web', '10.0.4.0/24', second],
      ['App', '10.0.5.0/24', first],
      ['App', '10.0.6.0/24', second],
      ['Db', '10.0.7.0/24', first],
      ['Db', '10.0.8.0/24', second],
      ['Function', '10.0.9.0/24', first],
      ['Function', '10.0.10.0/24', second],
    ])
    expect(dev.one('AWS::EC2::VPC').Properties.CidrBlock).toBe('10.0.0.0/16')
    expect(subnets.every(({ Properties }) => Properties.MapPublicIpOnLaunch === false)).toBe(true)
  })

  it.each([
    ['dev', dev, 1],
    ['prod', prod, 2],
  ] as const)(
    'routes to the internet through the gateways of %s, except from the database',
    (_name, stack, gateways) => {
      expect(stack.all('AWS::EC2::NatGateway')).toHaveLength(gateways)
      const routes = stack.all('AWS::EC2::Route').map(({ id, Properties }) => {
        const { NatGatewayId, GatewayId, DestinationCidrBlock } = Properties
        return `${roleOf(id)} ${DestinationCidrBlock} ${NatGatewayId ? 'nat' : GatewayId && 'internet'}`
      })
      expect([...new Set(routes)]).toEqual([
        'Public 0.0.0.0/0 internet',
        'Web 0.0.0.0/0 nat',
        'App 0.0.0.0/0 nat',
        'Function 0.0.0.0/0 nat',
      ])
      const used = new Set(stack.all('AWS::EC2::Route').map(({ Properties }) => Properties.NatGatewayId?.Ref))
      expect([...used].filter(Boolean)).toHaveLength(gateways)
    },
  )

  it('has an S3 endpoint and flow logs', () => {
    expect(dev.one('AWS::EC2::VPCEndpoint').Properties).toMatchObject({ VpcEndpointType: 'Gateway' })
    expect(dev.one('AWS::EC2::FlowLog').Properties).toMatchObject({ LogDestinationType: 's3', TrafficType: 'ALL' })
  })
})

/** Every rule of every security group, inline or a resource of its own, as `source → destination protocol port`. */
function rules(stack: typeof dev, direction: 'Ingress' | 'Egress'): string[] {
  const nameOf = (reference: { 'Fn::GetAtt': [string, string] }) =>
    /^Network(.*)SecurityGroup/.exec(reference['Fn::GetAtt'][0])?.[1]
  const peerKey = direction === 'Ingress' ? 'SourceSecurityGroupId' : 'DestinationSecurityGroupId'
  const format = (self: string | undefined, rule: Resource['Properties']) => {
    const peer = rule[peerKey] ? nameOf(rule[peerKey]) : rule.CidrIp
    const ports = rule.FromPort === rule.ToPort ? rule.FromPort : `${rule.FromPort}-${rule.ToPort}`
    return direction === 'Ingress'
      ? `${peer} → ${self} ${rule.IpProtocol} ${ports}`
      : `${self} → ${peer} ${rule.IpProtocol} ${ports}`
  }
  const inline = stack
    .all('AWS::EC2::SecurityGroup')
    .flatMap(({ id, Properties }) =>
      (Properties[`SecurityGroup${direction}`] ?? []).map((rule: object) =>
        format(/^Network(.*)SecurityGroup/.exec(id)?.[1], rule),
      ),
    )
  const separate = stack
    .all(`AWS::EC2::SecurityGroup${direction}`)
    .map(({ Properties }) => format(nameOf(Properties.GroupId), Properties))
  return [...inline, ...separate].sort()
}

/** The rule by which CDK writes an empty list of egress rules. */
const noEgress = (group: string) => `${group} → 255.255.255.255/32 icmp 252-86`

describe('the security groups', () => {
  const chain = ['Alb → Web tcp 8080', 'App → Database tcp 3306', 'Function → Database tcp 3306']
  const balancer = ['Nlb → App tcp 9090', 'Web → Nlb tcp 9090']
  const apis = ['App', 'Function', 'Web'].map((group) => `${group} → 0.0.0.0/0 tcp 443`)

  it('accept traffic from the previous tier only', () => {
    expect(rules(dev, 'Ingress')).toEqual(['0.0.0.0/0 → Alb tcp 80', ...chain, ...balancer].sort())
    expect(rules(synthesize({ config: incomplete }), 'Ingress')).toEqual(rules(dev, 'Ingress'))
  })

  it('allow traffic to the next tier, and from instances and functions to AWS APIs', () => {
    const egress = rules(dev, 'Egress').filter((rule) => !/ icmp 252-86$/.test(rule))
    expect(egress).toEqual([...chain, ...balancer, ...apis].sort())
    expect(rules(dev, 'Egress')).toContain(noEgress('Database'))
  })

  it('also accept the internet on 443 with a certificate', () => {
    expect(rules(https, 'Ingress')).toEqual([...rules(dev, 'Ingress'), '0.0.0.0/0 → Alb tcp 443'].sort())
  })

  it('are the only ones in use', () => {
    const used = JSON.stringify(dev.resources).match(/"SecurityGroups?(Ids)?":\[[^\]]*\]/g) ?? []
    expect(used.length).toBeGreaterThan(0)
    expect(used.join()).not.toMatch(/DefaultSecurityGroup|"sg-/)
  })
})

describe('the web tier', () => {
  it('has a public load balancer', () => {
    const alb = dev.one('AWS::ElasticLoadBalancingV2::LoadBalancer', 'Web')
    expect(alb.Properties).toMatchObject({ Type: 'application', Scheme: 'internet-facing' })
    expect(JSON.stringify(alb.Properties.Subnets)).toMatch(/PublicSubnet1.*PublicSubnet2/)
    expect(attributes(alb, 'LoadBalancerAttributes')).toMatchObject({
      'idle_timeout.timeout_seconds': '60',
      'routing.http.drop_invalid_header_fields.enabled': 'true',
      'access_logs.s3.enabled': 'true',
      'access_logs.s3.prefix': 'alb',
      'deletion_protection.enabled': 'false',
    })
  })

  it('has a shallow health check', () => {
    const group = dev.one('AWS::ElasticLoadBalancingV2::TargetGroup', 'Web')
    expect(group.Properties).toMatchObject({
      Protocol: 'HTTP',
      Port: 8080,
      TargetType: 'instance',
      HealthCheckPath: '/healthz',
      HealthCheckIntervalSeconds: 30,
      HealthCheckTimeoutSeconds: 5,
      HealthyThresholdCount: 5,
      UnhealthyThresholdCount: 2,
      Matcher: { HttpCode: '200' },
    })
    expect(attributes(group, 'TargetGroupAttributes')).toMatchObject({ 'deregistration_delay.timeout_seconds': '60' })
  })

  it('is served over HTTP without a certificate', () => {
    const listener = dev.one('AWS::ElasticLoadBalancingV2::Listener', 'Web')
    expect(listener.Properties).toMatchObject({ Port: 80, Protocol: 'HTTP', DefaultActions: [{ Type: 'forward' }] })
  })
})

describe('the app tier', () => {
  it('has an internal load balancer that does not preserve client addresses', () => {
    const nlb = dev.one('AWS::ElasticLoadBalancingV2::LoadBalancer', 'App')
    expect(nlb.Properties).toMatchObject({ Type: 'network', Scheme: 'internal', SecurityGroups: [{}] })
    // For a TCP listener it would never write any.
    expect(attributes(nlb, 'LoadBalancerAttributes')).not.toHaveProperty('access_logs.s3.enabled')
    expect(attributes(nlb, 'LoadBalancerAttributes')).toMatchObject({
      'load_balancing.cross_zone.enabled': 'true',
    })
    const group = dev.one('AWS::ElasticLoadBalancingV2::TargetGroup', 'App')
    expect(attributes(group, 'TargetGroupAttributes')).toEqual({
      'preserve_client_ip.enabled': 'false',
      'deregistration_delay.timeout_seconds': '180',
      'target_health_state.unhealthy.connection_termination.enabled': 'false',
    })
  })

  it('has a shallow health check over HTTP', () => {
    expect(dev.one('AWS::ElasticLoadBalancingV2::TargetGroup', 'App').Properties).toMatchObject({
      Protocol: 'TCP',
      Port: 9090,
      HealthCheckProtocol: 'HTTP',
      HealthCheckPath: '/healthz',
      HealthCheckIntervalSeconds: 10,
      HealthyThresholdCount: 2,
      UnhealthyThresholdCount: 2,
    })
    const listener = dev.one('AWS::ElasticLoadBalancingV2::Listener', 'App')
    expect(listener.Properties).toMatchObject({ Port: 9090, Protocol: 'TCP' })
    expect(attributes(listener, 'ListenerAttributes')).toEqual({ 'tcp.idle_timeout.seconds': '350' })
  })
})

describe.each([
  ['Web', 'ApacheWeb'],
  ['App', 'App'],
])('the instances of the %s tier', (tier, server) => {
  const { LaunchTemplateData: launch } = dev.one('AWS::EC2::LaunchTemplate', tier).Properties
  const group = dev.one('AWS::AutoScaling::AutoScalingGroup', tier)

  it('protect their credentials and have encrypted disks', () => {
    expect(launch.MetadataOptions).toEqual({ HttpTokens: 'required', HttpPutResponseHopLimit: 1 })
    expect(launch.BlockDeviceMappings).toMatchObject([{ Ebs: { Encrypted: true, VolumeType: 'gp3' } }])
    expect(launch).not.toHaveProperty('KeyName')
    expect(JSON.stringify(launch.SecurityGroupIds)).toContain(`Network${tier}SecurityGroup`)
  })

  it('run Amazon Linux 2023 on the configured architecture', () => {
    const parameters = (stack: typeof dev) => JSON.stringify(stack.template.Parameters)
    expect(launch).toMatchObject({ InstanceType: 't4g.micro', ImageId: { Ref: expect.any(String) } })
    expect(parameters(dev)).toMatch(/ami-amazon-linux-latest\/al2023-ami-kernel-[\d.]+-arm64/)
    expect(parameters(https)).toMatch(/ami-amazon-linux-latest\/al2023-ami-kernel-[\d.]+-x86_64/)
  })

  it('restart their container however often it has failed', () => {
    const [, unit = ''] =
      /tier\.service <<UNIT\n([\s\S]*?)\nUNIT\n/.exec(launch.UserData['Fn::Base64']['Fn::Join'][1].join('')) ?? []
    expect(unit.split('[Service]')).toEqual([
      expect.stringMatching(/^StartLimitIntervalSec=0$/m),
      expect.stringMatching(/^Restart=always$/m),
    ])
  })

  it('publish their metrics every minute, as their alarms expect', () => {
    expect(launch.Monitoring).toEqual({ Enabled: true })
  })

  it('have no address of the internet', () => {
    expect(launch).not.toHaveProperty('NetworkInterfaces')
  })

  it('have the tag by which associations select them', () => {
    const [onInstance] = launch.TagSpecifications.filter(
      (each: { ResourceType: string }) => each.ResourceType === 'instance',
    )
    expect(onInstance.Tags).toContainEqual({ Key: 'Server', Value: server })
    expect(group.Properties.Tags).toContainEqual({ Key: 'Server', Value: server, PropagateAtLaunch: true })
  })

  it('are two in different zones, and scale by CPU; a deployment does not change their number', () => {
    expect(group.Properties).toMatchObject({ MinSize: '2', MaxSize: '4', HealthCheckType: 'ELB' })
    expect(group.Properties).not.toHaveProperty('DesiredCapacity')
    const subnets = group.Properties.VPCZoneIdentifier.map(({ Ref }: { Ref: string }) => Ref)
    expect(subnets).toEqual([1, 2].map((n) => expect.stringContaining(`Vpc${tier}Subnet${n}`)))
    expect(dev.one('AWS::AutoScaling::ScalingPolicy', tier).Properties).toMatchObject({
      PolicyType: 'TargetTrackingScaling',
      TargetTrackingConfiguration: { TargetValue: 60 },
    })
  })

  it('are replaced one at a time, and a deployment waits for the signal of each', () => {
    expect(group.CreationPolicy).toEqual({ ResourceSignal: { Count: 2, Timeout: 'PT20M' } })
    expect(group.UpdatePolicy).toMatchObject({
      AutoScalingRollingUpdate: {
        MaxBatchSize: 1,
        MinInstancesInService: 2,
        WaitOnResourceSignals: true,
        PauseTime: 'PT20M',
        SuspendProcesses: expect.arrayContaining(['ReplaceUnhealthy', 'AZRebalance']),
      },
    })
    expect(JSON.stringify(launch.UserData)).toContain(`readonly group='${group.id}'`)
  })

  it('are replaced only for a changed file that their Dockerfile copies', () => {
    const { directory, dockerFile } = dev.image(`docker/${tier.toLowerCase()}/Dockerfile`)
    const copies = readFileSync(join(directory, dockerFile), 'utf8').matchAll(
      /^COPY (?!.*--from=)(?:--\S+ )*(.*) \S+$/gm,
    )
    const sources = [...copies].flatMap(([, paths = '']) => paths.split(' '))
    // An asterisk: the file is optional.
    for (const source of sources) expect(source.endsWith('*') || existsSync(join(directory, source)), source).toBe(true)

    const files = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(directory, join(parentPath, name)))
    const unused = files.filter(
      (file) => !sources.some((source) => file === source.replace('*', '') || file.startsWith(`${source}/`)),
    )
    expect(unused.sort()).toEqual(['.dockerignore', dockerFile])
  })

  it('have an image that is built with the authorities of this machine, and is the same with others', () => {
    const file = `docker/${tier.toLowerCase()}/Dockerfile`
    vi.stubEnv('NODE_EXTRA_CA_CERTS', '/tmp/authorities.pem')
    const { app, stack } = createApp()
    const elsewhere = new Synthesized(app.synth(), stack.stackName)
    vi.unstubAllEnvs()
    expect(elsewhere.image(file).dockerBuildSecrets).toEqual({ ca: 'src=/tmp/authorities.pem' })
    const templates = 'AWS::EC2::LaunchTemplate'
    expect(elsewhere.all(templates)).toEqual(dev.all(templates))
  })

  it('have user data within the size limit and without secrets', () => {
    const text = JSON.stringify(launch.UserData)
    // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
    expect(text.length).toBeLessThan(16_384)
    expect(text).not.toMatch(/resolve:|SecretString:|DB_PASSWORD=/)
  })

  it('may read only the secret of their tier', () => {
    const statements = dev
      .all('AWS::IAM::Policy', tier)
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    const secrets = statements.filter((statement) => JSON.stringify(statement.Action).includes('secretsmanager:'))
    expect(secrets.map(({ Resource }) => JSON.stringify(Resource))).toEqual(
      tier === 'App' ? [expect.stringContaining('DataAppSecret')] : [],
    )
  })
})

describe('the database', () => {
  const cluster = dev.one('AWS::RDS::DBCluster')

  it('is Aurora MySQL, a writer and a reader in different zones, private', () => {
    expect(cluster.Properties).toMatchObject({
      Engine: 'aurora-mysql',
      EngineVersion: expect.stringMatching(/^8\.4\.mysql_aurora\./),
      DatabaseName: 'testdb',
      Port: 3306,
    })
    expect(dev.all('AWS::RDS::DBInstance').map(({ Properties }) => Properties)).toMatchObject([
      { AvailabilityZone: configs.dev.zones[0], DBInstanceClass: 'db.t4g.medium', PubliclyAccessible: false },
      { AvailabilityZone: configs.dev.zones[1], DBInstanceClass: 'db.t4g.medium', PubliclyAccessible: false },
    ])
    const subnets = dev.one('AWS::RDS::DBSubnetGroup').Properties.SubnetIds.map(({ Ref }: { Ref: string }) => Ref)
    expect(subnets).toEqual([1, 2].map((n) => expect.stringContaining(`VpcDbSubnet${n}`)))
  })

  it('is encrypted at rest and requires TLS', () => {
    expect(cluster.Properties.StorageEncrypted).toBe(true)
    expect(dev.one('AWS::RDS::DBClusterParameterGroup').Properties).toMatchObject({
      Family: 'aurora-mysql8.4',
      // CloudWatch gets files, not tables.
      Parameters: { require_secure_transport: 'ON', slow_query_log: '1', long_query_time: '1', log_output: 'FILE' },
    })
    expect(cluster.Properties.EnableCloudwatchLogsExports).toEqual(['error', 'slowquery'])
  })

  it('is deleted with the stack in dev, and protected in prod', () => {
    expect(cluster.Properties).toMatchObject({ DeletionProtection: false, BackupRetentionPeriod: 1 })
    expect(cluster.DeletionPolicy).toBe('Delete')
    const protectedCluster = prod.one('AWS::RDS::DBCluster')
    expect(protectedCluster.Properties).toMatchObject({ DeletionProtection: true, BackupRetentionPeriod: 14 })
    expect(protectedCluster).toMatchObject({ DeletionPolicy: 'Snapshot', UpdateReplacePolicy: 'Snapshot' })
    for (const loadBalancer of prod.all('AWS::ElasticLoadBalancingV2::LoadBalancer')) {
      expect(attributes(loadBalancer, 'LoadBalancerAttributes')).toMatchObject({
        'deletion_protection.enabled': 'true',
      })
    }
  })

  it('has users with generated and rotated passwords', () => {
    const secrets = dev.all('AWS::SecretsManager::Secret')
    const users = secrets.map(({ Properties }) => JSON.parse(usernameOf(Properties.GenerateSecretString)).username)
    expect(users).toEqual(['migrator', 'app'])
    for (const { Properties } of secrets) expect(Properties).not.toHaveProperty('SecretString')
    expect(dev.all('AWS::SecretsManager::RotationSchedule').map(({ Properties }) => Properties.RotationRules)).toEqual([
      { ScheduleExpression: 'rate(30 days)' },
      { ScheduleExpression: 'rate(30 days)' },
    ])
    // Nowhere else: outputs and environments would show it.
    const place = /"MasterUserPassword":\{"Fn::Join":\["",\["\{\{resolve:secretsmanager:/g
    expect(JSON.stringify(dev.template).match(place)).toHaveLength(1)
    expect(JSON.stringify(dev.template).match(/\{\{resolve:/g)).toHaveLength(1)
  })

  it('gets its schema from the SQL in a parameter, once the writer exists', () => {
    const { Properties, DependsOn } = dev.one('Custom::DatabaseSchema')
    const parameter = dev.one('AWS::SSM::Parameter', 'DataSchema')
    expect(Properties).toMatchObject({ Parameter: { Ref: parameter.id }, Database: 'testdb', Table: 'testtable' })
    expect(DependsOn).toContain(dev.one('AWS::RDS::DBInstance', 'DataClusterWriter').id)
    expect(parameter.Properties.Value).toMatch(/^-- migration \d{4}_\w+\n[\s\S]*IF NOT EXISTS/m)
    // Parameter Store rejects this syntax of a reference to another parameter.
    expect(parameter.Properties.Value).not.toContain('{{')
  })

  it('has any number of migrations of any length', () => {
    const migrations = Array.from({ length: 200 }, (_, at) => ({
      name: `${String(at + 1).padStart(4, '0')}_step`,
      sql: `SELECT '${'x'.repeat(at * 100)}'`,
    }))
    const short = migrations.map(({ name }) => ({ name, sql: `SELECT '${'x'.repeat(100)}'` }))
    const longer = [...migrations, { name: '9000_longer', sql: `SELECT '${'x'.repeat(100_000)}'` }]
    for (const list of [short, migrations, longer]) {
      expect(() => synthesize({ migrations: list })).not.toThrow()
      const { Value } = synthesize({ migrations: list }).one('AWS::SSM::Parameter', 'DataSchema').Properties
      // https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm
      expect(Buffer.byteLength(Value)).toBeLessThanOrEqual(4096)
    }
  })

  it('may take 14 minutes for its schema, and CloudFormation waits longer', () => {
    const { Timeout } = dev.one('AWS::Lambda::Function', 'DataSchemaFunction').Properties
    const { Timeout: providerTimeout } = dev.one('AWS::Lambda::Function', 'DataSchemaProvider').Properties
    expect([Timeout, providerTimeout]).toEqual([900, 900])
    const { ServiceTimeout } = dev.one('Custom::DatabaseSchema').Properties
    expect(Number(ServiceTimeout)).toBeGreaterThan(900)
  })

  it('applies other SQL with the rights that its function has already', () => {
    // A changed policy takes effect some seconds after CloudFormation has changed it: https://github.com/aws/aws-cdk/issues/37675
    const more = synthesize({ migrations: [{ name: '0001_other', sql: 'SELECT 1' }] })
    expect(more.all('AWS::IAM::Policy')).toEqual(dev.all('AWS::IAM::Policy'))
  })

  it('has a new parameter only when the SQL has changed', () => {
    const more = synthesize({ migrations: [{ name: '0001_other', sql: 'SELECT 1' }] })
    const parameterOf = (stack: typeof dev) => stack.one('Custom::DatabaseSchema').Properties.Parameter.Ref
    expect(parameterOf(prod)).toBe(parameterOf(dev))
    expect(parameterOf(more)).not.toBe(parameterOf(dev))
  })
})

/** The text of `SecretStringTemplate`, with a placeholder for references. */
function usernameOf({ SecretStringTemplate: template }: { SecretStringTemplate: unknown }): string {
  if (typeof template === 'string') return template
  const [, parts] = (template as { 'Fn::Join': [string, unknown[]] })['Fn::Join']
  return parts.map((part) => (typeof part === 'string' ? part : 'reference')).join('')
}

describe('the roles', () => {
  it('are each assumed by the service that needs them', () => {
    const services = Object.fromEntries(
      prod.all('AWS::IAM::Role').map(({ id, Properties }) => {
        const { Statement } = Properties.AssumeRolePolicyDocument
        return [id.replace(/[0-9A-F]{8}$/, ''), Statement.map(({ Principal }: { Principal: object }) => Principal)]
      }),
    )
    const lambda = [{ Service: 'lambda.amazonaws.com' }]
    const instances = [{ Service: 'ec2.amazonaws.com' }]
    expect(services).toEqual({
      AppInstancesRole: instances,
      BackupRole: [{ Service: 'backup.amazonaws.com' }],
      DataClusterMonitoringRole: [{ Service: 'monitoring.rds.amazonaws.com' }],
      DataRotationFunctionServiceRole: lambda,
      DataSchemaFunctionServiceRole: lambda,
      DataSchemaProviderframeworkonEventServiceRole: lambda,
      WebInstancesRole: instances,
    })
  })
})

describe('operations', () => {
  it('selects the instances of this deployment by tag, and writes command output to the log bucket', () => {
    const associations = dev.all('AWS::SSM::Association').map(({ Properties }) => Properties)
    expect(associations.map(({ Name }) => Name)).toEqual(['AWS-RunShellScript', 'AWS-RunPatchBaseline'])
    for (const { Targets, OutputLocation } of associations) {
      expect(Targets).toEqual([
        { Key: 'tag:Server', Values: ['ApacheWeb', 'App'] },
        { Key: 'tag:Deployment', Values: [configs.dev.stackName] },
      ])
      const bucket = { Ref: dev.one('AWS::S3::Bucket').id }
      expect(OutputLocation.S3Location).toMatchObject({ OutputS3BucketName: bucket })
    }
  })

  it('has a log group for every function, and for every log of the database before its instances exist', () => {
    const groups = dev.all('AWS::Logs::LogGroup')
    for (const { id, Properties } of dev.all('AWS::Lambda::Function')) {
      expect(
        groups.map((group) => group.id),
        id,
      ).toContain(Properties.LoggingConfig?.LogGroup?.Ref)
    }
    const { id: cluster, Properties } = dev.one('AWS::RDS::DBCluster')
    for (const log of Properties.EnableCloudwatchLogsExports) {
      const name = { 'Fn::Join': ['', ['/aws/rds/cluster/', { Ref: cluster }, `/${log}`]] }
      const group = groups.find((each) => JSON.stringify(each.Properties.LogGroupName) === JSON.stringify(name))
      for (const { DependsOn } of dev.all('AWS::RDS::DBInstance')) expect(DependsOn).toContain(group?.id)
    }
  })

  it('has a log bucket that nobody can make public', () => {
    expect(dev.one('AWS::S3::Bucket').Properties.PublicAccessBlockConfiguration).toEqual({
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    })
  })

  it('has the configured retention for every log', () => {
    for (const { Properties } of dev.all('AWS::Logs::LogGroup')) expect(Properties.RetentionInDays).toBe(7)
    for (const { Properties } of prod.all('AWS::Logs::LogGroup')) expect(Properties.RetentionInDays).toBe(90)
    expect(dev.one('AWS::S3::Bucket').Properties.LifecycleConfiguration.Rules).toMatchObject([{ ExpirationInDays: 7 }])
  })
})
