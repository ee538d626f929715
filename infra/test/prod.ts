/** An app of the CLI: prod with what it requires, or without with the context `incomplete`. */
import { loadMigrations } from '@repo/db'
import { App } from 'aws-cdk-lib'
import { requireValid } from '../lib/config-rules.ts'
import { DeploymentStack } from '../lib/stack.ts'
import { addValidation } from '../lib/validation.ts'
import { incomplete, zoned } from './synthesis.ts'

const app = new App()
const config = app.node.tryGetContext('incomplete') ? incomplete : zoned
requireValid('prod', config)
new DeploymentStack(app, { config, migrations: await loadMigrations() })
addValidation(app)
app.synth()
process.exit()
