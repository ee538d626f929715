import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A span as it was exported. */
interface ExportedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly attributes: Readonly<Record<string, unknown>>
  /** The ids of the spans it is linked with. */
  readonly links: readonly string[]
  readonly status: { readonly code?: number; readonly message?: string }
}

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number }
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<ExportedSpan, 'attributes' | 'links'> & {
        readonly attributes: readonly Attribute[]
        readonly links?: readonly { readonly spanId: string }[]
      })[]
    }[]
  }[]
}

/** A collector of traces: it accepts OTLP over HTTP, as JSON. */
export interface Collector {
  readonly url: string
  readonly spans: ExportedSpan[]
  /** Attributes of the process that exported last. */
  resource(): Readonly<Record<string, unknown>>
  /** Everything that was exported, as it was sent. */
  text(): string
  close(): void
}

/** The caller closes it. */
export async function startCollector(): Promise<Collector> {
  const bodies: string[] = []
  const spans: ExportedSpan[] = []
  let resource: Readonly<Record<string, unknown>> = {}
  const server = createServer(async (req, res) => {
    if (req.url !== '/v1/traces') return void res.writeHead(404).end()
    const body = await text(req)
    bodies.push(body)
    for (const exported of (JSON.parse(body) as Export).resourceSpans) {
      resource = toObject(exported.resource.attributes)
      for (const { attributes, links = [], ...span } of exported.scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({ ...span, attributes: toObject(attributes), links: links.map(({ spanId }) => spanId) })
      }
    }
    res.setHeader('Content-Type', 'application/json').end('{}')
  }).listen(0)
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    resource: () => resource,
    text: () => bodies.join('\n'),
    close: () => server.close(),
  }
}

const toObject = (attributes: readonly Attribute[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]))
