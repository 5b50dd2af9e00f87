import { getEventListeners, setMaxListeners } from 'node:events'
import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, onTestFinished } from 'vitest'
import { evaluate, openPool, until } from '../support/real-pool.ts'

const CYCLES = 2_000
/** More than the pool remembers decisions. */
const WARM_UP = 1_200
const MB = 2 ** 20

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes in use after garbage is gone. */
async function heapInUse(): Promise<number> {
  // What hangs on finalizers takes more than one round.
  for (let round = 0; round < 3; round++) {
    collectGarbage()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}

/** What keeps the event loop busy, by kind. */
function activeResources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Warnings of Node, such as that of too many listeners on one emitter. */
function collectWarnings(): string[] {
  const warnings: string[] = []
  const collect = (warning: Error): void => void warnings.push(String(warning))
  process.on('warning', collect)
  onTestFinished(() => void process.off('warning', collect))
  return warnings
}

describe('a pool that is used for long', () => {
  it(`keeps nothing of ${CYCLES} acquires, requests and releases`, async () => {
    const warnings = collectWarnings()
    const often = { every: '100ms' } as const
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 2, spare: 0 }, metrics: often, health: often })
    const { signal } = new AbortController()
    const cycle = async (n: number): Promise<void> => {
      const lease = await pool.acquire({ key: 'k', signal, timeout: '20s' })
      expect(await lease.request({ code: String(n) }, { signal, timeout: '20s' })).toMatchObject({ value: n })
      if (n % 4 === 0) for await (const _event of lease.stream({ code: 'console.log(1)' }, { signal })) lease.onMessage(() => undefined)
      lease.release()
    }
    for (let n = 0; n < WARM_UP; n++) await cycle(n)
    const [heap, resources] = [await heapInUse(), activeResources()]
    for (let n = 0; n < CYCLES; n++) await cycle(n)

    // 1 KB a cycle would be 2 MB.
    expect(await heapInUse() - heap).toBeLessThan(MB)
    const after = activeResources()
    for (const kind of Object.keys({ ...resources, ...after })) {
      // Requests to the file system under way, of the sampler, come and go.
      if (!/^FS|^Immediate|^Tick/.test(kind)) expect(Math.abs((after[kind] ?? 0) - (resources[kind] ?? 0))).toBeLessThanOrEqual(3)
    }
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(warnings).toEqual([])
    expect(pool.getPoolStats()).toMatchObject({ started: 1, activeSessions: 0, acquires: { sameKey: WARM_UP + CYCLES - 1 } })
  }, 120_000)

  it('keeps nothing of callers who gave up', async () => {
    const warnings = collectWarnings()
    const { pool } = await openPool({ driver: { use: 'json-lines', command: 'cat' }, size: { max: 1, spare: 0 } })
    const holder = await pool.acquire()
    const { signal } = new AbortController()
    // So many who share it are on purpose.
    setMaxListeners(0, signal)
    const giveUp = async (round: number): Promise<void> => {
      const who = (n: number) => ({ tenant: `t${round}-${n}`, key: `k${n % 7}` })
      await Promise.allSettled(Array.from({ length: 500 }, (_, n) => pool.acquire({ ...who(n), signal, timeout: 1 })))
    }
    for (let round = 0; round < 4; round++) await giveUp(round)
    const heap = await heapInUse()
    for (let round = 4; round < 14; round++) await giveUp(round)
    expect(await heapInUse() - heap).toBeLessThan(MB)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(pool.getPoolStats()).toMatchObject({ waiting: 0, refusals: 7_000 })
    expect(warnings).toEqual([])
    holder.release()
  }, 60_000)

  it.runIf(process.platform === 'linux')('gives back pipes, timers and memory of the sessions that are gone', async () => {
    const { pool } = await openPool({ driver: { use: 'json-lines', command: 'cat' }, size: { max: 8, spare: 0 }, metrics: false })
    const descriptors = (): number => readdirSync('/proc/self/fd').length
    const use = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        await Promise.all(Array.from({ length: 8 }, (_, n) => pool.request({ n }, { tenant: `t${n}` })))
      }
      await until(() => pool.getPoolStats().size === 0)
    }
    await use(15)
    const [heap, open, resources] = [await heapInUse(), descriptors(), activeResources()]
    await use(15)
    expect(await heapInUse() - heap).toBeLessThan(MB)
    await until(() => {
      const after = activeResources()
      const handles = ['PipeWrap', 'ProcessWrap'].every((kind) => (after[kind] ?? 0) <= (resources[kind] ?? 0))
      return handles && (after['Timeout'] ?? 0) <= (resources['Timeout'] ?? 0) + 2 && descriptors() <= open + 2
    })
    expect(pool.getPoolStats().started).toBeGreaterThanOrEqual(240)
  }, 60_000)

  it('is gone from memory and from the event loop after close', async () => {
    const before = activeResources()
    const { pool } = await openPool({ driver: 'node-repl', size: { min: 2, max: 2 } })
    await pool.ready()
    await pool.use({ key: 'k' }, (lease) => evaluate(lease, '1'))
    await pool.close()
    // Handles are closed in later turns of the event loop.
    await until(() => {
      const after = activeResources()
      return ['PipeWrap', 'ProcessWrap', 'Timeout'].every((kind) => (after[kind] ?? 0) <= (before[kind] ?? 0))
    })
  })
})
