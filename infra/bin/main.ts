import { loadMigrations } from '@repo/db'
import { App } from 'aws-cdk-lib'
import { configOf } from '../lib/config.ts'
import { addGates } from '../lib/gates.ts'
import { ThreeTierStack } from '../lib/stack.ts'

const app = new App()
const config = configOf(app.node.tryGetContext('environment') ?? 'dev')
new ThreeTierStack(app, { config, migrations: await loadMigrations() })
addGates(app)
app.synth()
