/** The services that run permanently, in the order of the diagram. */
export const services = ['alb', 'web', 'nlb', 'app', 'db-writer', 'db-reader'] as const

/** One of {@link services}. */
export type Service = (typeof services)[number]
