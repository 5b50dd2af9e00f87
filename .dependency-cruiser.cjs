// The floors of the house. Arrows point down only:
//
//   cli, testing, compat → create-pool → watch → pool → kernel, process → contracts
//   index → create-pool; plugins → kit → contracts, process; examples → greenroom, greenroom/kit, by name

/** What each part of src/ may import, beside itself. A part is a folder, or a file without its extension. */
const floors = {
  'contracts': [],
  'process': ['contracts'],
  'kernel': ['contracts'],
  'pool': ['kernel', 'process', 'contracts'],
  'watch': ['pool', 'kernel', 'process', 'contracts'],
  'kit': ['contracts', 'process'],
  // The one file that may name plugins: the list of bundled ones, each imported only when a config names it.
  'bundled': ['kernel', 'contracts'],
  'create-pool': ['bundled', 'watch', 'pool', 'kernel', 'process', 'contracts'],
  'index': ['create-pool', 'bundled', 'contracts'],
  // The program of the keeper, a process of its own.
  'keeper': ['kernel', 'process', 'contracts'],
  'cli': ['index', 'kit', 'create-pool', 'bundled', 'watch', 'pool', 'kernel', 'process', 'contracts'],
  'compat': ['create-pool', 'bundled', 'watch', 'pool', 'kernel', 'process', 'contracts'],
  'testing': ['create-pool', 'bundled', 'watch', 'pool', 'kernel', 'process', 'contracts'],
}

/** Packages that a plugin loads only when it is used. They are dev dependencies, too, for the tests. */
const optionalPeers = ['@opentelemetry/api', 'libsql', 'prom-client']

/** The composition root is more than one file. */
const files = { 'create-pool': '(create-pool|reconfigurer|live-pool|pool-report|houses|describe-config)' }

const part = (name) => `^src/${files[name] ?? name}(/|\\.ts$)`

const floorRules = Object.entries(floors).map(([name, allowed]) => ({
  name: `floor-${name}`,
  comment: `src/${name} may import only: ${[name, ...allowed].join(', ')}. Arrows point down; what both need goes to a lower floor.`,
  severity: 'error',
  from: { path: part(name) },
  to: { path: '^src/', pathNot: [name, ...allowed].map(part) },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...floorRules,
    {
      name: 'no-unknown-floor',
      comment: 'Every file of src/ is on a floor listed in .dependency-cruiser.cjs.',
      severity: 'error',
      from: { path: '^src/', pathNot: Object.keys(floors).map(part) },
      to: {},
    },
    {
      name: 'plugins-only-by-registry',
      comment: 'src/ knows plugins by their registered names only; src/bundled.ts is the one list.',
      severity: 'error',
      from: { path: '^src/', pathNot: part('bundled') },
      to: { path: '^plugins/' },
    },
    {
      name: 'bundled-is-lazy',
      comment: 'A bundled plugin is loaded when a config names it: import() it. (Type imports, for the option types, are fine.)',
      severity: 'error',
      from: { path: part('bundled') },
      to: { path: '^plugins/', dependencyTypesNot: ['dynamic-import', 'type-only', 'type-import'] },
    },
    {
      name: 'plugins-use-the-kit',
      comment: 'A bundled plugin imports greenroom/kit and its own folder, as an outside author would.',
      severity: 'error',
      from: { path: '^plugins/' },
      to: { path: '^(src|examples|test|scripts)/', pathNot: '^src/kit\\.ts$' },
    },
    {
      name: 'plugins-are-strangers',
      comment: 'A plugin does not import a plugin of another kind; what both need belongs in the kit.',
      severity: 'error',
      from: { path: '^plugins/([^/]+)/' },
      to: { path: '^plugins/', pathNot: '^plugins/$1/' },
    },
    {
      name: 'by-name',
      comment: "Plugins and examples import 'greenroom/kit' or 'greenroom' by name, not by path.",
      severity: 'error',
      from: { path: '^(plugins|examples)/' },
      to: { path: '^src/', dependencyTypesNot: ['aliased'] },
    },
    {
      name: 'examples-use-the-face',
      comment: "Examples import only 'greenroom', 'greenroom/kit' and 'greenroom/plugins/…', and their tests 'greenroom/testing'.",
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^(src|test|scripts)/', pathNot: '^src/(index|kit|testing/index)\\.ts$' },
    },
    {
      name: 'no-tests-in-production',
      severity: 'error',
      from: { path: '^(src|plugins|examples)/' },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'no-cycles',
      comment: 'Of values. The types of one floor may describe one another (a session, its lease); between floors the arrows hold for types, too.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      comment: 'Nobody imports it and it imports nobody: use it or remove it.',
      severity: 'error',
      from: { orphan: true, path: '^(src|plugins)/', pathNot: ['\\.mjs$'] },
      to: {},
    },
    {
      name: 'not-to-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-dependencies-in-production',
      comment: 'What is shipped may use only what is installed with it.',
      severity: 'error',
      from: { path: '^(src|plugins)/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
        pathNot: optionalPeers.map((name) => `^node_modules/${name}/`),
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'] },
  },
}
