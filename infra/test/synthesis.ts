import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { loadMigrations, type Migration } from '@repo/db'
import { App } from 'aws-cdk-lib'
import type { CloudAssembly } from 'aws-cdk-lib/cx-api'
import { type Config, configs } from '../lib/config.ts'
import { DeploymentStack } from '../lib/stack.ts'

const { context } = JSON.parse(readFileSync(join(repositoryRoot, 'cdk.json'), 'utf8'))
const migrations = await loadMigrations()

const { certificate: _certificate, alarmEmail: _alarmEmail, ...withoutSite } = configs.prod
/** prod before a team has set its certificate and its address for alarms. */
export const incomplete: Config = withoutSite

/** prod with a certificate, an e-mail address for alarms, and x86 instances. */
export const secured: Config = {
  ...incomplete,
  certificate: { arn: `arn:aws:acm:${incomplete.region}:123456789012:certificate/0`, domainName: 'www.example.org' },
  alarmEmail: 'operator@example.org',
  architecture: 'x86_64',
  instanceType: 't3.small',
}

/** prod whose certificate and DNS record the stack makes. */
export const zoned: Config = {
  ...secured,
  certificate: { domainName: 'www.example.org', hostedZone: { id: 'Z0', name: 'example.org' } },
}

export interface StackOptions {
  readonly config?: Config
  readonly migrations?: readonly Migration[]
  /** As `-c` of the CLI. */
  readonly context?: Readonly<Record<string, string>>
}

/** The app of bin/main.ts with the CLI's context, before synthesis and without validation. */
export function createApp(
  { context: arguments_, ...options }: StackOptions = {},
  bundledStacks: readonly string[] = [],
): { readonly app: App; readonly stack: DeploymentStack } {
  const app = new App({
    context: { ...context, ...arguments_, 'aws:cdk:bundling-stacks': bundledStacks },
    outdir: outputFolder(),
    // It takes several times as long as the synthesis itself.
    builtinCloudFormationValidation: false,
  })
  return { app, stack: new DeploymentStack(app, { config: configs.dev, migrations, ...options }) }
}

/** A resource of a template. */
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
    readonly dockerBuildSecrets?: Readonly<Record<string, string>>
    readonly platform: string
  }
}

interface Template {
  readonly Resources: Readonly<Record<string, Resource>>
  readonly Parameters: object
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>
}

const synthesized = new Map<string, Synthesized>()

/** The synthesized template, without validation. The same options are synthesized once per process. */
export function synthesize(options: StackOptions = {}): Synthesized {
  const key = JSON.stringify(options)
  let found = synthesized.get(key)
  if (!found) {
    const { app, stack } = createApp(options)
    found = new Synthesized(app.synth(), stack.stackName)
    synthesized.set(key, found)
  }
  return found
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

  /** How the CLI builds an image: its copy of the build context, the Dockerfile and the platform. */
  image(dockerFile: string): DockerImage['source'] {
    const found = this.images.find(({ source }) => source.dockerFile === dockerFile)
    if (!found) throw new Error(`expected an image of ${dockerFile}`)
    return { ...found.source, directory: join(this.assembly, found.source.directory) }
  }

  /** Every resource of a type whose logical id starts with `prefix`. */
  all(type: string, prefix = ''): readonly (Resource & { readonly id: string })[] {
    return Object.entries(this.resources)
      .filter(([id, resource]) => resource.Type === type && id.startsWith(prefix))
      .map(([id, resource]) => ({ id, ...resource }))
  }

  /** The only such resource. @throws when there is none or more than one. */
  one(type: string, prefix?: string): Resource & { readonly id: string } {
    const [found, ...more] = this.all(type, prefix)
    if (!found || more.length > 0)
      throw new Error(`expected one ${type} ${prefix ?? ''}, found ${more.length + (found ? 1 : 0)}`)
    return found
  }
}

/** Bundles the stack's functions. The folders by logical id. */
export function bundledFunctions(options: StackOptions = {}): Readonly<Record<string, string>> {
  const { app, stack } = createApp(options, ['**'])
  const functions = new Synthesized(app.synth(), stack.stackName).all('AWS::Lambda::Function')
  return Object.fromEntries(
    functions.map(({ id, Properties }) => [id, join(app.outdir, `asset.${Properties.Code.S3Key.replace('.zip', '')}`)]),
  )
}

const folders: string[] = []

function outputFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'infra-'))
  folders.push(folder)
  return folder
}

// Vitest ends a worker with SIGTERM.
process.once('SIGTERM', () => process.exit())
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
