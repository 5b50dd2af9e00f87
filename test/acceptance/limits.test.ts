import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { definePlugin, z, type Lease, type Pool, type PoolConfig, type Usage } from 'greenroom/kit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ProcfsSampler } from '../../plugins/metrics/procfs/sampler.ts'
import { isAlive, markOf, openPool, pidOf, processesMarked, until, type RealPool } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

const MB = 2 ** 20
const HOG: PoolConfig['driver'] = {
  use: 'json-lines', command: process.execPath, args: [fileURLToPath(new URL('../fixtures/hog.mjs', import.meta.url))], id: 'id', terminal: {},
}
const size = { max: 3, spare: 0 }

interface Opened extends RealPool {
  /** Every measurement, by session. */
  readonly usages: ReadonlyMap<string, Usage[]>
}

/** A pool that measures often; in the end nothing that has one of its sessions' marks is left. */
async function open(config: Omit<PoolConfig, 'driver'>): Promise<Opened> {
  const usages = new Map<string, Usage[]>()
  const marks = new Set<string>()
  const witness = definePlugin({
    name: 'usage-witness',
    apply: ({ hooks }) => {
      hooks.usage.tap('witness', ({ id, pid }, usage) => {
        const mark = pid === undefined ? undefined : markOf(pid)
        if (mark !== undefined) marks.add(mark)
        usages.set(id, [...(usages.get(id) ?? []), usage])
      })
    },
  })
  onTestFinished(async () => until(() => processesMarked(marks).length === 0))
  const metrics: PoolConfig['metrics'] = { use: 'procfs', every: '100ms', pssEvery: '300ms' }
  const opened = await openPool({ driver: HOG, size, metrics, ...config, plugins: [...(config.plugins ?? []), witness] })
  return { ...opened, usages }
}

async function ask<T>(lease: Lease, message: object): Promise<T> {
  return (await lease.request<{ answer: T }>(message)).answer
}

/** Asks for something that never comes: the request ends with the session. */
function endOf(lease: Lease) {
  return greenroomErrorOf(() => new Promise((_resolve, reject) => {
    if (lease.signal.aborted) reject(lease.signal.reason as Error)
    lease.signal.addEventListener('abort', () => reject(lease.signal.reason as Error), { once: true })
  }))
}

/** The CPU time that a process has used, in milliseconds: Linux counts hundredths of a second. */
function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13).map(Number)
  return (user! + system!) * 10
}

function decided(pool: Pool, pattern: RegExp): string | undefined {
  return pool.decisions().map(({ reason }) => reason).find((reason) => pattern.test(reason))
}

describe.runIf(process.platform === 'linux')('the measurement of a session', () => {
  it.each(['procfs', 'pidusage'] as const)('counts all processes of its tree, also one that has left its group and its parent (%s)', async (use) => {
    const { pool, usages } = await open({ metrics: { use, every: '100ms' } })
    const lease = await pool.acquire({ key: 'k' })
    await until(() => usages.get(lease.sessionId)?.at(-1)?.processes === 1)
    const alone = usages.get(lease.sessionId)!.at(-1)!.memoryBytes!
    const pid = await ask<number>(lease, { do: 'hoard', megabytes: 200 })
    await until(() => usages.get(lease.sessionId)!.at(-1)!.memoryBytes! > alone + 200 * MB)
    expect(usages.get(lease.sessionId)!.at(-1)!.processes).toBe(2)
    expect(pool.getSessionMetrics()[0]!.memoryUsage).toBeGreaterThan(alone + 200 * MB)
    process.kill(pid, 'SIGKILL')
    await until(() => usages.get(lease.sessionId)!.at(-1)!.processes === 1)
    await until(() => usages.get(lease.sessionId)!.at(-1)!.memoryBytes! < alone + 100 * MB)
  })

  it('counts the CPU time of a descendant that computes, and of many that each live for an instant', async () => {
    const { pool, usages } = await open({})
    const [lease, idle] = await Promise.all([pool.acquire({ key: 'busy' }), pool.acquire({ key: 'idle' })])
    await until(() => usages.get(lease.sessionId)?.at(-1)?.cpuPercent !== undefined)
    const pid = await ask<number>(lease, { do: 'burn' })
    await until(() => usages.get(lease.sessionId)!.at(-1)!.cpuPercent! > 20)
    process.kill(pid, 'SIGKILL')
    await until(() => usages.get(lease.sessionId)!.at(-1)!.cpuPercent! < 2)
    await ask(lease, { do: 'flicker', ms: 3_000 })
    await until(() => usages.get(lease.sessionId)!.at(-1)!.cpuPercent! > 10)
    expect(usages.get(idle.sessionId)!.at(-1)!.cpuPercent).toBeLessThan(10)
  })

  it('finds proportional memory of those that share theirs', async () => {
    const { pool, usages } = await open({})
    const lease = await pool.acquire({ key: 'k' })
    await ask(lease, { do: 'sharers', count: 4 })
    await until(() => (usages.get(lease.sessionId)?.at(-1)?.memoryBytes ?? 0) > 120 * MB)
    await until(() => {
      const { memoryBytes = 0, proportionalBytes = Infinity } = usages.get(lease.sessionId)!.at(-1)!
      return proportionalBytes > 10 * MB && proportionalBytes < memoryBytes * 0.7
    })
  })

  it('takes none where pssEvery is false', async () => {
    const { pool, usages } = await open({ metrics: { use: 'procfs', every: '50ms', pssEvery: false } })
    const lease = await pool.acquire({ key: 'k' })
    await until(() => (usages.get(lease.sessionId)?.length ?? 0) > 5)
    for (const usage of usages.get(lease.sessionId)!) expect(usage).not.toHaveProperty('proportionalBytes')
  })
})

describe.runIf(process.platform === 'linux')('limits.memory', () => {
  it('ends a session whose escaped grandchild grows past the hard limit, at the first measurement that shows it, and no other', async () => {
    const { pool, usages, endings } = await open({ limits: { memory: { hard: '250MB' } } })
    const [greedy, modest] = await Promise.all([pool.acquire({ key: 'greedy' }), pool.acquire({ key: 'modest' })])
    const pid = await ask<number>(greedy, { do: 'hoard', megabytes: 400 })
    const error = await endOf(greedy)
    expect(error).toMatchObject({ code: 'SESSION_MEMORY_LIMIT', limit: { name: 'limits.memory.hard', allowed: 250 * MB } })
    expect(error.limit!.used).toBeGreaterThanOrEqual(250 * MB)
    expect(error.message).toMatch(/it used \d+MB in 2 processes, its hard limit is 250MB \(limits\.memory\.hard\)/)
    await until(() => !isAlive(pid))
    // Measured, by all its processes: never twice past the limit.
    const past = usages.get(greedy.sessionId)!.filter(({ proportionalBytes = 0 }) => proportionalBytes >= 250 * MB)
    expect(past.length).toBeLessThanOrEqual(2)
    expect(decided(pool, /^end: it used \d+MB in 2 processes/)).toBeDefined()
    expect(await ask(modest, { do: 'nothing' })).toBeNull()
    expect([...endings.keys()]).toEqual([greedy.sessionId])
  })

  it('does not end one whose processes only seem to use as much, because they share it', async () => {
    const { pool, usages, endings } = await open({ limits: { memory: { hard: '200MB' } } })
    const lease = await pool.acquire({ key: 'k' })
    await ask(lease, { do: 'sharers', count: 7 })
    await until(() => (usages.get(lease.sessionId) ?? []).filter(({ memoryBytes = 0 }) => memoryBytes > 220 * MB).length > 5)
    expect(endings.size).toBe(0)
    expect(await ask(lease, { do: 'nothing' })).toBeNull()
  })
})

describe.runIf(process.platform === 'linux')('limits.cpu', () => {
  // Little, so that one core's worth of others on a busy machine does not keep it below.
  const cpu = { percent: 10, for: '500ms' } as const

  it('ends a session whose descendant computes for too long, with the figures', async () => {
    const { pool, endings } = await open({ limits: { cpu: { ...cpu, then: 'end' } } })
    const lease = await pool.acquire({ key: 'k' })
    const pid = await ask<number>(lease, { do: 'burn' })
    const error = await endOf(lease)
    expect(error).toMatchObject({ code: 'SESSION_CPU_LIMIT', limit: { name: 'limits.cpu.percent', allowed: 10 } })
    expect(error.limit!.used).toBeGreaterThan(10)
    await until(() => !isAlive(pid) && endings.get(lease.sessionId) === 'limit')
  })

  it('recycles it at its release', async () => {
    const { pool, endings } = await open({ limits: { cpu: { ...cpu, then: 'recycle' } } })
    const lease = await pool.acquire({ key: 'k' })
    const pid = await ask<number>(lease, { do: 'burn' })
    await until(() => decided(pool, /^recycle: it used \d+ % of a core over 500ms, its limit is 10 %/) !== undefined)
    expect(await ask(lease, { do: 'nothing' })).toBeNull()
    expect(endings.size).toBe(0)
    lease.release()
    await until(() => !isAlive(pid) && endings.get(lease.sessionId) === 'limit')
  })

  it('only reports it', async () => {
    const { pool, endings } = await open({ limits: { cpu: { ...cpu, then: 'report' } } })
    const lease = await pool.acquire({ key: 'k' })
    const pid = await ask<number>(lease, { do: 'burn' })
    await until(() => decided(pool, /^report: it used/) !== undefined)
    await ask(lease, { do: 'kill', pid })
    await until(() => decided(pool, /^ok: limits\.cpu is kept again/) !== undefined)
    expect(endings.size).toBe(0)
  })

  it('throttles it to what it may use, and lets it go when it wants no more', async () => {
    const { pool, usages, endings } = await open({ limits: { cpu: { percent: 10, for: '500ms', then: 'throttle' } }, timeouts: { silence: '20s' } })
    const lease = await pool.acquire({ key: 'k' })
    const pid = await ask<number>(lease, { do: 'burn' })
    await until(() => decided(pool, /^throttle: /) !== undefined)
    const measured = usages.get(lease.sessionId)!.length
    const after = (count: number): Promise<void> => until(() => usages.get(lease.sessionId)!.length >= measured + count)
    await after(10)
    const [since, usedBefore] = [performance.now(), cpuMsOf(pid)]
    await after(50)
    const share = (cpuMsOf(pid) - usedBefore) / (performance.now() - since)
    expect(share).toBeGreaterThan(0.01)
    // The least it is held to is a tenth; without it would have what the machine has to give.
    expect(share).toBeLessThan(0.3)
    // It answers all the while.
    for (let n = 0; n < 5; n++) expect(await ask(lease, { do: 'nothing' })).toBeNull()
    await ask(lease, { do: 'kill', pid })
    await until(() => decided(pool, /^ok: limits\.cpu is kept again/) !== undefined)
    expect(endings.size).toBe(0)
  })

  it('lets a throttled one go before it is ended', async () => {
    const { pool, endings } = await open({ limits: { cpu: { ...cpu, then: 'throttle' } } })
    const lease = await pool.acquire({ key: 'k' })
    const root = pidOf(pool, lease)
    const pid = await ask<number>(lease, { do: 'burn' })
    await until(() => decided(pool, /^throttle: /) !== undefined)
    await pool.close({ grace: 0 })
    expect(endings.get(lease.sessionId)).toBe('closed')
    expect([isAlive(root), isAlive(pid)]).toEqual([false, false])
  })
})

describe.runIf(process.platform === 'linux')('limits.processes', () => {
  it('ends a session that has too many, all of them', async () => {
    const { pool } = await open({ limits: { processes: { max: 10 } } })
    const [lease, other] = await Promise.all([pool.acquire({ key: 'k' }), pool.acquire({ key: 'other' })])
    await ask(lease, { do: 'sleepers', count: 5 })
    const ended = endOf(lease)
    // It may be over before it has answered.
    void ask(lease, { do: 'sleepers', count: 20 }).catch(() => undefined)
    const error = await ended
    expect(error).toMatchObject({ code: 'SESSION_LIMIT', limit: { name: 'limits.processes.max', allowed: 10 } })
    expect(error.limit!.used).toBeGreaterThan(10)
    expect(await ask(other, { do: 'nothing' })).toBeNull()
  })
})

describe('limits.output', () => {
  it('ends a session that floods stderr', async () => {
    const { pool } = await open({ limits: { output: { perSecond: '1MB', for: '300ms' } } })
    const [lease, other] = await Promise.all([pool.acquire({ key: 'k' }), pool.acquire({ key: 'other' })])
    const asked = greenroomErrorOf(() => lease.request({ do: 'wail', bytes: 2 ** 40 }))
    expect(await asked).toMatchObject({ code: 'SESSION_LIMIT', limit: { name: 'limits.output.perSecond', allowed: MB } })
    expect(await ask(other, { do: 'nothing' })).toBeNull()
  })

  it('ends a session that writes too much in one lease, not one that does so in two', async () => {
    const { pool, usages } = await open({ limits: { output: { perLease: '3MB', of: 'stdout' } } })
    const told = async (lease: Lease): Promise<void> => {
      const { length } = usages.get(lease.sessionId) ?? []
      await until(() => usages.get(lease.sessionId)!.length > length + 2)
    }
    for (let n = 0; n < 2; n++) {
      await pool.use({ key: 'k' }, async (lease) => {
        await until(() => usages.has(lease.sessionId))
        await ask(lease, { do: 'shout', bytes: 2 * MB })
        await ask(lease, { do: 'wail', bytes: 2 * MB })
        await told(lease)
        expect(lease.signal.aborted).toBe(false)
      })
    }
    const lease = await pool.acquire({ key: 'k' })
    const ended = endOf(lease)
    void ask(lease, { do: 'shout', bytes: 4 * MB }).catch(() => undefined)
    expect(await ended).toMatchObject({ code: 'SESSION_LIMIT', limit: { name: 'limits.output.perLease', allowed: 3 * MB } })
  })
})

describe.runIf(process.platform === 'linux')('what can not be measured', () => {
  it('is judged by no limit: one process that is unknown makes its session unknown', async () => {
    const unseen = new Set<number>()
    const blind = definePlugin({
      name: 'blind',
      apply: (kernel) => kernel.strategy('metrics', 'blind', {
        description: 'Sees everybody but a few.',
        options: z.strictObject({}),
        create: ({}, { clock, report }) => {
          const sampler = new ProcfsSampler({ clock, report, descriptors: 10 })
          return { sample: (pids) => sampler.sample(pids.filter((pid) => !unseen.has(pid))), close: () => sampler.close() }
        },
      }),
    })
    const limits: PoolConfig['limits'] = { memory: { hard: '250MB' }, cpu: { percent: 60, for: '300ms', then: 'end' }, processes: { max: 5 } }
    const { pool, endings } = await open({ metrics: { use: 'blind', every: '50ms' } as never, limits, plugins: [blind] })
    const [lease, known] = await Promise.all([pool.acquire({ key: 'unknown' }), pool.acquire({ key: 'known' })])
    await until(() => pool.getPoolStats().measuredSessions === 2)
    // Hidden before it can have been seen: it hoards only when it has started.
    unseen.add(pidOf(pool, lease))
    await until(() => pool.getPoolStats().measuredSessions === 1)
    unseen.add(await ask<number>(lease, { do: 'hoard', megabytes: 400 }))
    unseen.delete(pidOf(pool, lease))
    await ask(lease, { do: 'sleepers', count: 10 })
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect([...endings.keys()]).toEqual([])
    const metrics = pool.getSessionMetrics().find(({ sessionId }) => sessionId === lease.sessionId)
    expect(metrics).not.toHaveProperty('memoryUsage')
    expect(metrics).not.toHaveProperty('cpuUsage')
    expect(pool.getSessionMetrics().find(({ sessionId }) => sessionId === known.sessionId)).toHaveProperty('memoryUsage')
    unseen.clear()
    await until(() => endings.get(lease.sessionId) === 'limit')
  })
})
