import { run } from './run.ts'

/** What {@link generateFromSchemas} writes. */
export const fromSchemas: readonly string[] = ['apps/app/src/http/openapi.json', 'apps/web/page/api-types.ts']

/** Writes the OpenAPI document and the page's types. @throws {CliError} */
export const generateFromSchemas = (signal: AbortSignal): Promise<void> =>
  run(signal, process.execPath, 'apps/app/generate/openapi.ts')

/** The template of the CDK app, with the migrations in it. */
export const snapshot = 'infra/test/snapshots/dev.template.json'

/** Writes {@link snapshot}. @throws {CliError} */
export const updateSnapshot = (signal: AbortSignal): Promise<void> =>
  run(signal, 'npx', 'vitest', 'run', '--project', 'unit', 'infra/test/snapshot.test.ts', '--update')

/** What {@link regenerate} writes. */
export const generated: readonly string[] = [...fromSchemas, 'docs/configuration.md', snapshot]

/** Writes everything that is generated. @throws {CliError} */
export async function regenerate(signal: AbortSignal): Promise<void> {
  await generateFromSchemas(signal)
  await run(signal, process.execPath, 'apps/app/generate/configuration.ts')
  await updateSnapshot(signal)
}
