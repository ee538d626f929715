import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { synthesize } from './synthesis.ts'

const lab = synthesize({ config: configs.lab })
const paused = synthesize({ config: configs.paused })
const group = 'AWS::AutoScaling::AutoScalingGroup'

describe('the deployment lab', () => {
  it('has one instance of each tier and one of the database, which is serverless', () => {
    for (const { Properties } of lab.all(group)) expect(Properties).toMatchObject({ MinSize: '1', MaxSize: '2' })
    expect(lab.all('AWS::RDS::DBInstance').map(({ Properties }) => Properties.DBInstanceClass)).toEqual([
      'db.serverless',
    ])
    const { ServerlessV2ScalingConfiguration } = lab.one('AWS::RDS::DBCluster').Properties
    // It pauses at 0 while the app has no requests, and is started for 15 s or more by the next one.
    expect(ServerlessV2ScalingConfiguration).toEqual({ MinCapacity: 0.5, MaxCapacity: 2 })
  })

  it('reaches the internet through one instance, which accepts HTTPS of the tiers and functions only', () => {
    expect(lab.all('AWS::EC2::NatGateway')).toEqual([])
    const [nat] = lab.all('AWS::EC2::Instance')
    const routes = lab.all('AWS::EC2::Route').filter(({ id }) => !/Public/.test(id))
    expect(routes).toHaveLength(6)
    for (const { Properties } of routes) expect(Properties.InstanceId).toEqual({ Ref: nat?.id })
    expect(nat?.Properties).toMatchObject({
      SourceDestCheck: false,
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
      BlockDeviceMappings: [{ Ebs: { Encrypted: true } }],
    })
    const natGroup = lab.one('AWS::EC2::SecurityGroup', 'NetworkVpcNat')
    expect(natGroup.Properties.SecurityGroupEgress).toMatchObject([{ FromPort: 443, ToPort: 443 }])
    const accepted = lab
      .all('AWS::EC2::SecurityGroupIngress')
      .filter(({ Properties }) => JSON.stringify(Properties.GroupId).includes(natGroup.id))
    expect(accepted.map(({ Properties }) => Properties.FromPort)).toEqual([443, 443, 443])
    expect(natGroup.Properties).not.toHaveProperty('SecurityGroupIngress')
  })

  it('has no alarm about a reader', () => {
    expect(lab.all('AWS::CloudWatch::Alarm').filter(({ id }) => /Reader|Replica/.test(id))).toEqual([])
  })
})

describe('the deployment paused', () => {
  it('is the lab without instances, gateway and messages; its database pauses by itself', () => {
    expect(configs.paused.stackName).toBe(configs.lab.stackName)
    expect(paused.all('AWS::EC2::Instance')).toEqual([])
    for (const each of paused.all(group)) {
      expect(each.Properties).toMatchObject({ MinSize: '0', MaxSize: '0' })
      expect(each).not.toHaveProperty('CreationPolicy')
    }
    const { ServerlessV2ScalingConfiguration } = paused.one('AWS::RDS::DBCluster').Properties
    expect(ServerlessV2ScalingConfiguration.MinCapacity).toBe(0)
    for (const { Properties } of paused.all('AWS::CloudWatch::Alarm')) expect(Properties.ActionsEnabled).toBe(false)
    for (const { Properties } of lab.all('AWS::CloudWatch::Alarm')) expect(Properties.ActionsEnabled).toBe(true)
  })

  it('keeps every resource with data', () => {
    const ids = (stack: typeof lab) =>
      ['RDS::DBCluster', 'RDS::DBInstance', 'SecretsManager::Secret', 'S3::Bucket'].flatMap((type) =>
        stack.all(`AWS::${type}`).map(({ id }) => id),
      )
    expect(ids(paused)).toEqual(ids(lab))
  })
})
