import { Duration } from 'aws-cdk-lib'
import type { ISecret, RotationSchedule } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import type { Config } from './config.ts'
import { DatabaseFunction } from './function.ts'
import type { Network } from './network.ts'

export interface RotationProps {
  readonly config: Config
  readonly network: Network
}

/** Changes the passwords of the database users every 30 days. The previous one stays valid until the next change (ADR 0022). */
export class Rotation extends Construct {
  private readonly handler: DatabaseFunction

  constructor(scope: Construct, id: string, { config, network }: RotationProps) {
    super(scope, id)
    this.handler = new DatabaseFunction(this, 'Function', {
      config,
      network,
      name: 'rotation',
      timeout: Duration.minutes(2),
    })
    acknowledge(
      this.handler,
      'AwsSolutions-IAM5[Resource::*]',
      'Only secretsmanager:GetRandomPassword, which supports no resource.',
    )
  }

  /** Rotates `secret`, a database user's in RDS's form. */
  schedule(secret: ISecret): RotationSchedule {
    return secret.addRotationSchedule('Rotation', {
      rotationLambda: this.handler,
      automaticallyAfter: Duration.days(30),
      rotateImmediatelyOnUpdate: false,
    })
  }
}
