import { readTimes } from './api.ts'
import { element, part } from './elements.ts'

/** The list of the latest times. */
export interface TimesList {
  /** Gets the newest times; whoever reads further down is not disturbed, but told. */
  refresh(): Promise<void>
}

/** Fills the list: more at its end by button or on scroll, newer ones at its top by {@link TimesList.refresh}. */
export function setUpTimes(): TimesList {
  const scroll = element('times')
  const rows = part<HTMLOListElement>(scroll, 'ol')
  const empty = element('empty')
  const more = element<HTMLButtonElement>('more')
  const newest = element<HTMLButtonElement>('newest')
  let next: string | undefined
  /** The newest time shown; undefined before the first answer. */
  let top: string | undefined
  let loading = false

  function append(times: readonly string[], isNew = (_: string) => false): void {
    rows.append(
      ...times.map((text) => {
        const row = document.createElement('li')
        const time = document.createElement('time')
        const [date = '', clock = ''] = text.split(' ')
        time.dateTime = `${date}T${clock}Z`
        const clockPart = document.createElement('b')
        clockPart.textContent = clock
        time.append(clockPart, ' ', date)
        row.append(time)
        if (isNew(text)) row.className = 'new'
        return row
      }),
    )
  }

  async function showNewest(): Promise<void> {
    const page = await readTimes()
    const before = top
    rows.replaceChildren()
    append(page.times, (text) => before !== undefined && text > before)
    top = page.times[0] ?? ''
    goOnAt(page.next)
    empty.hidden = page.times.length > 0
    newest.hidden = true
  }

  function goOnAt(path: string | undefined): void {
    next = path
    more.hidden = path === undefined
  }

  async function showMore(): Promise<void> {
    if (next === undefined || loading) return
    loading = true
    const from = next
    try {
      const page = await readTimes(from)
      // Meanwhile the list may have begun anew.
      if (next === from) {
        append(page.times)
        goOnAt(page.next)
      }
    } catch {
      // The strip says what is wrong; the button is still there.
    } finally {
      loading = false
    }
  }

  more.addEventListener('click', showMore)
  newest.addEventListener('click', async () => {
    scroll.scrollTop = 0
    scroll.focus()
    await showNewest().catch(() => {})
  })
  new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && showMore(), {
    root: scroll,
    rootMargin: '200px',
  }).observe(more)

  return {
    async refresh() {
      if (scroll.scrollTop > 0) newest.hidden = false
      else await showNewest()
    },
  }
}
