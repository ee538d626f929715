import { execFileSync } from 'node:child_process'

/**
 * Where `docker` reaches the engine: by DOCKER_HOST, by DOCKER_CONTEXT, or by the context chosen with
 * `docker context use`, which Colima, OrbStack, Docker Desktop and a rootless engine set.
 *
 * @throws when the context does not exist, with Docker's message.
 */
export const engineAddress = (): string =>
  execFileSync('docker', ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim()
