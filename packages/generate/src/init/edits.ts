/** A replacement in a file, at every place where `from` occurs; there must be one. */
export interface Edit {
  readonly file: string
  readonly from: string | RegExp
  readonly to: string
}

/** What only this repository needs. */
export const ownPaths: readonly string[] = [
  'docs/comparison.md',
  'packages/generate/test/init',
  'packages/generate/src/init',
  'packages/generate/src/init.ts',
  'test/figures.test.ts',
  'test/guide.integration.test.ts',
  'test/guide.slow.test.ts',
  'test/product-name.test.ts',
  'test/project-copy.ts',
  'test/upgrade.slow.test.ts',
  'test/words.test.ts',
]

const remove = (file: string, ...texts: readonly (string | RegExp)[]): Edit[] =>
  texts.map((from) => ({ file, from, to: '' }))

/** What a new project has no use for. */
export const ownEdits: readonly Edit[] = [
  {
    file: 'package.json',
    from: /"init": ".*"/,
    to: `"init": "echo '✗ This project was made by npm run init already. npm run upgrade brings a later version.' >&2; false"`,
  },
  {
    file: 'test/repository.test.ts',
    from: /^( +)(expect\(new Set\(scripts\)\))\.toEqual\(new Set\((.*)\)\)$/m,
    to: "$1// The README does not offer what was run once.\n$1$2.toEqual(new Set(['init', ...$3]))",
  },
  // No earlier release has stored data or built images under its name.
  ...remove(
    'scripts/setup/project.sh',
    ' VOLUME_LABEL=com.docker.compose.volume',
    /^# The name in compose\.yaml .*\nreadonly FORMER_NAME=.*\n/m,
    /, or if using it would leave data of an earlier release behind/,
    /\n {2}# Whoever sets the name[\s\S]*?\n {2}fi\n(?=\})/,
    /\nhas_data\(\) \{\n.*\n\}\n/,
  ),
  ...remove('scripts/setup/images.sh', /^ {2}local former=.*\n/m, /^ {2}# An \.env of an earlier release.*\n.*\n/m),
  {
    file: 'scripts/setup/images.sh',
    from: ' && ! docker tag "$former" "$equivalent" 2>/dev/null; then',
    to: '; then',
  },
  ...remove(
    'test/setup/project.test.ts',
    ' and data of the projects $DATA_OF',
    ', writeFileSync',
    /^ {7}'volume ls '.*\n(?:.*\n)*? {9}done ;;\n/m,
    /\n {2}it\("stops if an earlier release's data[\s\S]*?(?=\}\)\n\ndescribe\('scripts\/start\.sh')/,
  ),
  ...remove('test/setup/images.test.ts', /\n {2}it\("uses an earlier release's image[\s\S]*?(?=\}\)\n\ndescribe\()/),
  ...remove('test/setup/images.test.ts', /^ {9}'tag '.*\n/m),
  {
    file: 'CONTRIBUTING.md',
    from: /( in short sentences\.) `test\/words\.test\.ts` checks some of\n {2}them\./,
    to: '$1',
  },
  // For whoever starts with this repository.
  ...remove('docs/make-it-yours.md', /^## Make it your own\n[\s\S]*?(?=^## )/m),
  {
    file: 'docs/make-it-yours.md',
    from: /^One command makes [\s\S]*?root of the\sclone\./m,
    to: 'One command adds a resource. All paths are from the root.',
  },
]

/** Everything that is there for the times alone. */
export const timesPaths: readonly string[] = [
  'apps/app/src/resources/times',
  'apps/web/page/times',
  'apps/web/test/times.integration.test.ts',
  'docs/benchmark.svg',
  'docs/decisions/0030-the-list-is-ordered-by-time-and-id.md',
  'docs/decisions/0042-counts-are-cached-in-proportion-to-their-cost.md',
  'docs/capacity.md',
  'docs/decisions/0091-latencies-count-from-when-a-request-is-due.md',
  'docs/decisions/0093-capacity-from-cpu-time.md',
  'docs/page.png',
  'docs/performance.md',
  'infra/test/capacity-tables.ts',
  'infra/test/capacity.test.ts',
  'packages/bench',
  'docs/decisions/0072-triggers-count-the-times.md',
  'infra/test/mutations/09-bench.patch',
  'packages/db/migrations/0001_create_times.sql',
  'packages/db/migrations/0005_create_time_counts.sql',
  'packages/db/migrations/0006_create_time_counting.sql',
  'packages/db/migrations/0007_count_inserted_times.sql',
  'packages/db/migrations/0008_count_deleted_times.sql',
  'packages/db/migrations/0009_count_changed_times.sql',
  'packages/db/migrations/0010_count_stored_times.sql',
  'packages/db/migrations/0011_drop_count_inserted_time.sql',
  'packages/db/migrations/0012_count_times_after_truncate.sql',
  'packages/db/migrations/0013_count_stored_times_again.sql',
  'packages/db/test/migrations/times.test.ts',
  'packages/drills/results',
  'packages/drills/src/workloads/times.ts',
  'packages/e2e/test/times',
]

/** What the rest of the repository has for the times. */
export const timesEdits: readonly Edit[] = [
  ...['apps/app/src/resources/index.ts', 'apps/web/page/main.ts', 'packages/drills/src/workloads/index.ts'].flatMap(
    (file) => remove(file, /^.*(?<![\w-])(setUpT|t)imes(?![\w-]).*\n/gm),
  ),

  // Their table. `db-init` and the schema on AWS still replace {{table}} in migrations.
  ...remove('compose.yaml', /^ {6}DB_TABLENAME: .*\n(?= {6}DB_USER: app\n)/m),
  ...remove('infra/lib/app-tier.ts', /^ +DB_TABLENAME: .*\n/m),
  ...remove('apps/app/test/start-main.ts', /^ +DB_TABLENAME: .*\n/gm, /, table(?= \}: MigratedServer)/),

  // GET /write is a write.
  ...remove('apps/web/httpd.conf', " || %{REQUEST_URI} == '/write'", 'write|'),
  // The chart.
  ...remove(
    'apps/web/build.ts',
    /^const uplot = .*\n/m,
    /^for \(const file of \['uPlot.*\n.*\n/m,
    /^write\('uPlot.*\n/m,
    /^import \{ fileURLToPath \}.*\n/m,
  ),
  ...remove('apps/web/package.json', /^ {2}"dependencies": \{\n.*uplot.*\n {2}\},\n/m),
  // Their metrics.
  ...remove(
    'packages/ops/src/status.ts',
    /^ +const batches = .*\n/m,
    /^ +`\$\{plural\(value\('save_queue_waiting'\).*\n/m,
    /^ +\.\.\.\(batches > 0 .*\n/m,
  ),
  ...remove('packages/e2e/test/ops.test.ts', /\(\\d\+ writes\? queued.*?\)\?\)\?/),
  ...remove('docker/prometheus/rules.yml', /^ +- record: app:save_batch_size:mean1m\n.*\n/m),
  { file: 'docker/prometheus/rules.yml', from: 'p99_1m{route="/write"}', to: 'p99_1m' },
  { file: 'docker/prometheus/rules.yml', from: 'of a write is', to: 'of {{ $labels.route }} is' },
  ...remove(
    'docker/prometheus/rules.test.yml',
    /^ +- \{ series: save_batch_size.*\n/gm,
    /^ +- expr: app:save_batch_size:mean1m\n.*\n.*\n/m,
  ),
  { file: 'docker/prometheus/rules.test.yml', from: 'route="/write"', to: 'route="/entries"' },

  // The benchmark.
  ...remove('package.json', /^ +"(?:bench|idle|capacity)": .*\n/gm),
  ...remove('knip.json', /,\n {4}"packages\/bench": \{[^}]*\}/),
  ...remove('.dockerignore', /^!packages\/bench.*\n/gm),
  ...remove('test/images.integration.test.ts', /^.*packages\/bench.*\n/m),
  ...remove('infra/lib/app-tier.ts', ", 'packages/bench'"),
  ...remove(
    'infra/test/images.test.ts',
    ", 'packages/bench'",
    /\n {2}it\('are not replaced for files of the benchmark'[\s\S]*?\n {2}\}\)\n/,
  ),
  {
    file: 'docs/decisions/0005-performance.md',
    from: /10 ms\. \[docs\/performance\.md\][\s\S]*?tried\.\n/,
    to: '10 ms.\n',
  },
  { file: 'docs/decisions/0005-performance.md', from: /^Some targets [\s\S]*?need\. /m, to: '' },
  ...remove('docs/aws.md', ' the benchmark,'),
  ...remove('packages/drills/src/drills/overload.ts', ' As many connections as in the benchmark.'),
  ...remove('docs/decisions/README.md', /^\| (30|42|72|91|93) \|.*\n/gm),

  { file: 'packages/e2e/test/resource.ts', from: 'export async function replicated', to: 'async function replicated' },

  // Measured with them.
  ...remove('docs/drills.md', /^## Results\n[\s\S]*?(?=^## )/m),
  ...remove('docs/development.md', / After a complete `npm run drill`, copy the\s+results there\./),
  ...remove('docs/development.md', / That of the times also takes\sthe README's screenshot:\n\n```sh\n[\s\S]*?```/),
  ...remove('docs/make-it-yours.md', / For what the generated routes do not do, look at the\stimes:[\s\S]*?own\./),
]
