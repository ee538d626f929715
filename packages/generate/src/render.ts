import type { Contents } from './changes.ts'
import type { Field } from './fields.ts'
import type { Names } from './names.ts'
import { placesOf } from './project.ts'
import { repository, resource, routes, schema } from './templates/app.ts'
import { pageHead, pageHtml, pageModule } from './templates/page.ts'
import { test } from './templates/test.ts'
import { workload } from './templates/workload.ts'

/** The files of a resource, but its migration. They are not formatted yet. */
export function renderResource(names: Names, fields: readonly Field[]): Contents {
  const places = placesOf(names)
  return new Map([
    [`${places.app}/schema.ts`, schema(names, fields)],
    [`${places.app}/repository.ts`, repository(names, fields)],
    [`${places.app}/routes.ts`, routes(names)],
    [`${places.app}/resource.ts`, resource(names)],
    [`${places.app}/${names.folder}.integration.test.ts`, test(names, fields)],
    [`${places.page}/main.html`, pageHtml(names, fields)],
    [`${places.page}/head.html`, pageHead],
    [`${places.page}/index.ts`, pageModule(names)],
    [places.workload, workload(names, fields)],
  ])
}
