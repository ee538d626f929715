import { CliError } from '@repo/ops/cli.ts'
import { pluralOf } from './plural.ts'
import type { Workload } from './workload.ts'
import { workloads } from './workloads/index.ts'

/**
 * The resource of this name, in the plural or in the singular, as `line-item` or `lineItem`.
 *
 * @throws {CliError} with the names that there are.
 */
export function findWorkload(given: string, known: readonly Workload[] = workloads): Workload {
  const name = given.replaceAll(/(?<=.)(?=[A-Z])/g, '-').toLowerCase()
  const found = known.find((each) => each.name === name) ?? known.find((each) => each.name === pluralOf(name))
  if (found !== undefined) return found
  throw new CliError(`Unknown resource '${given}'. Known: ${known.map((each) => each.name).join(', ') || 'none'}.`)
}
