import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadMigrations, type Migration } from '@repo/db'
import { App } from 'aws-cdk-lib'
import type { CloudAssembly } from 'aws-cdk-lib/cx-api'
import { type Config, configs } from '../lib/config.ts'
import { addGates } from '../lib/gates.ts'
import { ThreeTierStack } from '../lib/stack.ts'

const { context } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'))
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

interface DockerImage {
  readonly source: {
    readonly directory: string
    readonly dockerFile: string
    readonly dockerBuildTarget?: string
    readonly platform: string
  }
}

interface Template {
  readonly Resources: Readonly<Record<string, Resource>>
  readonly Parameters: object
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>
}

/** The synthesized template, past all gates. */
export function synthesize(options?: StackOptions): Synthesized {
  const { app, stack } = makeStack(options)
  return new Synthesized(app.synth(), stack.stackName)
}

export class Synthesized {
  readonly template: Template
  readonly resources: Template['Resources']

  private readonly assembly: string
  private readonly images: readonly DockerImage[]

  constructor(assembly: CloudAssembly, stackName: string) {
    this.template = assembly.getStackByName(stackName).template
    this.resources = this.template.Resources
    this.assembly = assembly.directory
    const { dockerImages } = JSON.parse(readFileSync(join(assembly.directory, `${stackName}.assets.json`), 'utf8'))
    this.images = Object.values(dockerImages)
  }

  /** What the CLI builds from a Dockerfile: where its copy of the context is, and how. */
  image(dockerFile: string): DockerImage['source'] {
    const found = this.images.find(({ source }) => source.dockerFile === dockerFile)
    if (!found) throw new Error(`expected an image of ${dockerFile}`)
    return { ...found.source, directory: join(this.assembly, found.source.directory) }
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
  const functions = new Synthesized(app.synth(), stack.stackName).all('AWS::Lambda::Function')
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
