import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createPool, definePlugin } from 'greenroom'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { hostMarker } from '../../../src/process/marker.ts'
import { openRegister, type RegisterHold } from '../../../src/process/register/open-register.ts'
import { ProcessTable } from '../../../src/kit.ts'
import { PsReader } from '../../../src/process/tree/ps-reader.ts'
import { until } from '../../support/driver-harness.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { marked, startShell, table } from '../../support/tree-fixtures.ts'
import { tempFolder } from '../../support/temp-folder.ts'

interface Opened {
  readonly hold: RegisterHold
  readonly problems: string[]
}

async function open(folder: string, clock = new ManualClock(), by: ProcessTable = table): Promise<Opened> {
  const problems: string[] = []
  const hold = await openRegister({ folder, table: by, clock, report: (problem, where) => void problems.push(`${where}: ${String(problem)}`) })
  return { hold: hold!, problems }
}

describe('the register of a host', () => {
  it('is one for all its pools, and removed with the last', async () => {
    const folder = await tempFolder()
    const clock = new ManualClock()
    const [first, second] = [await open(folder, clock), await open(folder, clock)]
    expect(first.hold.register).toBe(second.hold.register)
    expect(readFileSync(first.hold.register.path, 'utf8')).toBe(`greenroom 1 ${hostMarker()}\n`)
    first.hold.release()
    first.hold.release()
    expect(readdirSync(folder).length).toBe(1)
    second.hold.release()
    expect(readdirSync(folder)).toEqual([])
    const third = await open(folder, clock)
    expect(third.hold.register).not.toBe(first.hold.register)
    third.hold.release()
    expect([clock.pending, first.problems, third.problems]).toEqual([0, [], []])
  })

  it('goes on looking for what others leave behind, every minute', async () => {
    const folder = await tempFolder()
    const clock = new ManualClock()
    const { hold, problems } = await open(folder, clock)
    await until(() => clock.pending === 1)
    const child = await startShell('setsid sleep 1000 &')
    // The record of a host that has died meanwhile.
    const name = readdirSync(folder)[0]!.replace(/\.\d+\.\d+\.[0-9a-f]+$/, '.1.1.abc')
    writeFileSync(join(folder, name), `greenroom 1 ${child.marker}\n`)
    rmSync(hold.register.path)
    clock.advance(60_000)
    expect((await child.exited).signal).toBe('SIGKILL')
    // Its looks after a kill wait for this clock.
    await until(() => (clock.advance(5), readdirSync(folder).length === 1))
    expect(await marked(child)).toEqual([])
    expect(existsSync(hold.register.path)).toBe(true)
    hold.release()
    expect([readdirSync(folder), problems]).toEqual([[], []])
  })

  it('says once that it can not be written, to all its pools', async () => {
    const folder = await tempFolder()
    const clock = new ManualClock()
    const [first, second] = [await open(folder, clock), await open(folder, clock)]
    await until(() => clock.pending === 1)
    rmSync(folder, { recursive: true })
    clock.advance(60_000)
    await until(() => first.problems.length === 2)
    expect(first.problems[0]).toContain('writing the record of live sessions')
    expect(second.problems).toEqual(first.problems)
    first.hold.release()
    second.hold.release()
  })

  it('is not there, with advice, when the folder can not be used or processes can not be seen', async () => {
    const file = join(await tempFolder(), 'file')
    writeFileSync(file, '')
    const { hold, problems } = await open(join(file, 'folder'))
    expect(hold).toBeUndefined()
    expect(problems).toEqual([expect.stringContaining('set stateDir to one that can be written, or to false')])
    const clock = new ManualClock()
    const empty = new ProcessTable({ clock, reader: { limitations: [], read: async () => [] }, restless: true })
    expect((await open(await tempFolder(), clock, empty)).problems).toEqual([expect.stringContaining('not in the list of processes')])
  })

  it('works where only ps can list processes', async () => {
    const folder = await tempFolder()
    const byPs = new ProcessTable({ clock: systemClock, reader: new PsReader(systemClock), restless: true })
    const { hold, problems } = await open(folder, new ManualClock(), byPs)
    expect(readdirSync(folder).length).toBe(1)
    hold.release()
    expect([readdirSync(folder), problems]).toEqual([[], []])
  })
})

describe('a pool', () => {
  it('has its live sessions on record, in the folder of its config', async () => {
    const stateDir = join(await tempFolder(), 'state')
    const problems: string[] = []
    const listen = definePlugin({ name: 'listen', apply: ({ hooks }) => hooks.problem.tap('listen', (problem, where) => void problems.push(`${where}: ${String(problem)}`)) })
    const config = { driver: { use: 'json-lines', command: 'cat' }, size: { min: 2, max: 2, spare: 0 }, health: false, metrics: false, stateDir, plugins: [listen] } as const
    const pools = await Promise.all([createPool(config), createPool(config)])
    await Promise.all(pools.map((pool) => pool.ready()))
    const [name] = readdirSync(stateDir)
    const roots = (): string[] => readFileSync(join(stateDir, name!), 'utf8').split('\n').filter((line) => line.startsWith('+'))
    const pids = pools.flatMap((pool) => pool.getSessionMetrics().map(({ pid }) => pid))
    expect(roots().map((line) => Number(line.slice(1).split(' ')[0])).sort()).toEqual(pids.sort())
    await pools[0]!.close()
    expect(readdirSync(stateDir)).toEqual([name])
    expect(readFileSync(join(stateDir, name!), 'utf8').split('\n').filter((line) => line.startsWith('-')).length).toBe(2)
    await pools[1]!.close()
    expect([readdirSync(stateDir), problems]).toEqual([[], []])
  })

  it('is refused with a state folder that is none', async () => {
    await expect(createPool({ driver: 'node-repl', stateDir: '' })).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('stateDir') })
  })
})
