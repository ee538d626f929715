import { fileURLToPath } from 'node:url'

/** The folder that holds cdk.json, with a slash at the end. */
export const repositoryRoot: string = fileURLToPath(new URL('../..', import.meta.url))
