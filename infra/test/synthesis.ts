import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadMigrations, type Migration } from '@three-tier/db'
import { App } from 'aws-cdk-lib'
import { type Config, configs } from '../lib/config.ts'
import { addGates } from '../lib/gates.ts'
import { ThreeTierStack } from '../lib/stack.ts'

const { context } = JSON.parse(readFileSync(new URL('../cdk.json', import.meta.url), 'utf8'))
const migrations = await loadMigrations()

export interface StackOptions {
  readonly config?: Config
  readonly migrations?: readonly Migration[]
}

/** The app as bin/main.ts makes it, with the CLI's context, before synthesis; its functions are not bundled. */
export function makeStack(
  options: StackOptions = {},
  bundled: readonly string[] = [],
): { readonly app: App; readonly stack: ThreeTierStack } {
  const app = new App({ context: { ...context, 'aws:cdk:bundling-stacks': bundled }, outdir: outputFolder() })
  const stack = new ThreeTierStack(app, { config: configs.dev, migrations, ...options })
  addGates(app)
  return { app, stack }
}

/** A resource of a template, as far as a test looks at it. */
export interface Resource {
  readonly Type: string
  // biome-ignore lint/suspicious/noExplicitAny: a template is any JSON; the assertions say what they expect.
  readonly Properties: any
  readonly [section: string]: unknown
}

interface Template {
  readonly Resources: Readonly<Record<string, Resource>>
  readonly Parameters: object
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>
}

/** The synthesized template, past all gates. */
export function synthesize(options?: StackOptions): Synthesized {
  const { app, stack } = makeStack(options)
  return new Synthesized(app.synth().getStackByName(stack.stackName).template)
}

export class Synthesized {
  readonly template: Template
  readonly resources: Template['Resources']

  constructor(template: Template) {
    this.template = template
    this.resources = template.Resources
  }

  /** Every resource of a type, with its logical id, whose id begins with `prefix`. */
  all(type: string, prefix = ''): readonly (Resource & { readonly id: string })[] {
    return Object.entries(this.resources)
      .filter(([id, resource]) => resource.Type === type && id.startsWith(prefix))
      .map(([id, resource]) => ({ id, ...resource }))
  }

  /** The only such resource. */
  one(type: string, prefix?: string): Resource & { readonly id: string } {
    const [found, ...more] = this.all(type, prefix)
    if (!found || more.length > 0)
      throw new Error(`expected one ${type} ${prefix ?? ''}, found ${more.length + (found ? 1 : 0)}`)
    return found
  }
}

/** The folders of the stack's bundled functions by logical id. */
export function bundledFunctions(): Readonly<Record<string, string>> {
  const { app, stack } = makeStack({}, ['**'])
  const { template } = app.synth().getStackByName(stack.stackName)
  const functions = new Synthesized(template).all('AWS::Lambda::Function')
  return Object.fromEntries(
    functions.map(({ id, Properties }) => [id, join(app.outdir, `asset.${Properties.Code.S3Key.replace('.zip', '')}`)]),
  )
}

const folders: string[] = []

function outputFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'three-tier-infra-'))
  folders.push(folder)
  return folder
}

process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
