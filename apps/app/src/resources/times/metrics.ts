import { Gauge, Histogram, type Registry } from 'prom-client'
import { type Batch, batchChannel } from './write-batcher.ts'

/** Registers what is measured of saving times. `waiting` is the number of saves that wait for an INSERT. */
export function registerTimesMetrics(registry: Registry, waiting: () => number): void {
  const registers = [registry]
  const batchSize = new Histogram({
    name: 'save_batch_size',
    help: 'Times stored by one INSERT.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    registers,
  })
  batchChannel.start.subscribe((message) => batchSize.observe((message as Batch).items.length))
  new Gauge({
    name: 'save_queue_waiting',
    help: 'Times that wait for an INSERT.',
    registers,
    collect() {
      this.set(waiting())
    },
  })
}
