import { afterAll, beforeAll, expect, it } from 'vitest'
import { baseImage, buildImage, docker, testRun, testRunLabel, waitFor } from '../src/index.ts'
import { testContainer } from '../src/testing.ts'

const network = `${testRun}-lost-target`
const target = `require('node:http').createServer((request, response) => {
  if (request.url === '/healthz') response.end()
  else request.socket.destroy()
}).listen(8080)`

const started: { stop(): Promise<unknown> }[] = []
let url: string

beforeAll(async () => {
  const [image] = await Promise.all([
    buildImage('haproxy'),
    docker(['network', 'create', '--label', `${testRunLabel}=${testRun}`, network]),
  ])
  started.push(
    await testContainer(baseImage('NODE_IMAGE'))
      .withNetworkMode(network)
      .withNetworkAliases('web')
      .withCommand(['node', '-e', target])
      .start(),
  )
  const alb = await testContainer(image).withNetworkMode(network).withExposedPorts(80).start()
  started.push(alb)
  url = `http://127.0.0.1:${alb.getMappedPort(80)}/write`
})

afterAll(async () => {
  for (const container of started.reverse()) await container.stop()
  await docker(['network', 'rm', network])
})

const write = async () => {
  const { status, headers } = await fetch(url, { method: 'POST' })
  return [status, headers.get('retry-after')]
}

it('the load balancer asks for a repetition only of what it has not sent', async () => {
  await waitFor('the target to be up', async () => (await write())[0] !== 503)
  expect(await write()).toEqual([502, null])
  await started[0]?.stop()
  await waitFor('the target to be down', async () => (await write())[0] === 503)
  expect(await write()).toEqual([503, '1'])
})
