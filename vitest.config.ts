import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Tests of plain objects: they start no process and leave nothing behind, so that many files can share one worker and what it has imported. */
const UNITS = [
  'test/{compat,contracts,kernel,pool,watch}/**/*.test.ts',
  'test/plugins/{admission,balancers,evictors,health,queues,restart,scalers}/**/*.test.ts',
  'test/process/frames/*.test.ts',
  'test/testing/*.test.ts',
  'test/testing/contracts/broken-strategies.test.ts',
]

/** Tests of what a process has one of: its keeper, who hears of its end, and the package that it has loaded. */
const OF_A_PROCESS = [
  'test/acceptance/keeper.test.ts', 'test/process/keeper/keeper*.test.ts', 'test/process/tree/session-trees.test.ts', 'test/plugins/metrics/pidusage-reuse.test.ts',
]

/** What a user installs. It takes more than a minute, and little in the sources changes it: `npm run test:package`, which CI runs. */
const PACKAGE = ['test/acceptance/package.test.ts']

const alias = [
  { find: /^greenroom$/, replacement: at('./src/index.ts') },
  { find: /^greenroom\/kit$/, replacement: at('./src/kit.ts') },
  { find: /^greenroom\/testing$/, replacement: at('./src/testing/index.ts') },
  { find: /^greenroom\/compat\/(generic-pool|tarn)$/, replacement: at('./src/compat/$1.ts') },
  // Without an extension: a plugin is a file, or a folder with an index.ts.
  { find: /^greenroom\/plugins\/(.*)$/, replacement: at('./plugins/$1') },
]

function project(name: string, test: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration {
  // It does not extend what is below: the global set-up of a run would be done again for each project.
  return { resolve: { alias }, test: { name, pool: 'forks', testTimeout: 60_000, hookTimeout: 120_000, ...test } }
}

export default defineConfig({
  test: {
    // Tests wait for processes that start, sleep or end; with more at a time the cores have no room left, and starts take longer than is patient.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    sequence: { sequencer: LongestFirst },
    projects: [
      project('units', { include: UNITS, isolate: false }),
      // Not isolated either: loading everything anew for each file took a fifth of the run.
      project('processes', { include: ['test/**/*.test.ts'], exclude: [...UNITS, ...OF_A_PROCESS, ...PACKAGE], isolate: false }),
      project('isolated', { include: OF_A_PROCESS }),
      project('package', { include: PACKAGE }),
    ],
    globalSetup: ['test/global-setup.ts'],
    // .ci/run counts the tests from the reports.
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: `reports/${process.env['REPORT'] ?? 'tests'}.json` }]] : ['default'],
    teardownTimeout: 30_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts', 'plugins/**/*.ts'],
      // bin.ts is a two-line shim over runCli(), which the tests call in-process; coverage cannot see the child that runs the shim.
      // keeper.ts is the same for the keeper: what it does is in src/process/keeper, which the tests run in-process as well.
      // (Child-side programs such as plugins/drivers/node-repl/worker.mjs run in processes of their own too; the include leaves them out.)
      exclude: ['src/cli/bin.ts', 'src/keeper.ts', '**/*.d.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
      reportOnFailure: true,
      thresholds: { lines: 95, branches: 90 },
    },
  },
})
