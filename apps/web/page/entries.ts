import { ResponseError, send, sendOnce } from './api.ts'
import { descendant } from './elements.ts'
import { changesBetween, fill, readInputs, textOf, type Value, type Values } from './inputs.ts'
import type { Resource } from './resource.ts'

interface Entry extends Readonly<Record<string, Value>> {
  readonly id: number
}

/** An entry as it was read last, for a change of that state. */
interface Current {
  readonly entry: Entry
  readonly tag: string
}

/** What the form had before it was edited: of a value it may show a part only. */
interface Edited extends Current {
  readonly shown: Values
}

/** The list shows what others save within this time. */
const intervalMs = 10_000

/**
 * Sets up a form and a list of a resource. The page contains them, in the element with this id: inputs with the names of
 * the fields, and a table whose headings name the field of each column.
 *
 * @param path of the resource's API.
 */
export function setUpEntries(id: string, path: string): Resource {
  const parent = document.getElementById(id) as HTMLElement
  // Nothing is asked of the form: an input can have the name of any of its properties.
  const cancel = descendant<HTMLButtonElement>(parent, '[type="reset"]')
  const result = descendant<HTMLOutputElement>(parent, 'output')
  const rows = descendant(parent, 'tbody')
  const empty = descendant(parent, 'p')
  const more = descendant<HTMLButtonElement>(parent, '.more')
  const columns = [...parent.querySelectorAll<HTMLElement>('th[data-field]')].map(({ dataset }) => dataset.field ?? '')
  const inputs = [...parent.querySelectorAll<HTMLInputElement>('[name]')]
  let edited: Edited | undefined
  let next: string | undefined
  /** Whether more than the first page is shown, which is not replaced then. */
  let extended = false
  let listedAt = Number.NEGATIVE_INFINITY
  let busy = false

  async function list(from: string): Promise<readonly Entry[]> {
    const response = await send(from)
    next = /^<(.*)>; rel="next"$/.exec(response.headers.get('Link') ?? '')?.[1]
    more.hidden = next === undefined
    return response.json()
  }

  async function refresh(): Promise<void> {
    listedAt = performance.now()
    const entries = await list(`${path}?limit=20`)
    rows.replaceChildren(...entries.map(rowOf))
    empty.hidden = entries.length > 0
    extended = false
  }

  function rowOf(entry: Entry): HTMLTableRowElement {
    const row = document.createElement('tr')
    for (const column of columns) row.insertCell().textContent = textOf(entry[column] ?? null)
    row.insertCell().append(
      buttonFor('Edit', entry, () => edit(entry.id)),
      buttonFor('Delete', entry, () => remove(entry)),
    )
    return row
  }

  function buttonFor(name: string, entry: Entry, action: () => Promise<void>): HTMLButtonElement {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = name
    button.setAttribute('aria-label', `${name} ${textOf(entry[columns[1] ?? ''] ?? entry.id)}`)
    button.addEventListener('click', () => run(action))
    return button
  }

  async function read(entryId: number): Promise<Current> {
    const response = await send(`${path}/${entryId}`)
    return { entry: await response.json(), tag: response.headers.get('ETag') ?? '' }
  }

  async function edit(entryId: number): Promise<void> {
    const current = await read(entryId)
    for (const input of inputs) fill(input, current.entry[input.name] ?? null)
    edited = { ...current, shown: readInputs(inputs) }
    cancel.hidden = false
    inputs[0]?.focus()
  }

  async function remove(listed: Entry): Promise<void> {
    const { entry, tag } = await read(listed.id)
    if (JSON.stringify(entry) !== JSON.stringify(listed)) {
      await refresh()
      throw new Error('It has changed since it was listed. Look at it again.')
    }
    await send(`${path}/${entry.id}`, { method: 'DELETE', headers: { 'If-Match': tag } })
    if (edited?.entry.id === entry.id) cancel.click()
    show('ok', 'Deleted.')
    await refresh()
  }

  async function save(): Promise<void> {
    const values = readInputs(inputs)
    const headers = { 'Content-Type': 'application/json' }
    if (edited === undefined) {
      await sendOnce(path, { method: 'POST', headers, body: JSON.stringify(values) })
    } else {
      const { entry, tag, shown } = edited
      const body = JSON.stringify(changesBetween(shown, values))
      await send(`${path}/${entry.id}`, { method: 'PATCH', headers: { ...headers, 'If-Match': tag }, body })
    }
    cancel.click()
    show('ok', 'Saved.')
    await refresh()
  }

  /** Runs one action at a time, and shows why it failed. */
  async function run(action: () => Promise<void>): Promise<void> {
    if (busy) return
    busy = true
    show('ok', '')
    try {
      await action()
    } catch (error) {
      const isKnown = error instanceof ResponseError && !error.outcomeUnknown
      const reason = error instanceof Error && error.name !== 'TimeoutError' ? error.message : 'No response in time.'
      show('failed', isKnown || !(error instanceof ResponseError) ? reason : `It is not confirmed. ${reason}`)
    }
    busy = false
  }

  function show(state: 'ok' | 'failed', text: string): void {
    result.dataset.state = state
    result.textContent = text
  }

  parent.addEventListener('submit', (event) => {
    event.preventDefault()
    void run(save)
  })
  parent.addEventListener('reset', () => {
    edited = undefined
    cancel.hidden = true
  })
  more.addEventListener('click', () =>
    run(async () => {
      if (next === undefined) return
      rows.append(...(await list(next)).map(rowOf))
      extended = true
    }),
  )
  return {
    update() {
      if (!extended && performance.now() - listedAt > intervalMs) void refresh().catch(() => {})
    },
  }
}
