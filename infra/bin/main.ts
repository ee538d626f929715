import { loadMigrations } from '@repo/db'
import { App } from 'aws-cdk-lib'
import { configOf } from '../lib/config.ts'
import { makeReadable } from '../lib/readable.ts'
import { DeploymentStack } from '../lib/stack.ts'
import { addValidation } from '../lib/validation.ts'

const app = new App()
const config = configOf((name) => app.node.tryGetContext(name))
new DeploymentStack(app, { config, migrations: await loadMigrations() })
addValidation(app)
makeReadable(app.synth().directory)
