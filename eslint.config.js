import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const TIME = 'Time comes from the injected Clock (contracts/clock.ts), so that tests and the replay lab can turn it.'
const CHANCE = 'Chance comes from the injected Random (contracts/clock.ts), so that a failing seed replays.'
const timers = ['setTimeout', 'setInterval', 'setImmediate']

export default defineConfig(
  globalIgnores(['dist/', '.dist-*/', 'coverage/', 'docs/api/', 'reports/', '**/node_modules/']),
  { linterOptions: { noInlineConfig: true } },
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['.dependency-cruiser.cjs'] }, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-ignore': true, 'ts-nocheck': true, 'ts-expect-error': 'allow-with-description' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
      // Interfaces that plugins extend by declaration merging are empty on purpose.
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'always' }],
      // Unions over those interfaces look redundant while nobody has extended them.
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      '@typescript-eslint/no-duplicate-type-constituents': 'off',
      // Contracts are implemented by closures and by classes with #private fields: the first may be taken apart, the second throw at once.
      '@typescript-eslint/unbound-method': 'off',
      // It takes assertions for needless that say what a callback is about to carry.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      // What foreign code threw is passed on as it is.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
      // An implementation of an asynchronous contract may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // 140 is the aim; a docstring that would break badly may be a little longer.
      'max-len': ['error', { code: 160, ignoreUrls: true, ignoreRegExpLiterals: true, ignoreTemplateLiterals: true, ignoreStrings: true }],
      'semi': ['error', 'never', { beforeStatementContinuationChars: 'always' }],
      'quotes': ['error', 'single', { avoidEscape: true, allowTemplateLiterals: true }],
      'eqeqeq': 'error',
      'no-console': 'off',
      'no-debugger': 'error',
      'prefer-const': 'error',
      'no-var': 'error',
    },
  },
  // It has a tsconfig of its own, for whoever copies it; here it is part of this project.
  { files: ['examples/plugin-template/**'], languageOptions: { parserOptions: { projectService: false, project: './tsconfig.json' } } },
  {
    files: ['src/**', 'plugins/**'],
    // The clock and the chance themselves; and programs that run as child processes of their own.
    ignores: ['src/kernel/system-clock.ts', 'src/kernel/system-random.ts', 'plugins/**/*.mjs'],
    rules: {
      'no-console': 'error',
      'no-restricted-globals': ['error', ...timers.map((name) => ({ name, message: TIME }))],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: TIME },
        { object: 'performance', property: 'now', message: TIME },
        { object: 'process', property: 'hrtime', message: TIME },
        { object: 'process', property: 'uptime', message: TIME },
        { object: 'Math', property: 'random', message: CHANCE },
        { object: 'AbortSignal', property: 'timeout', message: TIME },
        ...timers.map((property) => ({ object: 'globalThis', property, message: TIME })),
      ],
      'no-restricted-syntax': ['error', { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: TIME }],
      'no-restricted-imports': ['error', {
        paths: [
          { name: 'node:timers', message: TIME },
          { name: 'node:timers/promises', message: TIME },
          { name: 'node:perf_hooks', importNames: ['performance'], message: TIME },
        ],
      }],
    },
  },
  {
    // They wait for a turn of the event loop, not for a time.
    files: ['src/process/last-output.ts', 'src/process/tree/next-turn.ts', 'src/testing/virtual-clock.ts'],
    rules: { 'no-restricted-globals': ['error', ...timers.filter((name) => name !== 'setImmediate')] },
  },
  {
    // A program's answers have whatever type the program gives them.
    files: ['test/**'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
    },
  },
  {
    files: ['scripts/**', '**/*.mjs', '**/*.cjs', 'eslint.config.js'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
    },
  },
)
