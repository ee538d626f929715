/** An app of the CLI: prod with what it requires. */
import { loadMigrations } from '@repo/db'
import { App } from 'aws-cdk-lib'
import { requireProtection } from '../lib/config.ts'
import { DeploymentStack } from '../lib/stack.ts'
import { addValidation } from '../lib/validation.ts'
import { zoned } from './synthesis.ts'

requireProtection('prod', zoned)
const app = new App()
new DeploymentStack(app, { config: zoned, migrations: await loadMigrations() })
addValidation(app)
app.synth()
process.exit()
