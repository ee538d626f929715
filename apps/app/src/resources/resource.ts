import type { DatabaseClient } from '@repo/db'
import type { Router } from 'express'
import type { Registry } from 'prom-client'
import type { z } from 'zod'
import type { EndpointGroup, Endpoints, Handlers } from '../http/endpoint.ts'
import { createRouter } from '../http/router.ts'
import type { Instrument } from '../observability/tracing.ts'

/** What a resource is made from. */
interface ResourceContext<Settings> {
  readonly client: DatabaseClient
  readonly settings: Settings
  readonly instrument: Instrument
}

/** A resource of a running application. */
export interface RunningResource {
  readonly endpoints: Endpoints
  readonly router: Router
  /** Its part of `/status`. Answers within a second and never rejects. */
  status?(): Promise<object>
  registerMetrics?(registry: Registry): void
  /** Finishes its work, before the database client is closed. */
  close?(): Promise<void>
}

/** Everything that the application, its configuration and its documents know of a resource. */
export interface Resource extends EndpointGroup {
  /** Its environment variables. */
  readonly variables: z.ZodRawShape
  /** The schema of {@link RunningResource.status}. */
  readonly status?: z.ZodRawShape
  create(context: ResourceContext<unknown>): RunningResource
}

interface Definition<Of extends Endpoints, Variables extends z.ZodRawShape> extends EndpointGroup {
  readonly endpoints: Of
  readonly variables: Variables
  readonly status?: z.ZodRawShape
  create(
    context: ResourceContext<z.output<z.ZodObject<Variables>>>,
  ): Omit<RunningResource, 'endpoints' | 'router'> & { readonly handlers: Handlers<Of> }
}

/** Checks the types of a resource: a handler for each endpoint, settings as its variables declare them. */
export function defineResource<Of extends Endpoints, Variables extends z.ZodRawShape>(
  definition: Definition<Of, Variables>,
): Resource {
  return {
    ...definition,
    create(context) {
      const { handlers, ...running } = definition.create(context as Parameters<typeof definition.create>[0])
      const { endpoints } = definition
      return { endpoints, router: createRouter(endpoints, handlers), ...running }
    },
  }
}
