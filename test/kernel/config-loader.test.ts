import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as kit from '../../src/contracts/index.ts'
import { CLOCK, type Plugin } from '../../src/contracts/index.ts'
import { CONFIG_NAMES, findConfig, loadConfig } from '../../src/kernel/config-loader.ts'
import { createKernel } from '../support/kernel-harness.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

// The two faces need nothing of each other here: what matters is that the config gets these very objects.
const modules = { greenroom: { defineConfig: kit.defineConfig }, 'greenroom/kit': kit }

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'greenroom-config-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

const load = (path?: string) => loadConfig({ cwd: folder, modules, ...(path !== undefined && { path }) })

describe('findConfig', () => {
  it.each(CONFIG_NAMES)('finds %s in a folder', async (name) => {
    await write({ [name]: '{}', 'greenroom.config.yaml': '' })
    await mkdir(join(folder, 'greenroom.config.d'))
    expect(await findConfig({ cwd: folder })).toBe(join(folder, name))
  })

  it('takes a path, of a file or another folder', async () => {
    await write({ 'deep/greenroom.config.json': '{}', 'other.cjs': '' })
    expect(await findConfig({ cwd: folder, path: 'deep' })).toBe(join(folder, 'deep/greenroom.config.json'))
    expect(await findConfig({ cwd: folder, path: './other.cjs' })).toBe(join(folder, 'other.cjs'))
    expect(await findConfig({ path: join(folder, 'other.cjs') })).toBe(join(folder, 'other.cjs'))
  })

  it('says what to do when there is none', async () => {
    const none = await greenroomErrorOf(() => findConfig({ cwd: folder }))
    expect([none.code, none.message]).toEqual(['CONFIG_NOT_FOUND', expect.stringMatching(/No greenroom\.config\.ts, .* in .*greenroom init/)])
    const missing = await greenroomErrorOf(() => findConfig({ cwd: folder, path: 'nope.ts' }))
    expect([missing.code, missing.message]).toEqual(['CONFIG_NOT_FOUND', expect.stringContaining(join(folder, 'nope.ts'))])
  })

  it('does not choose among several', async () => {
    await write({ 'greenroom.config.ts': '', 'greenroom.config.json': '' })
    const error = await greenroomErrorOf(() => findConfig({ cwd: folder }))
    expect([error.code, error.message]).toEqual(['CONFIG_INVALID', expect.stringContaining('greenroom.config.ts and greenroom.config.json')])
  })

  it('refuses other types of files, and paths that lead through a file', async () => {
    await write({ 'config.yaml': '' })
    expect((await greenroomErrorOf(() => findConfig({ cwd: folder, path: 'config.yaml' }))).message).toContain('must end in one of .ts')
    expect((await greenroomErrorOf(() => findConfig({ cwd: folder, path: 'config.yaml/x' }))).code).toBe('CONFIG_INVALID')
  })
})

describe('loadConfig', () => {
  it('loads JSON, also with a byte order mark', async () => {
    await write({ 'greenroom.config.json': '\uFEFF{ "driver": "node-repl" }' })
    expect(await load()).toEqual({ path: join(folder, 'greenroom.config.json'), config: { driver: 'node-repl' } })
  })

  it('tells file, line and column of what is no JSON', async () => {
    await write({ 'greenroom.config.json': '{\n  "driver": "node-repl",\n}' })
    const error = await greenroomErrorOf(() => load())
    expect([error.code, error.message]).toEqual(['CONFIG_INVALID', expect.stringContaining(`${join(folder, 'greenroom.config.json')}:3:1: `)])
    expect(error.cause).toBeInstanceOf(SyntaxError)
  })

  it.each([
    ['greenroom.config.ts', 'const driver: string = "a"; export default { driver }'],
    ['greenroom.config.mts', 'const driver: string = "a"; export default { driver }'],
    ['greenroom.config.mjs', 'export default { driver: await Promise.resolve("a") }'],
    ['greenroom.config.js', 'export default { driver: "a" }'],
    ['other.cjs', 'module.exports = { driver: "a" }'],
    ['function.ts', 'export default () => ({ driver: "a" })'],
    ['async-function.ts', 'export default async () => ({ driver: await Promise.resolve("a") })'],
    ['promise.ts', 'export default Promise.resolve({ driver: "a" })'],
    ['relative.ts', 'import { driver } from "./lib/driver.ts"; export default { driver }'],
    ['top-level-await.ts', 'const driver: string = await Promise.resolve("a"); export default { driver }'],
    ['meta.mjs', 'export default { driver: import.meta.url.endsWith("meta.mjs") ? "a" : "b" }'],
    ['defined.mjs', 'import { defineConfig } from "greenroom"; export default defineConfig({ driver: "a" })'],
  ])('loads %s', async (name, text) => {
    await write({ [name]: text, 'lib/driver.ts': 'export const driver: string = "a"' })
    expect((await load(name)).config).toEqual({ driver: 'a' })
  })

  it('loads a commonjs config of a commonjs package', async () => {
    await write({ 'package.json': '{ "type": "commonjs" }', 'greenroom.config.js': 'module.exports = { driver: "a" }' })
    expect((await load()).config).toEqual({ driver: 'a' })
  })

  it('gives the config this very copy of greenroom, where none is installed', async () => {
    const text = `
      import { defineConfig } from 'greenroom'
      import * as kit from 'greenroom/kit'
      import { CLOCK, GreenroomError } from 'greenroom/kit'
      import { again } from './again.ts'
      export default defineConfig({ defineConfig, CLOCK, GreenroomError, z: kit.z, again } as never)`
    await write({ 'greenroom.config.ts': text, 'again.ts': 'export { CLOCK as again } from "greenroom/kit"' })
    const { config } = await load()
    expect(config['CLOCK']).toBe(CLOCK)
    expect(config['again']).toBe(CLOCK)
    expect(config['GreenroomError']).toBe(kit.GreenroomError)
    expect(config['defineConfig']).toBe(kit.defineConfig)
    expect(config['z']).toBe(kit.z)
  })

  it('evaluates a module once, whoever imports it', async () => {
    await write({
      'greenroom.config.ts': 'import { mine } from "./token.ts"; import { yours } from "./b.ts"; export default { same: mine === yours }',
      'b.ts': 'export { mine as yours } from "./token.ts"',
      'token.ts': 'export const mine = Symbol("mine")',
    })
    expect((await load()).config).toEqual({ same: true })
  })

  it('takes a plugin with a decorated class, whose dependencies come from the pool\'s container', async () => {
    await write({
      'greenroom.config.ts': `
        import 'reflect-metadata'
        import { inject, injectable } from 'tsyringe'
        import { CLOCK, definePlugin, token, z, type Balancer, type Clock, type SessionView } from 'greenroom/kit'

        const STEP = token<number>('Step')

        @injectable()
        class Mine implements Balancer {
          constructor(@inject(CLOCK) readonly clock: Clock, @inject(STEP) private readonly step: number) {}
          pick(candidates: readonly SessionView[]): SessionView {
            return candidates[(this.clock.now() + this.step) % candidates.length]!
          }
        }

        @injectable()
        class ByType {
          constructor(readonly mine: Mine) {}
        }

        export default {
          driver: 'node-repl',
          plugins: [definePlugin({
            name: 'mine',
            apply(kernel) {
              kernel.provide(STEP, [CLOCK], () => 1)
              kernel.strategy('balancer', 'mine', {
                description: 'For tests.', options: z.strictObject({}),
                create: (_options, { container }) => container.resolve(ByType).mine,
              })
            },
          })],
        }`,
    })
    const { config } = await load()
    const kernel = createKernel()
    await kernel.host.apply(config['plugins'] as Plugin[])
    const balancer = await kernel.registry.create({ kind: 'balancer', name: 'mine', options: {} }, kernel.context)
    const candidates = ['a', 'b', 'c'].map((id) => ({ id }) as kit.SessionView)
    // (1000 + 1) % 3
    expect(balancer.pick(candidates, { tenant: 't', key: undefined, priority: 0 }).id).toBe('c')
    expect((balancer as unknown as { clock: unknown }).clock).toBe(kernel.clock)
  })

  it.each([
    ['no default export', 'no-default.ts', 'export const config = {}', /no-default\.ts: it has no default export/],
    ['nothing at all', 'empty.ts', '', /it has no default export/],
    ['a default that is undefined', 'undefined.ts', 'export default undefined', /it has no default export/],
    ['a default that is text', 'text.ts', 'export default "x"', /it must give an object, and gives a string/],
    ['a function that gives nothing', 'void.ts', 'export default () => undefined', /gives a undefined/],
    ['null', 'null.json', 'null', /gives null/],
    ['a list', 'list.json', '[]', /gives a list/],
    ['an error at the top level', 'throws.ts', 'throw new Error("no secret")', /throws\.ts: no secret/],
    ['an error in its function', 'rejects.ts', 'export default async () => { throw new Error("no net") }', /rejects\.ts: no net/],
    ['a module that is missing', 'imports.ts', 'import "./nothing.ts"; export default {}', /imports\.ts: .*nothing/],
    ['a package that is missing', 'package.mjs', 'import "no-such-package-here"; export default {}', /package\.mjs: .*no-such-package-here/],
    ['wrong syntax', 'syntax.ts', 'export default {\n  driver: :\n}', /syntax\.ts: .*/],
  ])('refuses %s, and names the file', async (_what, name, text, message) => {
    await write({ [name]: text })
    const error = await greenroomErrorOf(() => load(name))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toMatch(message)
    expect(error.message.startsWith(join(folder, name))).toBe(true)
  })

  it('keeps what was thrown as the cause', async () => {
    await write({ 'greenroom.config.ts': 'export default () => { throw new TypeError("mine") }' })
    const error = await greenroomErrorOf(() => load())
    expect(error.cause).toMatchObject({ name: 'TypeError', message: 'mine' })
  })

  it('gives up on a config that never finishes', async () => {
    const clock = new ManualClock()
    await write({ 'greenroom.config.ts': 'export default () => new Promise(() => {})' })
    const failure = greenroomErrorOf(() => loadConfig({ cwd: folder, modules, clock }))
    // The deadline is set anew when the function is called: it is over only when both have passed.
    let over = false
    void failure.finally(() => (over = true))
    while (!over) {
      clock.advance(30_000)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(await failure).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('did not finish within 30 s') as string })
  })

  it('writes nothing beside the config', async () => {
    await write({ 'greenroom.config.ts': 'export default {}', 'node_modules/.keep': '' })
    await load()
    expect((await readdir(folder)).sort()).toEqual(['greenroom.config.ts', 'node_modules'])
    expect(await readdir(join(folder, 'node_modules'))).toEqual(['.keep'])
  })
})
