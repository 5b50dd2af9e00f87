import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^greenroom$/, replacement: at('./src/index.ts') },
      { find: /^greenroom\/kit$/, replacement: at('./src/kit.ts') },
      { find: /^greenroom\/testing$/, replacement: at('./src/testing/index.ts') },
      { find: /^greenroom\/compat\/(generic-pool|tarn)$/, replacement: at('./src/compat/$1.ts') },
      // Without an extension: a plugin is a file, or a folder with an index.ts.
      { find: /^greenroom\/plugins\/(.*)$/, replacement: at('./plugins/$1') },
    ],
  },
  test: {
    pool: 'forks',
    // Vitest would leave a core free: on two cores that is half of them.
    maxWorkers: '100%',
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // .ci/run counts the tests from the report.
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: 'reports/tests.json' }]] : ['default'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
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
      thresholds: { lines: 90 },
    },
  },
})
