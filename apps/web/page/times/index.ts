import type { Resource } from '../resource.ts'
import { setUpChart } from './chart.ts'
import { setUpList } from './list.ts'
import { setUpSave } from './save.ts'

/** The chart moves on with time, even when nothing is saved. */
const chartIntervalMs = 10_000

/** Sets up the button, the list and the chart of times. `saved` is called after each confirmed save. */
export function setUpTimes(saved: () => void): Resource {
  const list = setUpList()
  const chart = setUpChart()
  /** The `newest` that the list and the chart show; undefined while unknown. */
  let shownNewest: number | undefined
  /** True when something was saved here: `newest` may come from a database that does not have it yet. */
  let hasSaved = false
  let chartedAt = Number.NEGATIVE_INFINITY
  let updating = false

  async function refresh(newest: number | undefined): Promise<void> {
    updating = true
    const listDue = hasSaved || newest === undefined || newest !== shownNewest
    hasSaved = false
    const chartDue = listDue || performance.now() - chartedAt > chartIntervalMs
    const [listed, charted] = await Promise.allSettled([
      listDue ? list.refresh() : undefined,
      chartDue ? chart.refresh() : undefined,
    ])
    shownNewest = listed.status === 'fulfilled' ? newest : undefined
    if (charted.status === 'fulfilled' && chartDue) chartedAt = performance.now()
    updating = false
  }

  setUpSave(() => {
    hasSaved = true
    saved()
  })
  return {
    update({ newest, writer, reader }) {
      // Without one of the databases the newest may not be known in time; an empty page asks for its list nevertheless.
      const isEmpty = shownNewest === undefined && (writer === 'ok' || reader === 'ok')
      // Not awaited: a slow list or chart must not delay the detection of an outage.
      if (!updating && (newest !== null || isEmpty)) void refresh(newest ?? undefined)
    },
  }
}
