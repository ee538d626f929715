export { baseImage, certificatesFile, composeFiles, repositoryRoot } from './checkout.ts'
export { DockerError, type DockerOptions, docker, dockerOutput, engineAddress, spawnDocker, spawnIn } from './docker.ts'
export { freeze, thaw } from './freeze.ts'
export { git } from './git.ts'
export { buildImage } from './image.ts'
export { type Configuration, type Container, openProject, type Project, type ProjectOptions } from './project.ts'
export { addContainer, removeContainer } from './rolling.ts'
export { type Service, services } from './services.ts'
export { removeLeftovers, testImage, testProject, testRun, testRunLabel } from './test-run.ts'
export {
  attachTopology,
  freePort,
  openTopology,
  type Topology,
  type TopologyOptions,
  type TopologyReference,
} from './topology.ts'
export { type WaitOptions, waitFor } from './wait.ts'
