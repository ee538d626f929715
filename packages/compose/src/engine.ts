import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** What Docker knows of the context that it uses. */
interface Context {
  readonly Endpoints: { readonly docker: { readonly Host: string; readonly SkipTLSVerify?: boolean } }
  /** The names of the files for TLS; none without TLS. */
  readonly TLSMaterial: { readonly docker?: readonly string[] }
  /** The folder of the context's files for TLS; no folder if there is no context but DOCKER_HOST. */
  readonly Storage: { readonly TLSPath: string }
}

const certificates = ['ca.pem', 'cert.pem', 'key.pem']

/**
 * The variables that lead Testcontainers, which reads no context, to the engine that `docker` reaches: by DOCKER_HOST, by
 * DOCKER_CONTEXT, or by the context chosen with `docker context use`, which Colima, OrbStack, Docker Desktop and a
 * rootless engine set.
 *
 * @throws for an engine that Testcontainers cannot reach: it would use the default one instead, if there is one; and when
 * the context does not exist, with Docker's message.
 */
export function engineEnvironment(): Readonly<Record<string, string>> {
  const output = execFileSync('docker', ['context', 'inspect'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const [{ Endpoints, TLSMaterial, Storage }] = JSON.parse(output) as [Context]
  const { Host, SkipTLSVerify } = Endpoints.docker
  if (Host.startsWith('ssh:')) throw unusable(Host, 'Testcontainers does not support SSH')
  if (!Host.startsWith('tcp:')) return withoutTls(Host)
  if (SkipTLSVerify) throw unusable(Host, 'Testcontainers accepts only TLS that is verified')
  if (!TLSMaterial.docker?.length) return withoutTls(Host)
  const folder = existsSync(Storage.TLSPath) ? join(Storage.TLSPath, 'docker') : ownCertificates()
  if (!certificates.every((file) => existsSync(join(folder, file)))) {
    throw unusable(Host, `Testcontainers needs ${certificates.join(', ')} in ${folder}`)
  }
  return { DOCKER_HOST: Host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder }
}

/** Sets the variables of {@link engineEnvironment} for this process and those that it starts. @throws as that does. */
export function useEngine(): void {
  Object.assign(process.env, engineEnvironment())
}

// Empty is unset, for Docker and for Testcontainers.
const withoutTls = (host: string) => ({ DOCKER_HOST: host, DOCKER_TLS_VERIFY: '', DOCKER_CERT_PATH: '' })

/** Where Docker looks for the files for TLS of DOCKER_HOST. */
const ownCertificates = () => process.env.DOCKER_CERT_PATH || process.env.DOCKER_CONFIG || join(homedir(), '.docker')

const unusable = (host: string, reason: string) =>
  new Error(
    `The tests cannot use the engine at ${host}: ${reason}. ` +
      'Choose another one: docker context ls, docker context use NAME, or DOCKER_HOST.',
  )
