import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createPool, type PoolConfig } from 'greenroom'
import { describe, expect, it, onTestFinished } from 'vitest'
import { configFields } from '../../src/cli/init/config-fields.ts'
import { DRIVERS } from '../../src/cli/init/drivers.ts'
import { isFields, type Field } from '../../src/cli/init/fields.ts'
import { configSchema, healthLoopSchema, metricsLoopSchema, queueLoopSchema, sizeSchema, timeoutsSchema } from '../../src/kernel/config-schema.ts'
import { loadConfig } from '../../src/kernel/config-loader.ts'
import { cli } from '../support/cli.ts'
import { Project } from '../support/project.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** What `greenroom init` wrote, loaded as `greenroom serve` would. */
async function loaded(cwd: string): Promise<PoolConfig> {
  const [greenroom, kit] = await Promise.all([import('greenroom'), import('greenroom/kit')])
  return (await loadConfig({ cwd, modules: { greenroom, 'greenroom/kit': kit } })).config as unknown as PoolConfig
}

/** What the program of each driver's config is asked, and what it answers. */
const DIALOGUES = {
  'node-repl': ['{"code":"1"}', { value: 1 }],
  'python-repl': ['{"code":"1"}', { value: 1 }],
  'shell': ['{"command":"echo 1"}', { stdout: '1\n' }],
  'json-lines': ['{"code":"1"}', { code: '1' }],
  'json-rpc': ['{"method":"echo","params":{"code":"1"}}', { code: '1' }],
  'acp': ['{"prompt":"1"}', { stopReason: 'end_turn' }],
} as const

describe('greenroom init', () => {
  it.each(DRIVERS)('writes a config for %s that loads and that a pool takes, in TypeScript and in JSON', async (driver) => {
    const configs = []
    for (const format of ['ts', 'json']) {
      const cwd = await tempFolder()
      const { code, stdout } = await cli(['init', '--driver', driver, '--format', format], { cwd })
      expect(code).toBe(0)
      expect(stdout).toContain(`wrote greenroom.config.${format}`)
      const config = await loaded(cwd)
      const pool = await createPool({ ...config, size: { ...config.size, spare: 0 } })
      onTestFinished(() => pool.close({ grace: 0 }))
      configs.push(config)
    }
    expect(configs[0]).toEqual(configs[1])
  })

  it('writes configs that type-check', async () => {
    await using project = await Project.linked()
    for (const driver of DRIVERS) {
      await mkdir(project.at(driver))
      await cli(['init', '--driver', driver], { cwd: project.at(driver) })
    }
    await project.write('tsconfig.json', JSON.stringify({
      compilerOptions: {
        target: 'es2022', lib: ['es2023', 'esnext.disposable'], module: 'nodenext', types: ['node'], strict: true, exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true, verbatimModuleSyntax: true, skipLibCheck: true, noEmit: true,
      },
      include: ['*/greenroom.config.ts'],
    }))
    const { code, stdout } = await project.tsc('--listFilesOnly')
    expect([code, stdout.split('\n').filter((file) => file.endsWith('greenroom.config.ts')).length]).toEqual([0, DRIVERS.length])
    expect(await project.tsc()).toEqual({ code: 0, stdout: '', stderr: '' })
  }, 120_000)

  it.each(DRIVERS.filter((driver) => driver in DIALOGUES))('writes a config for %s that starts a program which answers', async (driver) => {
    const cwd = await tempFolder()
    await cli(['init', '--driver', driver], { cwd })
    const [asked, answered] = DIALOGUES[driver as keyof typeof DIALOGUES]
    const { code, stdout } = await cli(['run', asked], { cwd })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject(answered)
  })

  it('writes every field of the configuration, with the defaults', async () => {
    const fields = configFields('node-repl')
    const namesOf = (list: readonly Field[]) => list.map(({ name }) => name).sort()
    const within = (name: string) => {
      const { value } = fields.find((field) => field.name === name)!
      return isFields(value) ? value : []
    }
    expect(namesOf(fields)).toEqual(Object.keys(configSchema.shape).sort())
    expect(namesOf(within('size'))).toEqual(Object.keys(sizeSchema.shape).sort())
    expect(namesOf(within('timeouts'))).toEqual(Object.keys(timeoutsSchema.shape).sort())
    for (const [name, loop] of [['health', healthLoopSchema], ['metrics', metricsLoopSchema], ['queue', queueLoopSchema]] as const) {
      expect(namesOf(within(name))).toEqual(expect.arrayContaining(Object.keys(loop.shape)))
    }
    const values = (name: string) => Object.fromEntries(within(name).filter(({ value }) => value !== undefined).map(({ name, value }) => [name, value]))
    expect(timeoutsSchema.parse(values('timeouts'))).toEqual(timeoutsSchema.parse({}))
    expect(sizeSchema.parse(values('size'))).toEqual(sizeSchema.parse({}))
    expect(values('queue')).toMatchObject(queueLoopSchema.parse({}))
  })

  it('overwrites nothing unless told to', async () => {
    const cwd = await tempFolder()
    const file = join(cwd, 'greenroom.config.ts')
    await writeFile(file, 'mine')
    expect(await cli(['init'], { cwd })).toMatchObject({ code: 1, stderr: expect.stringContaining('--force') as string })
    expect(await readFile(file, 'utf8')).toBe('mine')
    expect(await cli(['init', '--force'], { cwd })).toMatchObject({ code: 0 })
    expect(await readFile(file, 'utf8')).toContain('defineConfig')
  })

  it('does not write a second config beside one of another format', async () => {
    const cwd = await tempFolder()
    await writeFile(join(cwd, 'greenroom.config.mjs'), 'export default {}')
    expect(await cli(['init', '--force'], { cwd })).toMatchObject({ code: 1, stderr: expect.stringContaining('greenroom.config.mjs') as string })
  })

  it('ends with 1 where it may not write', async () => {
    expect(await cli(['init'], { cwd: '/nowhere/to/be/found' })).toMatchObject({ code: 1, stderr: expect.stringContaining('ENOENT') as string })
  })
})
