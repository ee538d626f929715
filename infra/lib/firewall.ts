import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib'
import type { IApplicationLoadBalancer } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { CfnLoggingConfiguration, CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2'
import { Construct } from 'constructs'
import type { Config } from './config.ts'

export interface FirewallProps {
  readonly config: Config
  readonly loadBalancer: IApplicationLoadBalancer
}

/** Requests of one address in five minutes. Above it, WAF responds with 429. */
const requestLimit = 6000

/** Rules of AWS's core set that the contract contradicts: bodies of up to 128 KiB, and clients without a User-Agent. */
const countedRules = ['SizeRestrictions_BODY', 'NoUserAgent_HEADER']

/** AWS WAF in front of the public load balancer: AWS's core rules and a limit of requests per address. */
export class Firewall extends Construct {
  constructor(scope: Construct, id: string, { config, loadBalancer }: FirewallProps) {
    super(scope, id)
    const visibility = (metricName: string): CfnWebACL.VisibilityConfigProperty => ({
      metricName,
      cloudWatchMetricsEnabled: true,
      // Samples would show header values.
      sampledRequestsEnabled: false,
    })
    const acl = new CfnWebACL(this, 'Acl', {
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: visibility('Firewall'),
      rules: [
        {
          name: 'Rate',
          priority: 0,
          statement: { rateBasedStatement: { limit: requestLimit, evaluationWindowSec: 300, aggregateKeyType: 'IP' } },
          action: {
            block: { customResponse: { responseCode: 429, responseHeaders: [{ name: 'Retry-After', value: '300' }] } },
          },
          visibilityConfig: visibility('Rate'),
        },
        {
          name: 'Core',
          priority: 1,
          statement: {
            managedRuleGroupStatement: {
              vendorName: 'AWS',
              name: 'AWSManagedRulesCommonRuleSet',
              ruleActionOverrides: countedRules.map((name) => ({ name, actionToUse: { count: {} } })),
            },
          },
          overrideAction: { none: {} },
          visibilityConfig: visibility('Core'),
        },
      ],
    })
    new CfnWebACLAssociation(this, 'Association', { webAclArn: acl.attrArn, resourceArn: loadBalancer.loadBalancerArn })

    // WAF requires this prefix.
    const logGroupName = `aws-waf-logs-${Stack.of(this).stackName}`
    const logs = new LogGroup(this, 'Logs', {
      logGroupName,
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const logging = new CfnLoggingConfiguration(this, 'Logging', {
      resourceArn: acl.attrArn,
      // WAF's form of the ARN; the log group's own attribute ends with `:*`.
      logDestinationConfigs: [
        Stack.of(this).formatArn({
          service: 'logs',
          resource: 'log-group',
          resourceName: logGroupName,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      ],
      redactedFields: ['authorization', 'cookie'].map((name) => ({ singleHeader: { Name: name } })),
      loggingFilter: {
        DefaultBehavior: 'DROP',
        Filters: [
          {
            Behavior: 'KEEP',
            Requirement: 'MEETS_ANY',
            Conditions: ['BLOCK', 'COUNT'].map((Action) => ({ ActionCondition: { Action } })),
          },
        ],
      },
    })
    logging.node.addDependency(logs)
  }
}
