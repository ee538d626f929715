import { startMysql, type TestMysql } from '@repo/compose/testing'
import type { Migration } from '@repo/db'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { judgeMigrations, type RefusedMigration } from '../../src/compatibility/migrations.ts'
import { parseFields } from '../../src/fields.ts'
import { namesOf } from '../../src/names.ts'
import { migration } from '../../src/templates/migration.ts'

/** A migration as `npm run generate` writes it. */
function generated(number: number, name: string, ...fields: string[]): Migration {
  const names = namesOf(name)
  const sql = migration(names, parseFields(fields, new Set(['owners']), names.table))
  return { name: `000${number}_create_${names.table}`, sql }
}

const tickets = ['title:string(200)!', 'body:text?', 'state:enum(open,closed)', 'stars:int?', 'price:decimal(8,2)?']

/** What the release before has. */
const before: readonly Migration[] = [
  generated(1, 'owner', 'name:string(20)'),
  generated(2, 'ticket', ...tickets, 'due:datetime?', 'owner:ref(owner)?'),
]

let mysql: TestMysql
let databases = 0

beforeAll(async () => {
  mysql = await startMysql()
})

afterAll(() => mysql?.[Symbol.asyncDispose]())

/** Judges statements as migrations of one release. */
async function judge(...statements: readonly string[]): Promise<readonly RefusedMigration[]> {
  databases += 1
  const database = `trial${databases}`
  await mysql.sql(`CREATE DATABASE ${database}; GRANT ALL ON ${database}.* TO migrator WITH GRANT OPTION`)
  const { host, port } = mysql
  const connection = { host, port, user: 'migrator', password: await mysql.password('migrator') }
  const added = statements.map((sql, index) => ({ name: `01${String(index).padStart(2, '0')}_step`, sql }))
  return judgeMigrations({ connection, database }, before, [...before, ...added])
}

/** The statements that must be refused, with what each of them breaks. */
const breaking: Readonly<Record<string, readonly (readonly [statement: string, ...objects: string[]])[]>> = {
  'drops a column': [
    ['ALTER TABLE tickets DROP COLUMN body', 'tickets.body'],
    ['alter table `tickets` add column note text null, drop `stars`', 'tickets.stars'],
    ['/* one */ ALTER /* two */ TABLE tickets\n  /*!80000 DROP\n  COLUMN price */', 'tickets.price'],
    ['ALTER TABLE tickets DROP KEY by_state, DROP COLUMN state', 'tickets.state'],
  ],
  'drops a table': [['DROP TABLE IF EXISTS tickets', 'tickets']],
  'drops a key': [
    ['ALTER TABLE tickets DROP KEY by_state', 'tickets.by_state'],
    ['DROP INDEX unique_title ON tickets', 'tickets.unique_title'],
    ['ALTER TABLE tickets DROP FOREIGN KEY tickets__owner', 'tickets.tickets__owner'],
    ['ALTER TABLE tickets ALTER INDEX by_owner INVISIBLE', 'tickets.by_owner'],
    ['ALTER TABLE owners MODIFY id BIGINT UNSIGNED NOT NULL', 'owners.id'],
  ],
  'drops what is stored': [
    ["UPDATE tickets SET title = ''", 'tickets.title'],
    ['ALTER TABLE tickets DROP COLUMN body, ADD COLUMN body TEXT NULL AFTER title', 'tickets.body'],
    ['DELETE FROM tickets WHERE id > 0', 'tickets'],
  ],
  renames: [
    ['ALTER TABLE tickets RENAME COLUMN body TO content', 'tickets.body'],
    ['ALTER TABLE tickets CHANGE stars grade INT NULL', 'tickets.stars'],
    ['ALTER TABLE tickets RENAME INDEX unique_title TO by_title', 'tickets.unique_title'],
    ['RENAME TABLE tickets TO issues', 'tickets'],
    ['ALTER TABLE owners RENAME AS people', 'owners'],
  ],
  'makes a value required': [
    ['ALTER TABLE tickets ADD COLUMN grade INT NOT NULL', 'tickets.grade'],
    ['ALTER TABLE tickets MODIFY body TEXT NOT NULL', 'tickets.body'],
    ['ALTER TABLE tickets ALTER COLUMN stars DROP DEFAULT', 'tickets.stars'],
  ],
  'narrows a type': [
    ['ALTER TABLE tickets MODIFY title VARCHAR(100) NOT NULL', 'tickets.title'],
    ['ALTER TABLE tickets MODIFY body TINYTEXT NULL', 'tickets.body'],
    ['ALTER TABLE tickets MODIFY stars SMALLINT NULL', 'tickets.stars'],
    ['ALTER TABLE tickets MODIFY price DECIMAL(8,3) NULL', 'tickets.price'],
    ['ALTER TABLE tickets MODIFY due DATE NULL', 'tickets.due'],
    ["ALTER TABLE tickets MODIFY state ENUM('open') NOT NULL", 'tickets.state'],
    ['ALTER TABLE owners CONVERT TO CHARACTER SET latin1', 'owners.name'],
  ],
  'restricts what can be stored': [
    ['ALTER TABLE tickets ADD UNIQUE (stars)', 'tickets.stars'],
    ['CREATE UNIQUE INDEX by_price ON tickets (price, due)', 'tickets.by_price'],
    ['ALTER TABLE tickets ADD CONSTRAINT positive CHECK (stars > 0)', 'tickets.positive'],
    ['ALTER TABLE tickets ADD CONSTRAINT again FOREIGN KEY (id) REFERENCES owners (id)', 'tickets.again'],
  ],
  'restricts it by the default of a new column': [
    ['ALTER TABLE tickets ADD COLUMN code INT NOT NULL DEFAULT 0 UNIQUE', 'tickets.code'],
    ['ALTER TABLE owners ADD COLUMN copies INT NOT NULL DEFAULT 0 CHECK (copies > 0)', '0101_step'],
  ],
  'takes rights': [
    ['-- App user: SELECT, INSERT, UPDATE ON tickets\nALTER TABLE tickets COMMENT = ""', 'tickets.DELETE'],
    [
      '-- App user: nothing ON owners\nALTER TABLE owners COMMENT = ""',
      ...['SELECT', 'INSERT', 'UPDATE', 'DELETE'].map((right) => `owners.${right}`),
    ],
  ],
  'is no migration': [['ALTER TABLE tickets ADD COLUMN a INT; DROP TABLE tickets', '0100_step']],
}

it.each(Object.entries(breaking))('a migration that %s is refused', async (_what, cases) => {
  const refused = await judge(...cases.map(([statement]) => statement))
  expect(refused.map(({ name, findings }) => [name, ...findings.map(({ object }) => object)])).toEqual(
    cases.map(([, ...objects], index) => [`01${String(index).padStart(2, '0')}_step`, ...objects]),
  )
})

describe('an additive migration', () => {
  it('passes', async () => {
    expect(
      await judge(
        '-- App user: SELECT ON labels\nCREATE TABLE labels (id INT PRIMARY KEY, ticket BIGINT UNSIGNED NOT NULL, FOREIGN KEY (ticket) REFERENCES tickets (id))',
        'ALTER TABLE tickets ADD COLUMN note TEXT NULL, ADD COLUMN grade INT NOT NULL DEFAULT 3 FIRST',
        'ALTER TABLE tickets ADD COLUMN code VARCHAR(9) NULL UNIQUE, ADD CHECK (code <> "")',
        'ALTER TABLE tickets MODIFY title VARCHAR(300) NOT NULL, MODIFY stars BIGINT NULL, MODIFY body MEDIUMTEXT NULL',
        "ALTER TABLE tickets MODIFY state ENUM('open', 'closed', 'waiting') NOT NULL DEFAULT 'open'",
        'ALTER TABLE tickets MODIFY price DECIMAL(10,2) NULL',
        'ALTER TABLE tickets ADD KEY by_state_and_due (state, due), DROP KEY by_state',
        'ALTER TABLE tickets ADD COLUMN words INT AS (CHAR_LENGTH(title)), ADD KEY by_due (due)',
        'UPDATE tickets SET note = body, code = id',
        'INSERT INTO owners (id, created_at, name) VALUES (1, "2001-01-01", "nobody")',
        'CREATE VIEW open_tickets AS SELECT id, title FROM tickets WHERE state = "open"',
        '-- App user: SELECT, INSERT, UPDATE, DELETE ON tickets\nALTER TABLE tickets COMMENT = "Tickets"',
      ),
    ).toEqual([])
  })

  it('passes when it drops what another new one has added', async () => {
    expect(await judge('ALTER TABLE tickets ADD COLUMN note INT NULL', 'ALTER TABLE tickets DROP COLUMN note')).toEqual(
      [],
    )
  })
})

describe('a contracting migration', () => {
  it('passes when it declares that the release before is ready for it', async () => {
    const header =
      '-- Compatible: tickets.body, it is neither read nor written since the content has a table of its own'
    expect(await judge(`${header}\nALTER TABLE tickets DROP COLUMN body`)).toEqual([])
  })

  it('passes when it declares that of a whole table, and that the app has no rights on it', async () => {
    const header = '-- App user: nothing ON tickets\n-- Compatible: tickets, nothing reads or stores them any more'
    expect(await judge(`${header}\nDROP TABLE tickets`)).toEqual([])
  })

  it.each([
    ['of something else', '-- Compatible: tickets.title, it is no longer used'],
    ['without a reason', '-- Compatible: tickets.body'],
  ])('is refused with a declaration %s', async (_what, header) => {
    expect(await judge(`${header}\nALTER TABLE tickets DROP COLUMN body`)).toHaveLength(1)
  })
})
