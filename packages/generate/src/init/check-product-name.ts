import { CliError } from '@repo/ops/cli.ts'

/** @param lockfile the text of package-lock.json. @throws {CliError} unless the name can be that of a project. */
export function checkProductName(name: string, lockfile: string): void {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 40) {
    throw new CliError(
      `Invalid name '${name}': expected at most 40 lower-case letters, digits and single hyphens, beginning with a ` +
        "letter, such as 'my-shop'.",
    )
  }
  const { name: origin, packages } = JSON.parse(lockfile)
  if (name === origin) throw new CliError(`'${name}' is the name that is to be replaced. Take another one.`)
  if (packages[`node_modules/${name}`]) {
    throw new CliError(`'${name}' is the name of a package that is installed here. Take another one.`)
  }
}
