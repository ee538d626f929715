import { ResponseError } from '../api.ts'
import { descendant, element } from '../elements.ts'
import { readTimes } from './api.ts'

/** The list of the latest times. */
export interface TimesList {
  /** Shows the newest times. A list that is scrolled down is left as it is and offers a button instead. */
  refresh(): Promise<void>
}

/** Fills the list. A button or scrolling loads more at its end, {@link TimesList.refresh} newer times at its top. */
export function setUpList(): TimesList {
  const scroll = element('times')
  const rows = descendant<HTMLOListElement>(scroll, 'ol')
  const empty = element('empty')
  const more = element<HTMLButtonElement>('more')
  const newest = element<HTMLButtonElement>('newest')
  let next: string | undefined
  /** The newest time shown; undefined before the first response. */
  let top: string | undefined
  let loading = false

  function append(times: readonly string[], isNew = (_: string) => false): void {
    rows.append(
      ...times.map((text) => {
        const row = document.createElement('li')
        const time = document.createElement('time')
        const [date = '', clock = ''] = text.split(' ')
        time.dateTime = `${date}T${clock}Z`
        const clockElement = document.createElement('b')
        clockElement.textContent = clock
        time.append(clockElement, ' ', date)
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
    setNext(page.next)
    empty.hidden = page.times.length > 0
    newest.hidden = true
  }

  function setNext(path: string | undefined): void {
    next = path
    more.hidden = path === undefined
  }

  async function showMore(): Promise<void> {
    if (next === undefined || loading) return
    loading = true
    const from = next
    try {
      const page = await readTimes(from)
      // The list may have been replaced meanwhile.
      if (next === from) {
        append(page.times)
        setNext(page.next)
      }
    } catch (error) {
      // The notice shows the outage, and the button remains for another attempt; except after a restore.
      if (error instanceof ResponseError && error.response.status === 409) await showNewest().catch(() => {})
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
