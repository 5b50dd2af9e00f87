import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import pidusage from '../../../plugins/metrics/pidusage.ts'
import type { UsageSampler } from '../../../src/contracts/index.ts'
import { makeStrategy, problemsWith } from '../../support/strategies.ts'

const MB = 2 ** 20
/** More than the span a CPU share is taken over. */
const SPAN_MS = 400

const make = async (): Promise<UsageSampler> => (await makeStrategy('metrics', 'pidusage', pidusage)).strategy
/** What is told of a process. */
const FIGURES = { memoryBytes: expect.any(Number), cpuMs: expect.any(Number), ageMs: expect.any(Number) }

/** A real process, ended with the test. */
async function start(command: string, ...args: string[]): Promise<ChildProcess & { pid: number }> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child, 'spawn')
  onTestFinished(() => end(child))
  return child as ChildProcess & { pid: number }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** A process that has ended, and that its parent does not collect: it has become a program that knows nothing of it. */
async function startZombie(): Promise<number> {
  const parent = await start('sh', '-c', 'sleep 1000 & echo $!; exec cat')
  const lines = createInterface({ input: parent.stdout! })[Symbol.asyncIterator]()
  const pid = Number((await lines.next()).value)
  parent.stdin!.write('are you cat?\n')
  await lines.next()
  process.kill(pid, 'SIGKILL')
  return pid
}

/** Processes that run: while its program is being loaded, one has no memory. */
async function busy() {
  const child = await start(process.execPath, '-e', 'console.log(); for (;;) {}')
  await once(child.stdout!, 'data')
  return child
}

async function idle() {
  const child = await start('cat')
  child.stdin!.write('are you there?')
  await once(child.stdout!, 'data')
  return child
}

/** CPU time of the process so far, in milliseconds, as the system counts it. */
function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13)
  return (Number(user) + Number(system)) * 10
}

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  while (!await check()) await sleep(10)
}

describe('the sampler pidusage', () => {
  it('tells memory, CPU time and age', async () => {
    const sampler = await make()
    const { pid } = await busy()
    const [first] = (await sampler.sample([pid])).values()
    expect(first).toEqual(FIGURES)
    expect(first!.memoryBytes).toBeGreaterThan(20 * MB)
    expect(first!.memoryBytes).toBeLessThan(500 * MB)
    await sleep(SPAN_MS)
    const [second] = (await sampler.sample([pid])).values()
    expect(second!.cpuMs).toBeGreaterThan(first!.cpuMs!)
    expect(second!.ageMs! - first!.ageMs!).toBeGreaterThan(SPAN_MS / 2)
  })

  it.runIf(process.platform === 'linux')('tells the CPU time that the system has counted', async () => {
    const sampler = await make()
    const [working, sleeping] = await Promise.all([busy(), idle()])
    await sleep(SPAN_MS)
    const before = cpuMsOf(working.pid)
    const usages = await sampler.sample([working.pid, sleeping.pid])
    const after = cpuMsOf(working.pid)
    expect(usages.get(working.pid)!.cpuMs).toBeGreaterThanOrEqual(before)
    expect(usages.get(working.pid)!.cpuMs).toBeLessThanOrEqual(after)
    expect(usages.get(sleeping.pid)!.cpuMs).toBeLessThan(50)
  })

  it.runIf(process.platform === 'linux')('tells proportional memory, which is less than resident memory where some is shared', async () => {
    const sampler = await make()
    const [{ pid }, other] = await Promise.all([busy(), busy()])
    const resident = (await sampler.sample([pid])).get(pid)!.memoryBytes!
    const proportional = (await sampler.proportional!([pid, other.pid])).get(pid)!
    expect(proportional).toBeGreaterThan(MB)
    expect(proportional).toBeLessThan(resident)
  })

  it('leaves out who is gone, and measures the others all the same', async () => {
    const sampler = await make()
    const [living, dying] = await Promise.all([idle(), idle()])
    const pids = [living.pid, dying.pid]
    expect([...(await sampler.sample(pids)).keys()]).toEqual(pids)
    await end(dying)
    for (let look = 0; look < 3; look++) {
      const usages = await sampler.sample(pids)
      expect([...usages.keys()]).toEqual([living.pid])
      expect(usages.get(living.pid)?.memoryBytes).toBeGreaterThan(0)
    }
    // One that was never seen alive, and nobody but those who are gone.
    const stranger = await idle()
    await end(stranger)
    expect((await sampler.sample([stranger.pid, living.pid])).size).toBe(1)
    expect((await sampler.sample([stranger.pid])).size).toBe(0)
    expect((await sampler.sample([dying.pid])).size).toBe(0)
    expect((await sampler.sample([dying.pid, stranger.pid])).size).toBe(0)
    expect((await sampler.sample([])).size).toBe(0)
  })

  it('leaves out a process that has ended but was not collected: its memory is not 0', async () => {
    const sampler = await make()
    const zombie = await startZombie()
    const { pid } = await idle()
    await until(async () => !(await sampler.sample([zombie])).has(zombie))
    expect(() => process.kill(zombie, 0)).not.toThrow()
    expect([...(await sampler.sample([zombie, pid])).keys()]).toEqual([pid])
  })

  it('gives callers who ask at once the same figures', async () => {
    const sampler = await make()
    const { pid } = await busy()
    const [one, two, three] = await Promise.all([sampler.sample([pid]), sampler.sample([pid]), sampler.sample([pid, pid])])
    expect(one.get(pid)).toEqual(FIGURES)
    expect([two, three]).toEqual([one, one])
  })

  it('gives callers who ask at once about different processes each theirs', async () => {
    const sampler = await make()
    const [one, two, three] = await Promise.all([idle(), idle(), idle()])
    const [left, right] = await Promise.all([sampler.sample([one.pid, two.pid]), sampler.sample([three.pid, two.pid])])
    expect([...left.keys()]).toEqual([one.pid, two.pid])
    expect([...right.keys()]).toEqual([three.pid, two.pid])
  })

  it('tells running totals, whoever else asks pidusage', async () => {
    const { default: others } = await import('pidusage')
    const sampler = await make()
    const { pid } = await busy()
    const before = (await sampler.sample([pid])).get(pid)!.cpuMs!
    await sleep(SPAN_MS)
    await others(pid)
    expect((await sampler.sample([pid])).get(pid)!.cpuMs).toBeGreaterThan(before)
  })

  it('reports a failure that is none of a process, and goes on', async () => {
    const sampler = await make()
    const { pid } = await idle()
    await expect(sampler.sample([pid, -1])).rejects.toThrow('pid')
    expect((await sampler.sample([pid])).size).toBe(1)
  })

  it('has no options of its own', async () => {
    expect(await problemsWith('metrics', 'pidusage', pidusage, { every: '1s' })).toEqual([expect.stringContaining('every')])
  })
})
