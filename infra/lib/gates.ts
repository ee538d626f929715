import { readFileSync } from 'node:fs'
import { type App, CloudFormationValidatePlugin, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'

const rules = new URL('../rules/invariants.guard', import.meta.url)

/**
 * Makes every synthesis pass the library's template rules, this project's own and AWS's solution checks, or fail.
 * The first needs the context `@aws-cdk/core:validateAgainstDefaultRules` of cdk.json: without it, it only warns.
 */
export function addGates(app: App): void {
  Validations.of(app).addPlugins(
    new CloudFormationValidatePlugin({
      guardRules: [{ name: 'invariants', content: readFileSync(rules, 'utf8') }],
    }),
    new AwsSolutionsChecks(app),
  )
}
