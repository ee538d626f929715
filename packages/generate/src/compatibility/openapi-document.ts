/** An object of an OpenAPI document. */
export interface Node {
  readonly [key: string]: unknown
}

/** An operation with the parameters of its path. */
export interface Operation {
  /** `GET /tickets/{id}` */
  readonly title: string
  readonly node: Node
  /** By place and name; those of the path by their position, because their names are not sent. */
  readonly parameters: ReadonlyMap<string, Node>
}

/** An OpenAPI 3.1 document. */
export interface OpenapiDocument {
  /** What a reference leads to; anything else as it is. */
  resolve(node: unknown): unknown
  /** By method and path, whose parameters have no names. */
  operations(): ReadonlyMap<string, Operation>
  /** The answers that operations share. */
  readonly answers: Node
  /** The ways to be authorized, as JSON; empty if none is needed. */
  securityOf(operation: Node): readonly string[]
}

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']

/** Reads a document. References lead into itself. */
export function readDocument(document: unknown): OpenapiDocument {
  const root = asNode(document)

  function resolve(node: unknown): unknown {
    const { $ref } = asNode(node)
    if (typeof $ref !== 'string') return node
    const path = $ref.replace(/^#\//, '').split('/')
    return resolve(
      path.reduce<unknown>((at, part) => asNode(at)[part.replaceAll('~1', '/').replaceAll('~0', '~')], root),
    )
  }

  function parametersOf(path: string, ...lists: readonly unknown[]): ReadonlyMap<string, Node> {
    const names = [...path.matchAll(/\{(.*?)\}/g)].map(([, name]) => name)
    return new Map(
      lists.flat().flatMap((each) => {
        const parameter = asNode(resolve(each))
        if (each === undefined) return []
        const name = parameter.in === 'path' ? names.indexOf(String(parameter.name)) : parameter.name
        return [[`${parameter.in} ${name}`, parameter] as const]
      }),
    )
  }

  return {
    resolve,
    operations() {
      const found = Object.entries(asNode(root.paths)).flatMap(([path, given]) => {
        const item = asNode(resolve(given))
        return methods.flatMap((method) => {
          if (item[method] === undefined) return []
          const node = asNode(item[method])
          const title = `${method.toUpperCase()} ${path}`
          const parameters = parametersOf(path, item.parameters, node.parameters)
          return [[title.replaceAll(/\{.*?\}/g, '{}'), { title, node, parameters }] as const]
        })
      })
      return new Map(found)
    },
    answers: asNode(asNode(root.components).responses),
    securityOf: ({ security = root.security ?? [] }) => (security as unknown[]).map((each) => JSON.stringify(each)),
  }
}

/** An empty one for what is no object. */
export const asNode = (value: unknown): Node => (typeof value === 'object' && value !== null ? (value as Node) : {})
