import { cp, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Project, ROOT, run, type Ran } from '../support/project.ts'

const script = (name: string, ...args: string[]): Promise<Ran> => run(process.execPath, [`scripts/${name}.mjs`, ...args], ROOT)

/** A copy of what the schedules are played from, to be spoiled. */
async function copy(): Promise<Project> {
  const project = await Project.empty()
  for (const name of ['src', 'plugins', 'scripts', 'test/properties', 'package.json']) await cp(join(ROOT, name), project.at(name), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), project.at('node_modules'))
  return project
}

describe('npm run test:deep', () => {
  it('plays schedules for the time it is given, and tells how many', async () => {
    const { code, stdout, stderr } = await script('test-deep', '--seconds', '1', '--workers', '1', '--seed', '5')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^seed 5, 1 s, 1 worker\n/)
    expect(stdout).toMatch(/\d+ schedules, \d+ commands in \d+ s: 0 violations\n$/)
  }, 120_000)

  it('shortens a schedule that fails, and plays it again by the line it prints', async () => {
    await using project = await copy()
    const file = 'src/pool/allocator.ts'
    await project.write(file, (await readFile(project.at(file), 'utf8')).replace("if (to === 'idle' || to === 'leased')", "if (to === 'leased')"))
    const found = await project.run(process.execPath, ['scripts/test-deep.mjs', '--seconds', '300', '--workers', '1', '--seed', '5'])
    expect(found.code).toBe(1)
    expect(found.stdout).toContain('1 violations')
    const [, commands] = /commands, (\d+) \(shortened/.exec(found.stdout)!
    expect(Number(commands)).toBeLessThan(20)

    const [, seed, path, replay] = /replay: npm run test:deep -- (--seed=\S+) (--path=\S+) --commands='(.*)'/.exec(found.stdout)!
    const again = await project.run(process.execPath, ['scripts/test-deep.mjs', seed!, path!, `--commands=${replay!}`])
    expect(again.code).toBe(1)
    const fault = /.*\(INV \d+\)/.exec(found.stdout)![0]
    expect(again.stdout).toContain(fault)
  }, 360_000)

  it('says how it is used', async () => {
    expect((await script('test-deep', '--help')).stdout).toContain('--seconds N')
    const { code, stderr } = await script('test-deep', '--seconds', 'many')
    expect(code).toBe(2)
    expect(stderr).toContain('--seconds many: give a number')
  })
})

describe('npm run test:mutations', () => {
  it('catches a fault, and plays its schedule without the fault to be sure', async () => {
    const { code, stdout } = await script('test-mutations', '--only', 'what nobody asked for is ignored')
    expect(stdout).toContain('caught    INV 2')
    expect(stdout).toContain('1 faults, 0 survived')
    expect(code).toBe(0)
  }, 180_000)

  it('fails when a fault survives', async () => {
    const { code, stdout } = await script('test-mutations', '--only', 'dying are not counted', '--schedules', '0')
    expect(stdout).toContain('SURVIVED')
    expect(code).toBe(1)
  }, 180_000)

  it('fails when a fault is not in the sources any more', async () => {
    await using project = await copy()
    await project.write('src/pool/launcher.ts', '')
    const { code, stderr } = await project.run(process.execPath, ['scripts/test-mutations.mjs'])
    expect(code).toBe(1)
    expect(stderr).toContain('its text stands 0 times in src/pool/launcher.ts')
  }, 60_000)
})
