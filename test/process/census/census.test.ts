import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { createCensus, type Census, type CensusSeed } from '../../../src/process/census/census.ts'
import { ProcCensus } from '../../../src/process/census/proc-census.ts'
import { TableCensus } from '../../../src/process/census/table-census.ts'
import { ProcessTable } from '../../../src/process/tree/process-table.ts'
import { isAlive } from '../../support/real-pool.ts'
import { tempFolder } from '../../support/temp-folder.ts'

interface Started extends CensusSeed {
  /** Runs a line of shell in it; what that prints, as a number. */
  ask(line: string): Promise<number>
  readonly child: ChildProcess
}

let count = 0

/** A shell in a group of its own and with a mark, as a session has it. It is killed with the test, and so are the processes it told of. */
async function startSession(): Promise<Started> {
  const marker = `census-test-${process.pid}-${++count}`
  const child = spawn('sh', ['-c', 'while read -r line; do eval "$line"; done'], {
    stdio: ['pipe', 'pipe', 'inherit'], detached: true, env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], GREENROOM_SESSION: marker },
  })
  await once(child, 'spawn')
  const told: number[] = []
  onTestFinished(async () => {
    for (const pid of told) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    process.kill(-child.pid!, 'SIGKILL')
    await exited
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    pid: child.pid!, marker, child,
    async ask(line) {
      child.stdin.write(`${line}\n`)
      const pid = Number((await lines.next()).value)
      told.push(pid)
      return pid
    },
  }
}

async function pidsOf(census: Census, seeds: readonly CensusSeed[]): Promise<number[][]> {
  return [...(await census.take(seeds)).values()].map((members) => members.map(({ pid }) => pid))
}

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  while (!await check()) await new Promise((resolve) => setTimeout(resolve, 10))
}

const censuses: [string, () => Census][] = [
  ['by what is new in /proc', () => new ProcCensus()],
  ['by looks at all processes', () => new TableCensus(new ProcessTable({ clock: systemClock }))],
]

const PATIENT = { timeout: 20_000 }

describe.runIf(process.platform === 'linux').each(censuses)('the census %s', (_how, make) => {
  it('finds the processes of each session, its own first: children, those in other groups, and those whose parent is gone', async () => {
    const census = make()
    const [one, two] = [await startSession(), await startSession()]
    expect(await pidsOf(census, [one, two])).toEqual([[one.pid], [two.pid]])
    const child = await one.ask('sleep 1000 >/dev/null & echo $!')
    const escaped = await one.ask('(setsid sleep 1000 >/dev/null & echo $!)')
    const other = await two.ask('sleep 1000 >/dev/null & echo $!')
    // The shell in brackets may be there for a moment after it has answered.
    await expect.poll(async () => (await pidsOf(census, [one, two]))[0]!.length, PATIENT).toBe(3)
    const [first, second] = await pidsOf(census, [one, two])
    expect(first![0]).toBe(one.pid)
    expect(new Set(first)).toEqual(new Set([one.pid, child, escaped]))
    expect(second).toEqual([two.pid, other])
  })

  it('finds those that cleared their environment, and keeps them when their parent is gone', async () => {
    const census = make()
    const session = await startSession()
    const bare = await session.ask('env -i setsid /bin/sleep 1000 >/dev/null & echo $!')
    await until(() => readFileSync(`/proc/${bare}/cmdline`, 'latin1').startsWith('/bin/sleep'))
    expect(await pidsOf(census, [session])).toEqual([[session.pid, bare]])
    const exited = once(session.child, 'exit')
    session.child.kill('SIGKILL')
    await exited
    expect(await pidsOf(census, [session])).toEqual([[bare]])
  })

  it('leaves out who has ended, and does not take a stranger for a member', async () => {
    const census = make()
    const session = await startSession()
    const stranger = spawn('sleep', ['1000'], { stdio: 'ignore' })
    onTestFinished(() => void stranger.kill('SIGKILL'))
    const child = await session.ask('sleep 1000 >/dev/null & echo $!')
    expect((await pidsOf(census, [session]))[0]).toHaveLength(2)
    const [members] = (await census.take([session])).values()
    const member = members!.find(({ pid }) => pid === child)!
    expect(census.mayLive(member)).toBe(true)
    expect(census.mayLive({ ...member, startTime: member.startTime + 1 })).toBe(false)
    process.kill(child, 'SIGKILL')
    await until(() => !isAlive(child))
    // The shell has not collected it yet: it is there, and has ended.
    expect(census.mayLive(member)).toBe(false)
    expect((await pidsOf(census, [session]))[0]).toEqual([session.pid])
  })

  it('finds what a session within the session has started', async () => {
    const census = make()
    const session = await startSession()
    const inner = await session.ask(`(GREENROOM_SESSION=${session.marker}/x setsid sleep 1000 >/dev/null & echo $!)`)
    await expect.poll(async () => new Set((await pidsOf(census, [session]))[0]), PATIENT).toEqual(new Set([session.pid, inner]))
  })

  it('has nobody for a session that is gone', async () => {
    const census = make()
    const session = await startSession()
    const exited = once(session.child, 'exit')
    session.child.kill('SIGKILL')
    await exited
    expect(await pidsOf(census, [session])).toEqual([[]])
  })
})

describe('the census by what is new in /proc', () => {
  /** A /proc of a test's own. */
  class FakeProc {
    readonly root: string

    constructor(root: string) {
      this.root = root
    }

    put(pid: number, { ppid = 1, pgid = pid, startTime = 10, state = 'S', environ = '', flags = 0 }: {
      ppid?: number; pgid?: number; startTime?: number; state?: string; environ?: string; flags?: number
    } = {}): void {
      mkdirSync(join(this.root, String(pid)), { recursive: true })
      const rest = Array.from({ length: 49 }, (_, n) => n + 4)
      Object.assign(rest, { 0: ppid, 1: pgid, 2: pgid, 5: flags, 18: startTime })
      writeFileSync(join(this.root, String(pid), 'stat'), `${pid} (x) ${state} ${rest.join(' ')}\n`)
      writeFileSync(join(this.root, String(pid), 'environ'), environ)
    }

    remove(pid: number): void {
      rmSync(join(this.root, String(pid)), { recursive: true })
    }
  }

  const SEED = { pid: 100, marker: 'm/1' }
  const MARKED = 'A=b\0GREENROOM_SESSION=m/1\0'
  const fake = async () => {
    const proc = new FakeProc(await tempFolder())
    return { proc, census: new ProcCensus(proc.root) }
  }
  const found = async (census: Census, seeds: readonly CensusSeed[] = [SEED]): Promise<number[]> => (await pidsOf(census, seeds))[0]!.sort((a, b) => a - b)

  it('reads nobody again whom it knows', async () => {
    const { proc, census } = await fake()
    proc.put(100)
    proc.put(200, { environ: MARKED })
    expect(await found(census)).toEqual([100, 200])
    proc.put(200)
    proc.put(300, { ppid: 200, startTime: 11 })
    expect(await found(census)).toEqual([100, 200, 300])
  })

  it('finds a process that is listed before the parent through which it belongs', async () => {
    const { proc, census } = await fake()
    proc.put(100)
    proc.put(11, { ppid: 12, startTime: 12 })
    proc.put(12, { ppid: 13, startTime: 11 })
    proc.put(13, { ppid: 100 })
    expect(await found(census)).toEqual([11, 12, 13, 100])
  })

  it('takes none for a child that is older than its parent: the number is another\'s', async () => {
    const { proc, census } = await fake()
    proc.put(100, { startTime: 50 })
    proc.put(200, { ppid: 100, startTime: 20 })
    expect(await found(census)).toEqual([100])
  })

  it('finds out within sixty looks that a number has become another process\'s', async () => {
    const { proc, census } = await fake()
    proc.put(100)
    proc.put(200, { environ: MARKED })
    proc.put(300)
    expect(await found(census)).toEqual([100, 200])
    proc.put(200, { startTime: 99 })
    proc.put(300, { startTime: 99, environ: MARKED })
    for (let look = 0; look < 60; look++) await census.take([SEED])
    expect(await found(census)).toEqual([100, 300])
  })

  it('finds a session\'s process at once where its number was another\'s before, and whose mark comes later', async () => {
    const { proc, census } = await fake()
    proc.put(100, { startTime: 5 })
    proc.put(200, { environ: MARKED, startTime: 30 })
    expect(await pidsOf(census, [])).toEqual([])
    proc.put(100, { startTime: 20 })
    expect(await found(census)).toEqual([100, 200])
    expect((await census.take([SEED])).get(SEED)![0]).toMatchObject({ pid: 100, startTime: 20 })
  })

  it('gives the processes of a session that is gone to nobody else', async () => {
    const { proc, census } = await fake()
    proc.put(100)
    proc.put(200, { environ: MARKED })
    await census.take([SEED])
    proc.put(400)
    expect(await pidsOf(census, [{ pid: 400, marker: 'm/2' }])).toEqual([[400]])
  })

  it('leaves out the ended, threads of the kernel, and what is no process', async () => {
    const { proc, census } = await fake()
    proc.put(100)
    proc.put(200, { environ: MARKED, state: 'Z' })
    proc.put(300, { environ: MARKED, flags: 0x00200000 })
    mkdirSync(join(proc.root, 'sys'))
    expect(await found(census)).toEqual([100])
    proc.remove(200)
    expect(await found(census)).toEqual([100])
  })

  it('says so when it can not see: nobody is not what it found', async () => {
    const { proc, census } = await fake()
    proc.put(100)
    mkdirSync(join(proc.root, '200/stat'), { recursive: true })
    await expect(census.take([SEED])).rejects.toThrow('EISDIR')
    await expect(new ProcCensus('/nowhere').take([SEED])).rejects.toThrow('ENOENT')
  })

  it('reads many in slices', async () => {
    const { proc, census } = await fake()
    for (let pid = 100; pid < 350; pid++) proc.put(pid, pid === 100 ? {} : { environ: MARKED })
    let turns = 0
    const turn = (): void => void (turns++, pending && setImmediate(turn))
    let pending = true
    setImmediate(turn)
    expect(await found(census)).toHaveLength(250)
    pending = false
    expect(turns).toBeGreaterThan(0)
  })
})

describe('the census of this system', () => {
  it.runIf(process.platform === 'linux')('reads /proc on Linux', () => {
    expect(createCensus(systemClock)).toBeInstanceOf(ProcCensus)
  })
})
