import { ask, Refused } from './api.ts'
import { element } from './elements.ts'

/** Makes the button store the time; `saved` is called after each that was. */
export function setUpSave(saved: () => void): void {
  const button = element<HTMLButtonElement>('save')
  const answer = element<HTMLOutputElement>('answer')
  let saving = false

  async function save(): Promise<void> {
    const startedAt = performance.now()
    try {
      const text = await (await ask('/write', 'POST')).text()
      show('ok', `${text}, in ${Math.round(performance.now() - startedAt)} ms`)
      saved()
    } catch (error) {
      const reason = error instanceof Refused ? error.message : 'No answer came in time.'
      // A commit may have happened before its answer was lost.
      show('failed', `Not known to be saved. ${reason}`)
    }
  }

  function show(state: 'ok' | 'failed', text: string): void {
    answer.dataset.state = state
    answer.textContent = text
  }

  button.addEventListener('click', async () => {
    // Not `disabled`, which would take the focus away.
    if (saving) return
    saving = true
    button.setAttribute('aria-busy', 'true')
    await save()
    button.removeAttribute('aria-busy')
    saving = false
  })
}
