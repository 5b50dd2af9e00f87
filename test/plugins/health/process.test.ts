import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import processPlugin, { ProcessCheck } from '../../../plugins/health/process.ts'
import { byPs, runStates } from '../../../plugins/health/parts/run-state.ts'
import type { HealthVerdict } from '../../../src/contracts/index.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { makeStrategy, problemsWith, sessionView } from '../../support/strategies.ts'

/** A folder that looks like /proc, in which processes can be stopped, or be zombies, as a test says. */
let proc: string
const never = new AbortController().signal

function put(pid: number | 'self', state: string): void {
  mkdirSync(join(proc, String(pid)), { recursive: true })
  writeFileSync(join(proc, String(pid), 'stat'), `${pid} (odd) name)) ${state} 1 2 3 0 -1 4194560`)
}

beforeAll(async () => {
  proc = await mkdtemp(join(tmpdir(), 'greenroom-proc-'))
  put('self', 'R')
})
afterAll(() => rm(proc, { recursive: true, force: true }))

function look(pid: number | undefined, clock = new ManualClock(), signal = never): Promise<HealthVerdict> {
  return new ProcessCheck(runStates(proc), clock, 1_000).check({ session: sessionView({ pid }), timeoutMs: 5_000, ping: () => Promise.resolve(true) }, signal)
}

/** Lets the check read, and time pass, until `done`. */
async function play(clock: ManualClock, done: () => boolean, each: () => void = () => undefined): Promise<void> {
  while (!done()) {
    await new Promise((resolve) => setImmediate(resolve))
    if (clock.pending === 0 || done()) continue
    each()
    clock.advance(5)
  }
}

describe('the health check process', () => {
  it.each(['R', 'S', 'D', 'I'])('calls a process healthy that is in state %s', async (state) => {
    put(10, state)
    expect(await look(10)).toEqual({ healthy: true, reason: 'its process runs' })
  })

  it('finds a zombie, and a process that is gone', async () => {
    put(11, 'Z')
    expect(await look(11)).toEqual({ healthy: false, reason: 'its process has ended and nobody has collected it (a zombie)' })
    put(12, 'X')
    expect((await look(12)).healthy).toBe(false)
    expect(await look(13)).toEqual({ healthy: false, reason: 'its process is gone' })
  })

  it('finds a process that is stopped all the time, and leaves no timer', async () => {
    put(14, 'T')
    const clock = new ManualClock()
    let verdict: HealthVerdict | undefined
    void look(14, clock).then((one) => (verdict = one))
    const begun = clock.now()
    await play(clock, () => verdict !== undefined)
    expect(verdict).toEqual({ healthy: false, reason: 'its process was stopped by a signal, for 1s at least' })
    expect(clock.now() - begun).toBe(1_000)
    expect(clock.pending).toBe(0)
  })

  it('calls a process healthy that is stopped for moments only, as a throttled one is', async () => {
    put(15, 't')
    const clock = new ManualClock()
    let verdict: HealthVerdict | undefined
    void look(15, clock).then((one) => (verdict = one))
    await play(clock, () => verdict !== undefined, () => {
      if (clock.now() > 1_500) put(15, 'S')
    })
    expect(verdict?.healthy).toBe(true)
  })

  it('ends when it is told to, while it watches a stopped process', async () => {
    put(16, 'T')
    const clock = new ManualClock()
    const controller = new AbortController()
    const looking = look(16, clock, controller.signal)
    await play(clock, () => clock.pending > 0)
    controller.abort(new Error('time is over'))
    await expect(looking).rejects.toThrow('time is over')
    expect(clock.pending).toBe(0)
  })

  it('finds nothing out where the process is not known, or the system does not tell', async () => {
    expect((await look(undefined)).healthy).toBeUndefined()
    mkdirSync(join(proc, '17', 'stat'), { recursive: true })
    expect((await look(17)).healthy).toBeUndefined()
    put(18, '')
    writeFileSync(join(proc, '18', 'stat'), '18 (x) ')
    expect((await look(18)).healthy).toBeUndefined()
  })

  it('looks at the processes of this system', async () => {
    const { strategy } = await makeStrategy('health', 'process', processPlugin)
    const healthy = async (pid: number, pong: boolean): Promise<boolean | undefined> =>
      (await strategy.check({ session: sessionView({ pid }), timeoutMs: 5_000, ping: () => Promise.resolve(pong) }, never)).healthy
    expect([await healthy(process.pid, false), await healthy(2 ** 30, true)]).toEqual([true, false])
  })

  it('refuses options it does not know', async () => {
    expect(await problemsWith('health', 'process', processPlugin, { stopped: '1s' })).toEqual([expect.stringContaining('stopped')])
  })
})

describe('a system without /proc', () => {
  it('is asked by ps', async () => {
    expect(runStates(join(proc, 'none')).pauseMs).toBeGreaterThan(5)
    const { read } = runStates(join(proc, 'none'))
    expect(await read(process.pid, never)).toBe('running')
    expect(await read(2 ** 22 + 1, never)).toBe('gone')
  })

  it('that has no ps tells nothing', async () => {
    expect(await byPs(join(proc, 'no-such-ps'))(process.pid, never)).toBeUndefined()
  })

  it('is no longer asked when the look is over', async () => {
    await expect(byPs()(process.pid, AbortSignal.abort(new Error('over')))).rejects.toThrow('over')
  })
})
