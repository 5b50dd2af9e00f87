import { readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import prlimit from '../../../plugins/limits/prlimit.ts'
import { runPrlimit } from '../../../plugins/limits/prlimit/command.ts'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { evaluate, openPool, pidOf, until } from '../../support/real-pool.ts'
import { makeStrategy, problemsWith, sessionView } from '../../support/strategies.ts'

const MB = 2 ** 20
const size = { max: 2, spare: 0 }
const OUTPUT = { stdoutBytes: 0 }

/** The soft limit, by the system. */
function limitOf(pid: number, name: string): number {
  const limit = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))![1]
  return limit === 'unlimited' ? Infinity : Number(limit)
}

describe.runIf(process.platform === 'linux')('the limit prlimit', () => {
  it('has the system hold the process of a session to what it is told, from its readiness on', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size, limits: { prlimit: { data: '200MB', cpuTime: '90s', files: 100, fileSize: '1MB' } } })
    const lease = await pool.acquire({ key: 'k' })
    const pid = pidOf(pool, lease)
    await until(() => limitOf(pid, 'Max file size') === MB)
    expect([limitOf(pid, 'Max cpu time'), limitOf(pid, 'Max open files')]).toEqual([90, 100])
    const data = Number(/^VmData:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1_024
    expect(Math.abs(limitOf(pid, 'Max data size') - data - 200 * MB)).toBeLessThan(100 * MB)
    expect(await evaluate(lease, 'globalThis.small = Buffer.alloc(50 * 2 ** 20, 1).length')).toBe(50 * MB)
    await expect(evaluate(lease, 'globalThis.large = Buffer.alloc(700 * 2 ** 20, 1).length')).rejects.toThrow(/allocation failed/)
  })

  it('tries again at the next measurement, once, when it could not be set; and not for a session that leaves', async () => {
    const problems: string[] = []
    const { strategy: limit } = await makeStrategy('limit', 'prlimit', prlimit, { files: 100 }, { clock: systemClock, report: (problem) => problems.push(String(problem)) })
    const starting = sessionView({ pid: 2 ** 30, readyAt: undefined })
    expect(limit.judge(starting, {}, OUTPUT)).toEqual({ action: 'ok' })
    const nobody = sessionView({ pid: 2 ** 30 })
    for (let n = 1; n <= 2; n++) {
      limit.judge(nobody, {}, OUTPUT)
      limit.judge(nobody, {}, OUTPUT)
      await until(() => problems.length === n)
    }
    expect(problems[0]).toMatch(/the limits of session s1 could not be set: .*prlimit/)
    limit.judge(sessionView({ pid: 2 ** 30, state: 'ending' }), {}, OUTPUT)
    limit.judge(sessionView({ pid: undefined }), {}, OUTPUT)
    limit.judge(starting, {}, OUTPUT)
    await runPrlimit(['--version'], systemClock)
    expect(problems).toHaveLength(2)
  })

  it('says what to do where there is no prlimit', async () => {
    const { PATH } = process.env
    onTestFinished(() => void (process.env['PATH'] = PATH))
    process.env['PATH'] = '/nowhere'
    await expect(makeStrategy('limit', 'prlimit', prlimit, { files: 100 })).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('install util-linux') })
  })

  it('refuses options that make no sense', async () => {
    expect(await problemsWith('limit', 'prlimit', prlimit, {})).toEqual(['give data, cpuTime, files or fileSize'])
    for (const options of [{ files: 1 }, { data: 0 }, { cpuTime: 1 }, { nofile: 5 }]) expect(await problemsWith('limit', 'prlimit', prlimit, options)).not.toEqual([])
  })

  it('waits for prlimit for a bounded time only', async () => {
    const timers: (() => void)[] = []
    const clock = { ...systemClock, setTimer: (callback: () => void) => (timers.push(callback), { cancel() {} }) }
    const run = runPrlimit(['1000'], clock, 'sleep')
    timers[0]!()
    await expect(run).rejects.toThrow('sleep')
  })
})
