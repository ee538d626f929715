import { createSchemaComparison, type Direction, type JsonSchema, type Report } from './json-schema.ts'
import { asNode, type Node, type OpenapiDocument, type Operation, readDocument } from './openapi-document.ts'

/** A change of the OpenAPI document that breaks a client. */
export interface BrokenPlace {
  /** `GET /tickets, answer 200, header Link` */
  readonly place: string
  readonly problem: string
}

/**
 * What of the OpenAPI 3.1 document `after` breaks a client that was written for `before`. What is new and optional
 * passes; so does a new error.
 */
export function compareContracts(before: unknown, after: unknown): readonly BrokenPlace[] {
  const broken: BrokenPlace[] = []
  const [old, now] = [readDocument(before), readDocument(after)]
  const comparison = createComparison(old, now, (place, problem) => broken.push({ place, problem }))
  const operations = now.operations()
  for (const [key, operation] of old.operations()) {
    const present = operations.get(key)
    if (present === undefined) broken.push({ place: operation.title, problem: 'is gone' })
    else comparison.operations(operation, present)
  }
  for (const [name, answer] of Object.entries(old.answers)) {
    comparison.answers(`components.responses.${name}`, answer, now.answers[name])
  }
  return broken
}

function createComparison(old: OpenapiDocument, now: OpenapiDocument, report: Report) {
  const compareSchemas = createSchemaComparison({ before: old.resolve, after: now.resolve }, report)

  const schemas = (place: string, before: Node, after: Node, direction: Direction) =>
    compareSchemas({
      before: before.schema as JsonSchema | undefined,
      after: after.schema as JsonSchema | undefined,
      direction,
      place,
    })

  /** What has a schema per content type: a body or an answer. */
  function contents(place: string, before: Node, after: Node, direction: Direction): void {
    const present = asNode(after.content)
    for (const [type, media] of Object.entries(asNode(before.content))) {
      if (present[type] === undefined) report(`${place}, ${type}`, 'is gone')
      else schemas(`${place}, ${type}`, asNode(media), asNode(present[type]), direction)
    }
  }

  function headers(place: string, before: Node, after: Node): void {
    for (const [name, reference] of Object.entries(before)) {
      const at = `${place}, header ${name}`
      if (after[name] === undefined) {
        report(at, 'is gone')
        continue
      }
      const [header, present] = [asNode(old.resolve(reference)), asNode(now.resolve(after[name]))]
      if (header.required === true && present.required !== true) report(at, 'may be missing now')
      schemas(at, header, present, 'answer')
    }
  }

  function answers(place: string, before: unknown, after: unknown): void {
    if (after === undefined) {
      report(place, 'is gone')
      return
    }
    const [answer, present] = [asNode(old.resolve(before)), asNode(now.resolve(after))]
    headers(place, asNode(answer.headers), asNode(present.headers))
    contents(place, answer, present, 'answer')
  }

  function parameters(title: string, before: Operation['parameters'], after: Operation['parameters']): void {
    for (const [key, parameter] of before) {
      const place = placeOf(title, parameter)
      const present = after.get(key)
      if (present === undefined) {
        report(place, 'is gone')
        continue
      }
      if (present.required === true && parameter.required !== true) report(place, 'is required now')
      if (defaultOf(old, parameter) !== defaultOf(now, present)) report(place, 'has another default')
      schemas(place, parameter, present, 'request')
    }
    for (const [key, parameter] of after) {
      if (parameter.required === true && !before.has(key)) report(placeOf(title, parameter), 'is new and required')
    }
  }

  function security(title: string, before: Node, after: Node): void {
    const [former, present] = [old.securityOf(before), now.securityOf(after)]
    const required = former.length > 0 ? former : ['{}']
    if (present.length > 0 && !required.every((way) => present.includes(way))) {
      report(title, `needs the authorization ${present.join(' or ')}`)
    }
  }

  return {
    answers,

    operations({ title, node, ...before }: Operation, present: Operation): void {
      security(title, node, present.node)
      parameters(title, before.parameters, present.parameters)
      const [body, presentBody] = [asNode(old.resolve(node.requestBody)), asNode(now.resolve(present.node.requestBody))]
      if (presentBody.required === true && body.required !== true) report(`${title}, body`, 'is required now')
      contents(`${title}, body`, body, presentBody, 'request')
      const [known, presentAnswers] = [asNode(node.responses), asNode(present.node.responses)]
      for (const [status, answer] of Object.entries(known)) {
        // A shared answer is compared once.
        const isShared = '$ref' in asNode(answer) && asNode(answer).$ref === asNode(presentAnswers[status]).$ref
        if (!isShared) answers(`${title}, answer ${status}`, answer, presentAnswers[status])
      }
      for (const status of Object.keys(presentAnswers)) {
        // A client handles any status of 400 or more as an error.
        if (/^[123]/.test(status) && known[status] === undefined) report(`${title}, answer ${status}`, 'is new')
      }
    },
  }
}

const placeOf = (title: string, { in: where, name }: Node) => `${title}, ${where} parameter ${name}`

const defaultOf = ({ resolve }: OpenapiDocument, { schema }: Node) => JSON.stringify(asNode(resolve(schema)).default)
