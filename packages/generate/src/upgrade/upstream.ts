import { CliError } from '@repo/ops/cli.ts'
import { git } from '../checkout.ts'
import { recordFile, type Upstream, withoutCredentials } from '../record.ts'

/** Fetches a repository into a folder, without a work tree, and resolves with the folder. @throws {CliError} */
export async function openUpstream(repository: string, folder: string): Promise<string> {
  await git('.', 'clone', '--quiet', '--bare', '--', repository, folder).catch(({ message }) => {
    throw new CliError(
      `${withoutCredentials(repository)} cannot be fetched. An upgrade needs it, or a copy of it: npm run upgrade -- REPOSITORY\n${message}`,
    )
  })
  return folder
}

/** The commit that a project was made from, or one with the same content. @throws {CliError} if there is neither. */
export async function findCommit(upstream: string, { commit, tree, repository }: Upstream): Promise<string> {
  const commits = (await git(upstream, 'log', '--all', '--format=%H %T')).split('\n').map((line) => line.split(' '))
  const [found] = commits.find(([hash]) => hash === commit) ?? commits.find(([, content]) => content === tree) ?? []
  if (found === undefined) {
    throw new CliError(
      `${repository} has neither the commit ${commit}, which ${recordFile} names, nor one with its content. Give the ` +
        'repository that this project was made from: npm run upgrade -- REPOSITORY',
    )
  }
  return found
}
