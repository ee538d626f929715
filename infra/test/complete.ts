/** An app of the CLI: prod with what it requires. */
import { loadMigrations } from '@repo/db'
import { App } from 'aws-cdk-lib'
import { requireValid } from '../lib/config-rules.ts'
import { DeploymentStack } from '../lib/stack.ts'
import { addValidation } from '../lib/validation.ts'
import { zoned } from './synthesis.ts'

requireValid('prod', zoned)
const app = new App()
new DeploymentStack(app, { config: zoned, migrations: await loadMigrations() })
addValidation(app)
app.synth()
process.exit()
