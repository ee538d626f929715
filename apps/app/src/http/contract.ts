import type { Router } from 'express'
import { z } from 'zod'
import { commonResponses, type Endpoints, requestIdHeader } from './endpoint.ts'
import openapi from './openapi.json' with { type: 'json' }
import { createRouter } from './router.ts'
import { send } from './send.ts'

/** The endpoint of the OpenAPI document. */
export const contractEndpoints = {
  contract: {
    method: 'get',
    path: '/openapi.json',
    summary: 'This document',
    responses: {
      200: {
        description: 'The document',
        headers: requestIdHeader,
        content: { 'application/json': z.looseObject({ openapi: z.string() }) },
      },
      503: commonResponses.Unavailable,
    },
  },
} satisfies Endpoints

/** `/openapi.json`: the contract of this release. */
export function contractRoutes(): Router {
  const body = JSON.stringify(openapi, null, 2)
  return createRouter(contractEndpoints, { contract: ({ res }) => send(res, 200, 'application/json', body) })
}
