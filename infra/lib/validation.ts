import { readFileSync } from 'node:fs'
import { type App, CloudFormationValidatePlugin, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'

const rules = new URL('../rules/invariants.guard', import.meta.url)

/**
 * Validates every synthesis by the library's template rules, this project's own and cdk-nag's AWS Solutions checks; a
 * violation makes the synthesis fail. The library's rules only warn without the context
 * `@aws-cdk/core:validateAgainstDefaultRules` of cdk.json.
 */
export function addValidation(app: App): void {
  Validations.of(app).addPlugins(
    new CloudFormationValidatePlugin({
      guardRules: [{ name: 'invariants', content: readFileSync(rules, 'utf8') }],
    }),
    new AwsSolutionsChecks(app),
  )
}
