import { openStack, type Stack } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let stack: Stack

beforeAll(async () => {
  stack = await openStack({ project: 'three-tier-test-isolation', port: 18_088 })
})
afterAll(() => stack?.down())

const tiers = { alb: 80, web: 8080, nlb: 9090, app: 9090, 'db-writer': 3306, 'db-reader': 3306 } as const
type Tier = keyof typeof tiers

/** Every arrow of the diagram. The reader also follows the writer, and Docker's networks have no direction. */
const neighbours: Record<Tier, readonly Tier[]> = {
  alb: ['web'],
  web: ['alb', 'nlb'],
  nlb: ['web', 'app'],
  app: ['nlb', 'db-writer', 'db-reader'],
  'db-writer': ['app', 'db-reader'],
  'db-reader': ['app', 'db-writer'],
}

/** The addresses of a tier's containers in all their networks: names alone would hide what an address reaches. */
async function addressesOf(tier: Tier): Promise<string[]> {
  const lines = await stack.compose('exec', '--no-TTY', tier, 'bash', '-c', 'exec hostname -I')
  return lines.trim().split(' ')
}

async function reaches(from: Tier, address: string, port: number): Promise<boolean> {
  try {
    await stack.exec(from, ['timeout', '1', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`])
    return true
  } catch {
    return false
  }
}

describe('the security-group chain', { timeout: 120_000 }, () => {
  for (const from of Object.keys(tiers) as Tier[]) {
    it(`${from} reaches ${neighbours[from].join(', ')} and no other tier`, async () => {
      for (const to of Object.keys(tiers) as Tier[]) {
        if (to === from) continue
        const addresses = await addressesOf(to)
        const reached = async () =>
          (await Promise.all(addresses.map((address) => reaches(from, address, tiers[to])))).includes(true)
        // More than once: whenever any network is created, Docker takes its isolation's jump rule out of the firewall
        // and puts it in again (seen with 26.1), and the ALB, which has a way out, can pass in between.
        await expect.poll(reached, { timeout: 10_000, message: `${from} → ${to}` }).toBe(neighbours[from].includes(to))
      }
    })
  }

  it('only the ALB has a way out', async () => {
    for (const tier of Object.keys(tiers) as Tier[]) {
      const routes = await stack.exec(tier, ['cat', '/proc/net/route'])
      // A destination of zeros is the default route.
      expect(/^\w+\t00000000\t/m.test(routes), tier).toBe(tier === 'alb')
    }
  })

  it('only the ALB is published', async () => {
    const published = (await stack.compose('ps', '--format', '{{.Service}} {{.Ports}}'))
      .split('\n')
      .filter((line) => line.includes('->'))
    expect(published.every((line) => line.startsWith('alb '))).toBe(true)
    expect(published).toHaveLength(1)
  })
})

describe('every container', () => {
  it('runs without root, without capabilities, on a read-only root file system', async () => {
    for (const tier of Object.keys(tiers) as Tier[]) {
      const status = await stack.exec(tier, ['cat', '/proc/1/status'])
      expect(status, tier).toMatch(/^Uid:\t(?!0\b)\d+/m)
      expect(status, tier).toMatch(/^CapEff:\t0+$/m)
      expect(status, tier).toMatch(/^NoNewPrivs:\t1$/m)
      await expect(stack.exec(tier, ['touch', '/etc/x']), tier).rejects.toThrow('Read-only file system')
    }
  })

  it('of ours holds nothing to build or install with, and nothing left over from its own building', async () => {
    const tools = ['gcc', 'g++', 'cc', 'clang', 'make', 'ld', 'npm', 'npx', 'yarn', 'corepack', 'pip', 'git', 'curl']
    const leftovers = ['/var/lib/apt/lists/*', '/var/cache/apt/*', '/root/.npm', '/home/*/.npm', '/usr/include/*']
    const script = `
      for tool in ${tools.join(' ')}; do command -v "$tool"; done
      find / -xdev -name node_modules -prune -o \\( -name npm -o -name '_cacache' \\) -print 2>/dev/null
      ls -d ${leftovers.join(' ')} 2>/dev/null
      true`
    // The databases' image is the official one.
    for (const tier of ['alb', 'web', 'nlb', 'app'] as const) {
      expect(await stack.exec(tier, ['bash', '-c', script]), tier).toBe('')
    }
  })
})
