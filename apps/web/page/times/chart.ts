import type UPlot from 'uplot'
import { now, ResponseError } from '../api.ts'
import { descendant, element, setText } from '../elements.ts'
import { type Period, readStats, type Stats } from './api.ts'

// Loaded by head.html.
declare const uPlot: typeof UPlot

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const periodMs: Readonly<Record<Period, number>> = { minute, hour, day }

/** The ranges that end now. */
const spans = { hour, day, week: 7 * day, month: 30 * day, year: 365 * day } as const
type Span = keyof typeof spans

/** The shortest period with fewer than 400 bars; the service counts at most 1,500. */
function periodOf(span: number): Period {
  return span <= 6 * hour ? 'minute' : span <= 14 * day ? 'hour' : 'day'
}

const shortest = 10 * minute
const longest = 1500 * day

/** The chart of visits. */
export interface Chart {
  /** Requests the counts of the shown range again. */
  refresh(): Promise<void>
}

/** Sets up the chart and its controls. */
export function setUpChart(): Chart {
  const plot = element('plot')
  const summary = element('summary')
  const table = element<HTMLDetailsElement>('table')
  const spanChoices = element('spans')
  /** A number is the length of a range that ends now. */
  let shown: number | { readonly from: number; readonly to: number } = spans.hour
  let stats: Stats | undefined
  let requests = 0
  const chart = createPlot()

  function range(): { from: number; to: number } {
    if (typeof shown !== 'number') return shown
    const period = periodMs[periodOf(shown)]
    // The current period is the last one.
    const to = Math.ceil((now() + 1) / period) * period
    return { from: to - shown, to }
  }

  async function refresh(): Promise<void> {
    requests += 1
    const request = requests
    const { from, to } = range()
    const response = await readStats(periodOf(to - from), from, to).catch((error: unknown) => {
      const reason = error instanceof ResponseError ? error.message : 'The service is unreachable.'
      if (request === requests) setText(summary, `Not counted: ${reason}`)
      throw error
    })
    // Only the latest request's response is shown.
    if (request !== requests) return
    stats = response
    render()
  }

  /** Shows another range. The notice shows an outage, and the next refresh tries again. */
  function showRange(range: typeof shown): void {
    shown = range
    // The counts of one range are never shown as those of another.
    stats = undefined
    render()
    for (const input of spanChoices.querySelectorAll('input')) input.checked = spans[input.value as Span] === range
    refresh().catch(() => {})
  }

  function showBetween(from: number, to: number): void {
    const middle = (from + to) / 2
    const span = Math.min(longest, Math.max(shortest, to - from))
    const period = periodMs[periodOf(span)]
    const begin = Math.floor((middle - span / 2) / period) * period
    // A range that reaches the present moves on with it.
    if (begin + span >= now()) showRange(Math.ceil(span / period) * period)
    else showRange({ from: begin, to: begin + Math.ceil(span / period) * period })
  }

  const moves = {
    earlier: () => move((from, to, half) => showBetween(from - half, to - half)),
    later: () => move((from, to, half) => showBetween(from + half, to + half)),
    in: () => move((from, to, half) => showBetween(from + half / 2, to - half / 2)),
    out: () => move((from, to, half) => showBetween(from - half, to + half)),
  }
  type Move = keyof typeof moves

  function move(change: (from: number, to: number, half: number) => void): void {
    const { from, to } = range()
    change(from, to, (to - from) / 2)
  }

  function render(): void {
    if (table.open) fillTable()
    if (stats === undefined) {
      const { from, to } = range()
      setText(element('per'), `per ${periodOf(to - from)}`)
      setText(summary, 'Counting…')
      chart.setData([[], []])
      return
    }
    const { counts, total, per } = stats
    chart.setData([counts.map((_, index) => startOf(index) / second), [...counts]])
    const peak = counts.reduce((best, count, index) => (count > (counts[best] ?? 0) ? index : best), 0)
    const visits = `${total.toLocaleString('en-GB')} ${total === 1 ? 'visit' : 'visits'}`
    const peakAt = shortInstant(stats.from, new Date(startOf(peak)).toISOString())
    const peakText = total > 0 ? `; peak: ${counts[peak]} in the ${per} at ${peakAt}` : ''
    setText(element('per'), `per ${per}`)
    setText(summary, `${visits} from ${instant(stats.from)} to ${shortInstant(stats.from, stats.to)}${peakText}`)
  }

  function fillTable(): void {
    const rows = (stats?.counts ?? []).flatMap((count, index) => (count > 0 ? [[startText(index), String(count)]] : []))
    descendant(table, 'tbody').replaceChildren(
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

  const startOf = (index: number) => (stats ? Date.parse(stats.from) + index * periodMs[stats.per] : 0)
  const startText = (index: number) => instant(new Date(startOf(index)).toISOString())

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
        // The last bar needs its whole width too.
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
            // A bar covers its period: align 1 draws it to the right of the period's beginning.
            paths: uPlot.paths.bars?.({ size: [0.8, 48], align: 1 }) as UPlot.Series.PathBuilder,
            points: { show: false },
          },
        ],
        hooks: {
          setCursor: [({ cursor }) => showReadOut(cursor.idx)],
          setSelect: [
            (self) => {
              const { left, width } = self.select
              if (width < 8) return
              const [from, to] = [left, left + width].map((at) => self.posToVal(at, 'x') * second)
              self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
              showBetween(Number(from), Number(to))
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

  function showReadOut(index: number | null | undefined): void {
    const text = typeof index === 'number' ? `${startText(index)}: ${stats?.counts[index] ?? 0}` : ''
    plot.dataset.readOut = text
  }

  spanChoices.addEventListener('change', (event) => showRange(spans[(event.target as HTMLInputElement).value as Span]))
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-move]')) {
    button.addEventListener('click', () => moves[button.dataset.move as Move]())
  }
  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: moves.earlier,
    ArrowRight: moves.later,
    '+': moves.in,
    '=': moves.in,
    '-': moves.out,
    Escape: () => showRange(spans.hour),
  }
  plot.addEventListener('keydown', (event) => {
    const action = keys[event.key]
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    action()
  })
  table.addEventListener('toggle', fillTable)

  return { refresh }
}

/** `2026-11-22 09:33`, UTC. */
function instant(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ')
}

/** The same, without the day if `before` is on the same day. */
function shortInstant(before: string, iso: string): string {
  return before.slice(0, 10) === iso.slice(0, 10) ? iso.slice(11, 16) : instant(iso)
}

/** The labels of the time axis: the day at its beginning, else the time of day. */
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
