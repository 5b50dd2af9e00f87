import { readdirSync } from 'node:fs'
import { cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeVersions, type NodeVersion } from '../support/node-versions.ts'
import { ensureBuild, Project, ROOT, run } from '../support/project.ts'

const NPM_QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']

const POOL_PROGRAM = `
  const pool = await createPool({ driver: { use: 'node-repl' }, size: { max: 2, spare: 0 } })
  const who = { tenant: 'acme', key: 'k' }
  await pool.request({ code: 'const x = 41' }, who)
  const { value } = await pool.request({ code: 'x + 1' }, who)
  console.log(process.versions.node, value)
  await pool.close()
`

const TYPED_PROGRAM = `
import { createPool, defineConfig, GreenroomError, type Pool } from 'greenroom'
import { definePlugin, z } from 'greenroom/kit'
import { createPool as lend } from 'greenroom/compat/generic-pool'
import { Pool as Lender, TimeoutError } from 'greenroom/compat/tarn'
import leastLoaded from 'greenroom/plugins/balancers/least-loaded'

const options = z.strictObject({ bias: z.number() })
declare module 'greenroom/kit' {
  interface BalancerOptions { mine: z.input<typeof options> }
}
const mine = definePlugin({
  name: 'mine',
  apply(kernel) {
    kernel.strategy('balancer', 'mine', { description: 'the first', options, create: ({ bias }) => ({ pick: (all) => all[bias] ?? all[0]! }) })
  },
})

export const config = defineConfig({
  driver: { use: 'json-lines', command: 'cat' },
  size: { max: 3 },
  timeouts: { idle: '5m', total: false },
  balancer: { use: 'mine', bias: 1 },
  limits: { memory: { soft: '400MB', hard: '600MB' } },
  health: { every: '10s' },
  plugins: [mine, leastLoaded],
})
export const pool: Pool = await createPool(config)
export const answer: { value: number } = await pool.request<{ value: number }>({}, { tenant: 'a', timeout: '5s' })
export const lent: { url: string } = await lend({ create: async () => ({ url: 'a' }), destroy() {} }, { max: 2, min: 1 }).acquire()
export const alsoLent: { url: string } = await new Lender<{ url: string }>({ create: (done) => done(null, { url: 'a' }), destroy() {}, min: 0, max: 1 }).acquire().promise
export const isLate = (error: unknown): boolean => error instanceof TimeoutError && error.code === 'ACQUIRE_TIMEOUT'
export const isOurs = (error: unknown): boolean => error instanceof GreenroomError && error.code === 'QUEUE_FULL'

// @ts-expect-error an unknown option of a bundled driver
defineConfig({ driver: { use: 'json-lines', command: 'cat', comand: 'cat' } })
// @ts-expect-error an unknown strategy
defineConfig({ driver: 'node-repl', balancer: 'least-laoded' })
// @ts-expect-error a required option is missing
defineConfig({ driver: { use: 'json-lines' } })
// @ts-expect-error a wrong type in the options of a plugin of one's own
defineConfig({ driver: 'node-repl', balancer: { use: 'mine', bias: 'much' } })
// @ts-expect-error an unknown field
defineConfig({ driver: 'node-repl', sizes: { max: 3 } })
// @ts-expect-error an unknown option of a facade
lend({ create: () => ({}), destroy() {} }, { maxx: 2 })
// @ts-expect-error no duration
defineConfig({ driver: 'node-repl', timeouts: { idle: 'five minutes' } })
`

const FAVOURITE_PROGRAM = `
import { createPool, defineConfig } from 'greenroom'
import favourites from 'greenroom-favourites'

// @ts-expect-error an unknown option of a plugin of somebody else
defineConfig({ driver: 'node-repl', evictor: { use: 'favourites', tenant: ['acme'] } })
const pool = await createPool({
  driver: 'node-repl', size: { max: 2, spare: 0 }, plugins: [favourites], evictor: { use: 'favourites', tenants: ['acme'] },
})
for (const tenant of ['acme', 'globex', 'initech']) await pool.request({ code: '1' }, { tenant, key: 'k' })
console.log(pool.getSessionMetrics().filter(({ status }) => status === 'idle').map(({ tenant }) => tenant).sort().join(', '))
await pool.close()
`

describe('the package', () => {
  let project: Project
  let tarball: string
  let nodes: NodeVersion[]

  beforeAll(async () => {
    ensureBuild()
    project = await Project.empty()
    const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project.path], ROOT)
    tarball = project.at((JSON.parse(packed.stdout) as [{ filename: string }])[0].filename)
    const [installed, found] = await Promise.all([
      project.run('npm', ['install', tarball, `@types/node@${process.versions.node.split('.')[0]}`, ...NPM_QUIET]),
      nodeVersions(),
    ])
    expect(installed.code, installed.stderr).toBe(0)
    nodes = found
    await project.write('imports.mjs', `import { createPool } from 'greenroom'\n${POOL_PROGRAM}`)
    await project.write('requires.cjs', `const { createPool } = require('greenroom')\nrequire('greenroom/kit')\nrequire('greenroom/testing')\nvoid (async () => {${POOL_PROGRAM}})()`)
  }, 300_000)
  afterAll(() => project[Symbol.asyncDispose]())

  it.each([['import', 'imports.mjs'], ['require()', 'requires.cjs']])('gives a working pool by %s, on every supported Node.js', async (_how, file) => {
    expect(nodes.map(({ version }) => version.split('.')[0])).toEqual(expect.arrayContaining(['22', '24']))
    const ran = await Promise.all(nodes.map(({ path }) => project.run(path, [file])))
    expect(ran).toEqual(nodes.map(({ version }) => ({ code: 0, stdout: `${version} 42\n`, stderr: '' })))
  }, 180_000)

  it('brings a command that says its version and how it is used', async () => {
    const { version } = (await import('../../package.json', { with: { type: 'json' } })).default
    const greenroom = (option: string) => project.run('npx', ['--no-install', 'greenroom', option])
    expect(await greenroom('--version')).toMatchObject({ code: 0, stdout: `${version}\n` })
    const help = await greenroom('--help')
    expect(help.code).toBe(0)
    for (const command of ['serve', 'run', 'stats', 'init', 'doctor']) expect(help.stdout).toMatch(new RegExp(`^ +${command}\\b`, 'm'))
  }, 180_000)

  it('has the facades as sub-paths, by import and by require()', async () => {
    const work = `
      const pool = createPool({ create: () => ({ id: 1 }), destroy() {} })
      const lender = new Pool({ create: () => ({ id: 2 }), destroy() {}, min: 0, max: 1 })
      const lent = [await pool.acquire(), await lender.acquire().promise]
      console.log(...lent.map(({ id }) => id))
      lender.release(lent[1])
      await pool.release(lent[0])
      await Promise.all([lender.destroy(), pool.drain().then(() => pool.clear())])`
    await project.write('facades.mjs', `import { createPool } from 'greenroom/compat/generic-pool'\nimport { Pool } from 'greenroom/compat/tarn'\n${work}`)
    await project.write('facades.cjs', `const { createPool } = require('greenroom/compat/generic-pool')\nconst { Pool } = require('greenroom/compat/tarn')\nvoid (async () => {${work}})()`)
    for (const file of ['facades.mjs', 'facades.cjs']) {
      expect(await project.run(process.execPath, [file])).toEqual({ code: 0, stdout: '1 2\n', stderr: '' })
    }
  }, 180_000)

  it('has every bundled plugin as a sub-path', async () => {
    const plugins = readdirSync(join(ROOT, 'plugins'), { withFileTypes: true })
      .filter((kind) => kind.isDirectory())
      .flatMap(({ name: kind }) => readdirSync(join(ROOT, 'plugins', kind))
        .filter((file) => file.endsWith('.ts'))
        .map((file) => `${kind}/${file.slice(0, -'.ts'.length)}`))
    expect(plugins).toContain('drivers/node-repl')
    await project.write('plugins.mjs', `
      for (const path of ${JSON.stringify(plugins)}) {
        const { default: plugin } = await import('greenroom/plugins/' + path)
        if (typeof plugin.name !== 'string' || typeof plugin.apply !== 'function') throw new Error(path)
      }`)
    expect(await project.run(process.execPath, ['plugins.mjs'])).toEqual({ code: 0, stdout: '', stderr: '' })
  }, 180_000)

  it('says how to install what a plugin needs beside it', async () => {
    await project.write('peers.mjs', `
      import { createPool } from 'greenroom'
      for (const config of [{ store: 'sqlite' }, { metrics: 'prometheus' }, { metrics: 'opentelemetry' }]) {
        await createPool({ driver: 'node-repl', ...config }).catch(({ code, message }) => console.log(code, /npm install .*/.exec(message)?.[0]))
      }`)
    const lines = ['libsql', 'prom-client', '@opentelemetry/api'].map((name) => `PEER_MISSING npm install ${name}\n`)
    expect(await project.run(process.execPath, ['peers.mjs'])).toEqual({ code: 0, stdout: lines.join(''), stderr: '' })
  }, 60_000)

  it('takes a plugin made from the template, which packs and tests itself, and is typed', async () => {
    await using template = await Project.empty()
    await cp(join(ROOT, 'examples/plugin-template'), template.path, { recursive: true })
    // What `npm install` would bring it, without asking the registry.
    await mkdir(template.at('node_modules'))
    await symlink(project.at('node_modules/greenroom'), template.at('node_modules/greenroom'))
    for (const name of ['typescript', '@types', '.bin']) await symlink(join(ROOT, 'node_modules', name), template.at(`node_modules/${name}`))
    const packed = await template.run('npm', ['pack', '--json', '--pack-destination', project.path, '--loglevel=error'])
    expect(packed.code, packed.stdout + packed.stderr).toBe(0)
    const [, name] = /"filename": "(.*)"/.exec(packed.stdout) ?? []
    const installed = await project.run('npm', ['install', project.at(name!), ...NPM_QUIET])
    expect(installed.code, installed.stderr).toBe(0)
    await project.write('favourite/program.ts', FAVOURITE_PROGRAM)
    await project.write('favourite/tsconfig.json', JSON.stringify({
      compilerOptions: { target: 'es2022', module: 'nodenext', types: ['node'], strict: true, skipLibCheck: true },
    }))
    expect(await project.tsc('-p', 'favourite')).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await project.run(process.execPath, ['favourite/program.js'])).toEqual({ code: 0, stdout: 'acme, initech\n', stderr: '' })
  }, 180_000)

  it.each([['nodenext', 'nodenext'], ['esnext', 'bundler']])('is typed for module %s with resolution %s, wrong options included', async (module, moduleResolution) => {
    await project.write(`${moduleResolution}/program.ts`, TYPED_PROGRAM)
    await project.write(`${moduleResolution}/tsconfig.json`, JSON.stringify({
      compilerOptions: { target: 'es2022', lib: ['es2023', 'esnext.disposable'], module, moduleResolution, types: ['node'], strict: true, noEmit: true,
        // Once is enough to know that every declaration of ours, and of what it imports, is sound.
        skipLibCheck: moduleResolution === 'bundler',
      },
    }))
    expect(await project.tsc('-p', moduleResolution)).toEqual({ code: 0, stdout: '', stderr: '' })
  }, 180_000)

  it('holds what is needed and nothing else', async () => {
    const { stdout } = await project.run('tar', ['-tzf', tarball])
    const files = stdout.trim().split('\n').map((file) => file.replace(/^package\//, ''))
    expect(files.filter((file) => !file.startsWith('dist/')).sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'greenroom.config.schema.json', 'package.json'])
    expect(files.filter((file) => /\.stamp$|\.test\.|(?<!\.d)\.m?ts$/.test(file))).toEqual([])
  })

  it('has no fault that publint or attw know of', async () => {
    const publint = await run('npx', ['--no-install', 'publint', 'run', tarball, '--strict'], ROOT)
    expect(publint.code, publint.stdout + publint.stderr).toBe(0)
    const attw = await run('npx', ['--no-install', 'attw', tarball, '--profile', 'esm-only'], ROOT)
    expect(attw.code, attw.stdout + attw.stderr).toBe(0)
  }, 180_000)
})
