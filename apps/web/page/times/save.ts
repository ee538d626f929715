import { ResponseError, sendOnce } from '../api.ts'
import { element } from '../elements.ts'

/** Makes the button save the current time. `saved` is called after each confirmed save. */
export function setUpSave(saved: () => void): void {
  const button = element<HTMLButtonElement>('save')
  const result = element<HTMLOutputElement>('result')
  let saving = false

  async function save(): Promise<void> {
    const startedAt = performance.now()
    try {
      const text = await (await sendOnce('/write', { method: 'POST' })).text()
      show('ok', `${text}, in ${Math.round(performance.now() - startedAt)} ms`)
      saved()
    } catch (error) {
      const refused = error instanceof ResponseError && !error.outcomeUnknown
      const reason = error instanceof ResponseError ? error.message : 'No response in time.'
      // Unless it was refused, the row may have been committed.
      show('failed', `${refused ? 'Not saved.' : 'The save is not confirmed.'} ${reason}`)
    }
  }

  function show(state: 'ok' | 'failed', text: string): void {
    result.dataset.state = state
    result.textContent = text
  }

  button.addEventListener('click', async () => {
    // `disabled` would take the focus from the button.
    if (saving) return
    saving = true
    button.setAttribute('aria-busy', 'true')
    await save()
    button.removeAttribute('aria-busy')
    saving = false
  })
}
