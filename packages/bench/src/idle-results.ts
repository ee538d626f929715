/** What `npm run idle` measures; packages/bench/results/idle.json. */
export interface Idle {
  readonly about: { readonly date: string; readonly cpus: number; readonly cpu: string }
  /** How busy the machine's processors were before, in percent of all. */
  readonly busyBefore: number
  readonly complete: IdleTopology
  readonly light: IdleTopology
}

/** One topology without requests. */
export interface IdleTopology {
  /** Of all images, with the base images there and nothing cached. */
  readonly buildSeconds: number
  /** Until it is healthy, with the images there and without data. */
  readonly startSeconds: number
  readonly imagesMiB: number
  /** How busy the machine's processors are, the engine and its health checks included, in percent of all. */
  readonly machinePercent: number
  readonly services: Readonly<Record<string, IdleService>>
}

/** All containers of a service. */
interface IdleService {
  readonly instances: number
  readonly memoryMiB: number
  /** Of one processor. */
  readonly cpuPercent: number
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)

/** The memory of all its containers. */
export const memoryMiB = ({ services }: IdleTopology): number =>
  Math.round(sum(Object.values(services).map((service) => service.memoryMiB)))

/** Of all processors, the engine included, without what the machine did before. */
const cpuPercent = ({ machinePercent }: IdleTopology, { busyBefore }: Idle): number =>
  Number(Math.max(0, machinePercent - busyBefore).toFixed(1))

/** The group `idle` of results/latest.json: the complete topology. */
export const toIdleGroup = (idle: Idle): { date: string; cpuPercent: number; memoryMiB: number } => ({
  date: idle.about.date,
  cpuPercent: cpuPercent(idle.complete, idle),
  memoryMiB: memoryMiB(idle.complete),
})

/** The table of the README. */
export function describeIdle(idle: Idle): string {
  const { about, complete, light } = idle
  const row = (title: string, of: (topology: IdleTopology) => string) => `| ${title} | ${of(complete)} | ${of(light)} |`
  const percent = (topology: IdleTopology) => `${cpuPercent(topology, idle).toFixed(1)} %`
  const amount = (value: number) => value.toLocaleString('en')
  return [
    '| | `npm start` | `npm start -- --light` |',
    '| --- | --- | --- |',
    row('memory at rest', (topology) => `${amount(memoryMiB(topology))} MiB`),
    row(`processor time at rest, of ${about.cpus} cores, the engine included`, percent),
    row('disk for the images', ({ imagesMiB }) => `${amount(imagesMiB)} MiB`),
    row('first build, after the base images', ({ buildSeconds }) => `${(buildSeconds / 60).toFixed(1)} min`),
    row('start of what is built', ({ startSeconds }) => `${startSeconds} s`),
  ].join('\n')
}

/** The same table for a terminal, with each service. */
export function formatServices({ services }: IdleTopology): string {
  return Object.entries(services)
    .map(
      ([name, { instances, memoryMiB, cpuPercent }]) =>
        `${name.padEnd(10)} × ${instances}  ${memoryMiB.toFixed(0).padStart(5)} MiB  ${cpuPercent.toFixed(2).padStart(5)} % of a core`,
    )
    .join('\n')
}

const block = /(<!-- npm run idle -->\n)[\s\S]*?(<!-- end -->)/

/** The README with this table in the place that is marked for it. */
export const withTable = (readme: string, table: string): string =>
  readme.replace(block, (_, begin, end) => `${begin}${table && `${table}\n`}${end}`)
