import type UPlot from 'uplot'
import { type Period, Refused, readStats, type Stats } from './api.ts'
import { element, part, say } from './elements.ts'

// Loaded by index.html.
declare const uPlot: typeof UPlot

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const periodMs: Readonly<Record<Period, number>> = { minute, hour, day }

/** What can be chosen at once: so much time up to now. */
const spans = { hour, day, week: 7 * day, month: 30 * day, year: 365 * day } as const
type Span = keyof typeof spans

/** As fine as fits: below 400 bars, and never more than the service counts. */
function periodOf(span: number): Period {
  return span <= 6 * hour ? 'minute' : span <= 14 * day ? 'hour' : 'day'
}

const shortest = 10 * minute
const longest = 1500 * day

/** The chart of visits. */
export interface Chart {
  /** Counts again what is shown. */
  refresh(): Promise<void>
}

/** Fills the chart and makes its controls work. */
export function setUpChart(): Chart {
  const plot = element('plot')
  const summary = element('summary')
  const table = element<HTMLDetailsElement>('table')
  const choices = element('spans')
  /** A number: so much time up to now, moving on with it. */
  let shown: number | { readonly from: number; readonly to: number } = spans.hour
  let stats: Stats | undefined
  let asked = 0
  const chart = createPlot()

  function range(): { from: number; to: number } {
    if (typeof shown !== 'number') return shown
    const period = periodMs[periodOf(shown)]
    // Ends with the period that is now.
    const to = Math.ceil((Date.now() + 1) / period) * period
    return { from: to - shown, to }
  }

  async function refresh(): Promise<void> {
    asked += 1
    const turn = asked
    const { from, to } = range()
    const answer = await readStats(periodOf(to - from), from, to).catch((error: unknown) => {
      // The stored times cannot all be counted in time: said here, since all else is well.
      if (error instanceof Refused && turn === asked) say(summary, error.message)
      throw error
    })
    // Of two questions the later one's answer counts.
    if (turn !== asked) return
    stats = answer
    show()
  }

  /** Shows another range; what cannot be had is told by the strip, and tried again with the next refresh. */
  function go(to: typeof shown): void {
    shown = to
    for (const input of choices.querySelectorAll('input')) input.checked = spans[input.value as Span] === to
    refresh().catch(() => {})
  }

  function goBetween(from: number, to: number): void {
    const middle = (from + to) / 2
    const span = Math.min(longest, Math.max(shortest, to - from))
    const period = periodMs[periodOf(span)]
    const begin = Math.floor((middle - span / 2) / period) * period
    // Whoever reaches the present stays with it.
    if (begin + span >= Date.now()) go(Math.ceil(span / period) * period)
    else go({ from: begin, to: begin + Math.ceil(span / period) * period })
  }

  const moves = {
    earlier: () => by((from, to, half) => goBetween(from - half, to - half)),
    later: () => by((from, to, half) => goBetween(from + half, to + half)),
    in: () => by((from, to, half) => goBetween(from + half / 2, to - half / 2)),
    out: () => by((from, to, half) => goBetween(from - half, to + half)),
  }
  type Move = keyof typeof moves

  function by(move: (from: number, to: number, half: number) => void): void {
    const { from, to } = range()
    move(from, to, (to - from) / 2)
  }

  function show(): void {
    if (stats === undefined) return
    const { counts, total, per } = stats
    chart.setData([counts.map((_, at) => beginOf(at) / second), [...counts]])
    const most = counts.reduce((best, count, at) => (count > (counts[best] ?? 0) ? at : best), 0)
    const visits = `${total.toLocaleString('en-GB')} ${total === 1 ? 'visit' : 'visits'}`
    const busiest =
      total > 0
        ? `; the most in one ${per}: ${counts[most]}, at ${afterSame(stats.from, new Date(beginOf(most)).toISOString())}`
        : ''
    say(element('per'), `by the ${per}`)
    say(summary, `${visits} from ${instant(stats.from)} to ${afterSame(stats.from, stats.to)}${busiest}`)
    if (table.open) fillTable()
  }

  function fillTable(): void {
    const rows = (stats?.counts ?? []).flatMap((count, at) => (count > 0 ? [[periodName(at), String(count)]] : []))
    part(table, 'tbody').replaceChildren(
      ...rows.reverse().map((texts) => {
        const row = document.createElement('tr')
        for (const text of texts) row.insertCell().textContent = text
        return row
      }),
    )
  }

  function edges(): [number, number] {
    const { from, to } = stats ?? range()
    return [new Date(from).getTime() / second, new Date(to).getTime() / second]
  }

  const beginOf = (at: number) => (stats ? Date.parse(stats.from) + at * periodMs[stats.per] : 0)
  const periodName = (at: number) => instant(new Date(beginOf(at)).toISOString())

  function createPlot(): UPlot {
    const colour = (name: string) => () => getComputedStyle(plot).getPropertyValue(name)
    const axis: UPlot.Axis = {
      stroke: colour('--soft'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
    }
    const created = new uPlot(
      {
        ...size(),
        tzDate: (at) => uPlot.tzDate(new Date(at * second), 'Etc/UTC'),
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
        // The last bar, too, has all its width.
        scales: { x: { range: () => edges() }, y: { range: (_, __, most) => [0, Math.max(4, most * 1.1)] } },
        axes: [
          { ...axis, grid: { show: false }, values: dates },
          {
            ...axis,
            size: 48,
            incrs: [1, 10, 100, 1e3, 1e4, 1e5].flatMap((ten) => [ten, 2 * ten, 5 * ten]),
          },
        ],
        series: [
          {},
          {
            fill: colour('--accent'),
            // A bar covers its period: from its beginning to the right.
            paths: uPlot.paths.bars?.({ size: [0.8, 48], align: 1 }) as UPlot.Series.PathBuilder,
            points: { show: false },
          },
        ],
        hooks: {
          setCursor: [({ cursor }) => readOut(cursor.idx)],
          setSelect: [
            (self) => {
              const { left, width } = self.select
              if (width < 8) return
              const [from, to] = [left, left + width].map((at) => self.posToVal(at, 'x') * second)
              self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
              goBetween(Number(from), Number(to))
            },
          ],
        },
      },
      [[], []],
      plot,
    )
    new ResizeObserver(() => created.setSize(size())).observe(plot)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => created.redraw(true))
    return created
  }

  function size(): { width: number; height: number } {
    return { width: Math.max(200, plot.clientWidth), height: plot.clientHeight }
  }

  function readOut(at: number | null | undefined): void {
    const text = typeof at === 'number' ? `${periodName(at)}: ${stats?.counts[at] ?? 0}` : ''
    plot.dataset.readOut = text
  }

  choices.addEventListener('change', (event) => go(spans[(event.target as HTMLInputElement).value as Span]))
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-move]')) {
    button.addEventListener('click', () => moves[button.dataset.move as Move]())
  }
  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: moves.earlier,
    ArrowRight: moves.later,
    '+': moves.in,
    '=': moves.in,
    '-': moves.out,
    Escape: () => go(spans.hour),
  }
  plot.addEventListener('keydown', (event) => {
    const move = keys[event.key]
    if (move === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    move()
  })
  table.addEventListener('toggle', fillTable)

  return { refresh }
}

/** `2026-11-22 09:33`, UTC. */
function instant(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ')
}

/** The same, without the day where that is the same as before. */
function afterSame(before: string, iso: string): string {
  return before.slice(0, 10) === iso.slice(0, 10) ? iso.slice(11, 16) : instant(iso)
}

/** What the time axis says: the day where one begins, else the hour and minute. */
function dates(_: UPlot, splits: number[]): string[] {
  let before = ''
  return splits.map((at) => {
    const [date = '', clock = ''] = instant(new Date(at * second).toISOString()).split(' ')
    const text =
      clock === '00:00' ? date.slice(5) : date === before || before === '' ? clock : `${date.slice(5)} ${clock}`
    before = date
    return text
  })
}
