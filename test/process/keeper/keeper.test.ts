import { createHash } from 'node:crypto'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { createSpawner, endChild, type Child, type Spawner } from '../../../src/kit.ts'
import { keep } from '../../../src/process/keeper/keep.ts'
import { Keeper } from '../../../src/process/keeper/keeper.ts'
import { until, withinHang } from '../../support/driver-harness.ts'
import { isRunning } from '../../support/is-running.ts'
import { isAlive } from '../../support/real-pool.ts'
import { keeperFolders } from '../../support/keepers.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { table } from '../../support/tree-fixtures.ts'

interface Kept {
  readonly keeper: Keeper
  readonly spawner: Spawner
  readonly problems: string[]
  report(problem: unknown, where: string): void
}

/** A keeper of the test's own, and a spawner whose processes it starts; left when the test has ended. */
async function kept({ program }: { program?: string } = {}): Promise<Kept> {
  const problems: string[] = []
  const report = (problem: unknown, where: string): void => void problems.push(`${where}: ${String(problem)}`)
  const keeper = new Keeper({ clock: systemClock, table, ...(program !== undefined && { program }) })
  const spawner = createSpawner({ clock: systemClock, table, report, delegate: (spec, context) => (keeper.works ? keep(spec, keeper, context) : undefined) })
  onTestFinished(async () => {
    await keeper.leave(report)
    await spawner.clear!(5_000)
  })
  await keeper.join(report)
  return { keeper, spawner, problems, report }
}

const end = (child: Child): Promise<unknown> => endChild(child, { clock: systemClock, stepMs: 5_000, immediate: true })

async function lineOf(child: Child): Promise<string> {
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await until(() => text.includes('\n'))
  return text
}

async function died(keeper: Keeper): Promise<void> {
  const { pid } = keeper
  process.kill(pid!, 'SIGKILL')
  await until(() => keeper.pid !== pid)
}

/** One that was killed just before may be gone, and its exit not be known yet. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

describe('the keeper', () => {
  it('starts fifty processes at once, each with pipes of its own', async () => {
    const { spawner } = await kept()
    const children = Array.from({ length: 50 }, () => spawner.spawn({ command: 'cat' }))
    const texts = children.map(lineOf)
    children.forEach((child, n) => void child.stdin.end(`${n}\n`))
    expect(await Promise.all(texts)).toEqual(children.map((_, n) => `${n}\n`))
    expect(await Promise.all(children.map(({ exited }) => exited))).toEqual(children.map(() => ({ code: 0, signal: null })))
    expect(new Set(children.map(({ pid }) => pid)).size).toBe(50)
  })

  it.each([
    ['bash', ['-c', 'while read -r line; do echo "$line $line"; done'], 'a a\n'],
    ['python3', ['-c', 'import sys\nfor line in sys.stdin: print(line.strip() * 2, flush=True)'], 'aa\n'],
    ['node', ['-e', 'process.stdin.on("data", (chunk) => process.stdout.write(chunk + "!\\n"))'], 'a\n!\n'],
  ])('gives %s pipes it can work with', async (command, args, answer) => {
    const { spawner } = await kept()
    const child = spawner.spawn({ command, args })
    child.stdin.write('a\n')
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await until(() => text === answer)
    child.stdin.end()
    expect(await withinHang(child.exited)).toEqual({ code: 0, signal: null })
  })

  it('lets a program wait for a reader that is slow, and passes all of a hundred megabytes', async () => {
    const { spawner } = await kept()
    const count = 100 * 2 ** 20
    const child = spawner.spawn({ command: 'sh', args: ['-c', `yes 0123456789 | head -c ${count}; echo end >&2`] })
    await until(() => child.stdout.readableLength > 0)
    let ahead = 0
    while (ahead !== child.bytesRead) {
      ahead = child.bytesRead
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    expect(ahead).toBeLessThan(2 ** 20)
    expect(child.stderrTail()).toBe('')
    const hash = createHash('sha256')
    for await (const chunk of child.stdout) hash.update(chunk as Buffer)
    expect(await withinHang(child.exited)).toEqual({ code: 0, signal: null })
    const wanted = createHash('sha256').update('0123456789\n'.repeat(Math.ceil(count / 11)).slice(0, count))
    expect([child.bytesRead, hash.digest('hex')]).toEqual([count, wanted.digest('hex')])
  })

  it.runIf(process.platform === 'linux')('keeps nothing open of what it has started', async () => {
    const { keeper, spawner } = await kept()
    const open = (): number => readdirSync(`/proc/${keeper.pid}/fd`).length
    await lineOf(spawner.spawn({ command: 'sh', args: ['-c', 'echo 1; sleep 1000'] }))
    const before = open()
    const children = Array.from({ length: 10 }, () => spawner.spawn({ command: 'sh', args: ['-c', 'echo 1; sleep 1000'] }))
    await Promise.all(children.map(lineOf))
    // It may have opened something of its own meanwhile, but not one for each.
    await until(() => open() < before + children.length)
    await Promise.all(children.map(end))
  })

  it('spares a process that is told to end before it has begun', async () => {
    const { keeper, spawner } = await kept()
    const child = spawner.spawn({ command: 'sleep', args: ['1000'] })
    expect([child.pid, child.signal('SIGINT'), child.signalGroup('SIGKILL')]).toEqual([undefined, false, true])
    expect(await withinHang(child.exited)).toEqual({ code: null, signal: 'SIGKILL' })
    await died(keeper)
    const waiting = spawner.spawn({ command: 'sleep', args: ['1000'] })
    expect(waiting.signal('SIGTERM')).toBe(true)
    expect((await withinHang(waiting.exited)).error?.message).toBe('"sleep" could not be started: it was ended before')
    await waiting.started
    expect(waiting.pid).toBeUndefined()
  })

  it('says that the working directory of the host is gone', async () => {
    const { spawner } = await kept()
    const { cwd } = process
    onTestFinished(() => void (process.cwd = cwd))
    process.cwd = () => { throw Object.assign(new Error('ENOENT: no such file or directory, uv_cwd'), { code: 'ENOENT' }) }
    const child = spawner.spawn({ command: 'true' })
    expect((await withinHang(child.exited)).error?.message).toContain('could not be started')
  })

  it('fails a process whose pipes are closed before it has begun', async () => {
    const { spawner } = await kept()
    const child = spawner.spawn({ command: 'cat' })
    child.stdout.destroy()
    expect((await withinHang(child.exited)).error?.message).toContain('could not be started')
  })
})

describe('a keeper that is killed', () => {
  it('leaves its processes to the next one, which ends nothing; those being started fail, those to come wait', async () => {
    const { keeper, spawner, problems } = await kept()
    const child = spawner.spawn({ command: 'cat' })
    await child.started
    const halfway = spawner.spawn({ command: 'sh', args: ['-c', 'sleep 1000'] })
    await died(keeper)
    expect((await withinHang(halfway.exited)).error?.message).toBe('"sh" could not be started: its keeper ended meanwhile')
    expect(problems).toEqual(['the keeper: Error: it was killed by SIGKILL; its 1 sessions go on'])

    const waiting = spawner.spawn({ command: 'cat' })
    waiting.stdin.end('later\n')
    expect(await lineOf(waiting)).toBe('later\n')
    expect(await withinHang(waiting.exited)).toEqual({ code: 0, signal: null })
    expect(child.exit).toBeUndefined()
    child.stdin.write('still here\n')
    expect(await lineOf(child)).toBe('still here\n')
    expect((await table.look()).marked((halfway as Child & { marker: string }).marker)).toEqual([])

    child.stdin.end()
    expect(await withinHang(child.exited)).toEqual({ code: null, signal: null, unseen: true })
  })

  it('is replaced when its folder was removed', async () => {
    const { keeper, spawner, problems } = await kept()
    const { pid } = keeper
    for (const folder of keeperFolders([pid!])) rmSync(folder, { recursive: true })
    const lost = spawner.spawn({ command: 'cat' })
    expect((await withinHang(lost.exited)).error?.message).toContain('the keeper lost its socket')
    await until(() => keeper.pid !== pid && keeper.pid !== undefined)
    const next = spawner.spawn({ command: 'true' })
    expect(await withinHang(next.exited)).toEqual({ code: 0, signal: null })
    expect(problems.length).toBe(1)
  })

  it('time and again is given up: what waits fails, what lives is watched on, what comes is started directly', async () => {
    const { keeper, spawner, problems, report } = await kept()
    const child = spawner.spawn({ command: 'cat' })
    await child.started
    const waiting: Child[] = []
    await until(() => {
      if (keeper.pid !== undefined) killIfThere(keeper.pid)
      else if (keeper.works) waiting.push(spawner.spawn({ command: 'true' }))
      return !keeper.works
    })
    expect(problems.at(-1)).toContain('From now on sessions are started by this process itself')
    for (const one of waiting) await withinHang(one.exited)
    await expect(keeper.join(report)).rejects.toThrow('given up')
    const direct = spawner.spawn({ command: 'true' })
    expect(direct.pid).toBeGreaterThan(0)
    expect(await withinHang(direct.exited)).toEqual({ code: 0, signal: null })
    child.signal('SIGKILL')
    expect(await withinHang(child.exited)).toMatchObject({ unseen: true })
  })

  it('is not replaced when its pools have closed meanwhile; what waits for it fails', async () => {
    const { keeper, spawner, report } = await kept()
    await died(keeper)
    const waiting = spawner.spawn({ command: 'true' })
    await withinHang(keeper.leave(report))
    expect((await withinHang(waiting.exited)).error?.message).toContain('the keeper was closed before')
    expect([keeper.pid, keeper.works]).toEqual([undefined, false])
  })
})

describe('a keeper that can not be started', () => {
  it('says why, and is of no use', async () => {
    const program = join(await tempFolder(), 'program.mjs')
    writeFileSync(program, 'process.exit(9)')
    const keeper = new Keeper({ clock: systemClock, table, program })
    await expect(keeper.join(() => undefined)).rejects.toThrow('it exited with code 9')
    expect(keeper.works).toBe(false)
    await keeper.leave(() => undefined)
  })

  it('again fails those who wait', async () => {
    const program = join(await tempFolder(), 'program.mjs')
    const real = new URL('../../../dist/src/keeper.js', import.meta.url).href
    writeFileSync(program, `await import(${JSON.stringify(real)})`)
    const { keeper, spawner, problems } = await kept({ program })
    rmSync(dirname(program), { recursive: true })
    await died(keeper)
    const waiting = spawner.spawn({ command: 'true' })
    expect((await withinHang(waiting.exited)).error?.message).toContain('there is no keeper any more')
    expect(problems.at(-1)).toMatch(/it exited with code 1.*From now on/s)
    expect(keeper.works).toBe(false)
  })
})

describe('the users of a keeper', () => {
  it('share it, and the last ends it', async () => {
    const { keeper, report } = await kept()
    const other = (): void => undefined
    await keeper.join(other)
    const { pid } = keeper
    await keeper.leave(report)
    expect(isAlive(pid!)).toBe(true)
    await keeper.leave(other)
    expect([isRunning(pid!), keeper.works]).toEqual([false, false])
    await keeper.leave(other)
  })
})
