import type { Drill } from '../drill.ts'
import { badRelease } from './bad-release.ts'
import { crashWriter } from './crash-writer.ts'
import { failover } from './failover.ts'
import { freezeWriter } from './freeze-writer.ts'
import { hostile } from './hostile.ts'
import { killApp } from './kill-app.ts'
import { killReader } from './kill-reader.ts'
import { killWeb } from './kill-web.ts'
import { lagReader } from './lag-reader.ts'
import { operations } from './operations.ts'
import { overload } from './overload.ts'
import { partition } from './partition.ts'
import { readsFlood } from './reads-flood.ts'
import { rejoin } from './rejoin.ts'
import { restore } from './restore.ts'
import { retry } from './retry.ts'
import { rolling } from './rolling.ts'
import { rotatePassword } from './rotate-password.ts'
import { slowClients } from './slow-clients.ts'
import { soak } from './soak.ts'
import { staleReads } from './stale-reads.ts'
import { trickle } from './trickle.ts'
import { volumeLost } from './volume-lost.ts'

/** All drills, in the order in which they run. */
export const drills: readonly Drill[] = [
  killApp,
  killWeb,
  killReader,
  lagReader,
  staleReads,
  crashWriter,
  failover,
  rejoin,
  retry,
  volumeLost,
  operations,
  freezeWriter,
  partition,
  rolling,
  badRelease,
  overload,
  readsFlood,
  slowClients,
  trickle,
  hostile,
  rotatePassword,
  restore,
  soak,
]
