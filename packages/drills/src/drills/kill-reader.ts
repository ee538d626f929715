import { type Drill, within } from '../drill.ts'
import { killOne } from '../kill-one.ts'
import { readerServesReads } from '../reads.ts'

/** The reader is killed: the writer serves the reads. Once the reader is back, it serves them again. */
export const killReader: Drill = {
  name: 'kill-reader',
  async run(environment) {
    const checks = await killOne(environment, 'db-reader')
    const { result: seconds } = await environment.underLoad(async () => {
      await environment.heal()
      return readerServesReads(environment)
    })
    return [...checks, within('time until the returned reader serves reads', 3, seconds)]
  },
}
