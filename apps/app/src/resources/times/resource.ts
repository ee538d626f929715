import { defineResource } from '../resource.ts'
import { registerTimesMetrics } from './metrics.ts'
import { createTimesRepository } from './repository.ts'
import { timesHandlers } from './routes.ts'
import { endpoints, status, variables } from './schema.ts'

/** The times of visits. */
export const times = defineResource({
  name: 'times',
  description: 'Stores the time of each visit and lists the stored times.',
  variables,
  endpoints,
  status,
  create({ client, settings, instrument }) {
    const repository = createTimesRepository(client, {
      table: settings.DB_TABLENAME,
      batchLimit: settings.SAVE_BATCH_LIMIT,
      queueLimit: settings.SAVE_QUEUE_LIMIT,
    })
    return {
      handlers: timesHandlers(
        {
          ...repository,
          save: instrument('save', repository.save),
          saveOnce: instrument('save', repository.saveOnce),
        },
        settings.LIST_LIMIT,
      ),
      status: async () => ({ newest: await repository.newest().catch(() => null) }),
      registerMetrics: (registry) => registerTimesMetrics(registry, repository.waiting),
      close: repository.close,
    }
  },
})
