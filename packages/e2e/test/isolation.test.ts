import { services as tiers, waitFor } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { topology } from './topology.ts'

type Tier = (typeof tiers)[number]

const ports: Record<Tier, number> = { alb: 80, web: 8080, nlb: 9090, app: 9090, 'db-writer': 3306, 'db-reader': 3306 }

/** Every arrow of the diagram, in both directions: Docker's networks have none. The reader also follows the writer. */
const neighbours: Record<Tier, readonly Tier[]> = {
  alb: ['web'],
  web: ['alb', 'nlb'],
  nlb: ['web', 'app'],
  app: ['nlb', 'db-writer', 'db-reader'],
  'db-writer': ['app', 'db-reader'],
  'db-reader': ['app', 'db-writer'],
}

/** The addresses of a container in all its networks: a name resolves only to those in shared networks. */
async function addressesOf(tier: Tier): Promise<string[]> {
  return (await topology.exec(tier, ['bash', '-c', 'exec hostname -I'])).trim().split(' ')
}

async function reaches(from: Tier, address: string, port: number): Promise<boolean> {
  try {
    await topology.exec(from, ['timeout', '1', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`])
    return true
  } catch {
    return false
  }
}

describe('the networks', () => {
  it.each(tiers)('let %s reach its neighbours in the diagram and no other tier', async (from) => {
    for (const to of tiers.filter((tier) => tier !== from)) {
      const addresses = await addressesOf(to)
      const expected = neighbours[from].includes(to)
      // Repeated: whenever a network is created, Docker removes the isolation rule from the firewall and adds it again
      // (seen with 26.1), and the ALB, which has a default route, can connect meanwhile.
      await waitFor(`${from} to ${expected ? 'reach' : 'be isolated from'} ${to}`, async () => {
        const results = await Promise.all(addresses.map((address) => reaches(from, address, ports[to])))
        return results.includes(true) === expected
      })
    }
  })

  it('give only the ALB a default route', async () => {
    for (const tier of tiers) {
      const routes = await topology.exec(tier, ['cat', '/proc/net/route'])
      // A destination of zeros is the default route.
      expect(/^\w+\t00000000\t/m.test(routes), tier).toBe(tier === 'alb')
    }
  })

  it('publish the ALB and, to this machine only, Prometheus', async () => {
    const published = (await topology.compose('ps', '--format', '{{.Service}} {{.Ports}}'))
      .split('\n')
      .filter((line) => line.includes('->'))
    expect(published.map((line) => line.split(' ')[0]).toSorted()).toEqual(['alb', 'prometheus'])
    expect(published.find((line) => line.startsWith('prometheus'))).toMatch(/^prometheus 127\.0\.0\.1:\d+->9090\/tcp$/)
  })
})

describe('every container', () => {
  it('runs without root, without capabilities, on a read-only root file system', async () => {
    for (const tier of tiers) {
      const status = await topology.exec(tier, ['cat', '/proc/1/status'])
      expect(status, tier).toMatch(/^Uid:\t(?!0\b)\d+/m)
      expect(status, tier).toMatch(/^CapEff:\t0+$/m)
      expect(status, tier).toMatch(/^NoNewPrivs:\t1$/m)
      await expect(topology.exec(tier, ['touch', '/etc/x']), tier).rejects.toThrow('Read-only file system')
    }
  })

  it('contains no compiler, package manager or build cache', async () => {
    const tools = ['gcc', 'g++', 'cc', 'clang', 'make', 'ld', 'npm', 'npx', 'yarn', 'corepack', 'pip', 'git', 'curl']
    const caches = ['/var/lib/apt/lists/*', '/var/cache/apt/*', '/root/.npm', '/home/*/.npm', '/usr/include/*']
    const script = `
      for tool in ${tools.join(' ')}; do command -v "$tool"; done
      find / -xdev -name node_modules -prune -o \\( -name npm -o -name '_cacache' \\) -print 2>/dev/null
      ls -d ${caches.join(' ')} 2>/dev/null
      true`
    // The databases run the official image.
    for (const tier of ['alb', 'web', 'nlb', 'app']) {
      expect(await topology.exec(tier, ['bash', '-c', script]), tier).toBe('')
    }
  })
})
