import { describe, expect, it } from 'vitest'
import { type Limit, type LimitVerdict, type Pool, type ProcessUsage, type SessionView, z } from '../../src/contracts/index.ts'
import type { InMemoryWorld } from '../../src/testing/index.ts'
import { scene, states, watched } from '../pool/scene.ts'

const end: LimitVerdict = { action: 'end', code: 'SESSION_LIMIT', reason: 'too much', limit: { name: 'limits.test', used: 2, allowed: 1 } }
const hold = (share: number): LimitVerdict => ({ action: 'throttle', share, percent: 50, reason: `held to ${share}` })

interface Sampled {
  usage?: ProcessUsage
  proportional?: (pids: readonly number[]) => Promise<ReadonlyMap<number, number>>
}

/** A pool whose limits, and whose sampler, say what the test says. */
async function open(limits: Readonly<Record<string, Limit | Limit['judge']>>, { usage = { memoryBytes: 100 }, proportional }: Sampled = {}, pssEvery: number | false = false) {
  const made = await scene({
    size: { spare: 0 }, metrics: { use: 'told', every: '1s', pssEvery } as never, limits: Object.fromEntries(Object.keys(limits).map((name) => [name, {}])) as never,
    timeouts: { silence: false },
  }, {
    apply(kernel) {
      const options = z.strictObject({})
      for (const [name, limit] of Object.entries(limits)) {
        kernel.strategy('limit', name, { description: 'test', options, create: () => (typeof limit === 'function' ? { judge: limit } : limit) })
      }
      kernel.strategy('metrics', 'told', {
        description: 'test',
        options,
        create: () => ({ sample: async (pids) => new Map(pids.map((pid) => [pid, usage])), ...(proportional && { proportional }) }),
      })
    },
  })
  return made
}

function said(pool: Pool): string[] {
  return pool.decisions().filter(({ kind, reason }) => kind === 'limit' || reason.startsWith('recycle') || reason.startsWith('end')).map(({ kind, reason }) => `${kind} ${reason}`)
}

function signalsOf(world: InMemoryWorld, session: { readonly sessionId: string }): readonly string[] {
  return world.control.program(session.sessionId).child.signals
}

describe('several limits', () => {
  it('are all asked each time, and the severest verdict holds', async () => {
    const asked: string[] = []
    const { pool, clock } = await open({
      one: () => (asked.push('one'), { action: 'report', reason: 'much' }),
      two: () => (asked.push('two'), end),
      three: () => (asked.push('three'), { action: 'recycle', reason: 'worn' }),
    })
    const lease = await pool.acquire({ key: 'k' })
    await clock.advance(1_000)
    expect(asked).toEqual(['one', 'two', 'three'])
    expect(lease.signal.reason).toMatchObject({ code: 'SESSION_LIMIT', limit: { name: 'limits.test', used: 2, allowed: 1 } })
    expect(said(pool)).toEqual(['limit report: much', 'end end: too much', 'end recycle: worn'])
    expect((lease.signal.reason as Error & { toJSON(): unknown }).toJSON()).toMatchObject({ limit: { used: 2 } })
  })

  it('note a verdict when it comes and when it is over, not while it goes on', async () => {
    const verdicts: LimitVerdict[] = [{ action: 'ok' }, { action: 'report', reason: 'much' }, { action: 'report', reason: 'more' }, { action: 'ok' }, { action: 'ok' }]
    const { pool, clock } = await open({ test: () => verdicts.shift() ?? { action: 'ok' } })
    await pool.acquire({ key: 'k' })
    await clock.advance(6_000)
    expect(said(pool)).toEqual(['limit report: much', 'limit ok: limits.test is kept again'])
    expect(states(pool)).toEqual(['leased'])
  })

  it('that throttle to nothing are broken', async () => {
    const { pool, clock, problems } = await open({ test: () => hold(0) })
    const lease = await pool.acquire({ key: 'k' })
    await clock.advance(1_000)
    expect(problems[0]!.where).toBe("a limit's judge")
    expect(lease.signal.aborted).toBe(false)
  })
})

describe('a throttled session', () => {
  it('runs for its share of the time, until the limit lets it go', async () => {
    let verdict: LimitVerdict = hold(0.25)
    const world = await open({ test: () => verdict, milder: () => hold(0.9) })
    const lease = await world.pool.acquire({ key: 'k' })
    await world.clock.advance(1_000)
    expect(signalsOf(world, lease)).toEqual([])
    await world.clock.advance(25)
    expect(signalsOf(world, lease)).toEqual(['SIGSTOP'])
    await world.clock.advance(74)
    expect(signalsOf(world, lease)).toEqual(['SIGSTOP'])
    await world.clock.advance(1)
    expect(signalsOf(world, lease)).toEqual(['SIGSTOP', 'SIGCONT'])
    verdict = hold(0.05)
    await world.clock.advance(900)
    const before = signalsOf(world, lease).length
    // No less than a tenth.
    await world.clock.advance(100)
    expect(signalsOf(world, lease).length).toBe(before + 2)
    verdict = { action: 'ok' }
    await world.clock.advance(2_000)
    const { length } = signalsOf(world, lease)
    expect(signalsOf(world, lease).at(-1)).toBe('SIGCONT')
    await world.clock.advance(95)
    expect(signalsOf(world, lease).length - length).toBeLessThanOrEqual(2)
  })

  it('is let go when nothing holds it any more, and stays so', async () => {
    let verdict: LimitVerdict = hold(0.5)
    const world = await open({ test: () => verdict })
    const lease = await world.pool.acquire({ key: 'k' })
    await world.clock.advance(1_960)
    expect(signalsOf(world, lease).at(-1)).toBe('SIGSTOP')
    verdict = { action: 'ok' }
    await world.clock.advance(40)
    const { length } = signalsOf(world, lease)
    expect(signalsOf(world, lease).at(-1)).toBe('SIGCONT')
    await world.clock.advance(5_000)
    expect(signalsOf(world, lease)).toHaveLength(length)
  })

  it('is let go before it is ended: what stands still hears no goodbye', async () => {
    const world = await open({ test: () => hold(0.5) })
    const lease = await world.pool.acquire({ key: 'k' })
    await world.clock.advance(1_060)
    expect(signalsOf(world, lease)).toEqual(['SIGSTOP'])
    lease.destroy()
    await world.clock.settle()
    expect(signalsOf(world, lease)[1]).toBe('SIGCONT')
    await world.clock.advance(5_000)
    expect(signalsOf(world, lease)).not.toContain('SIGKILL')
    expect(states(world.pool)).toEqual([])
  })

  it('is let go when the pool is closed', async () => {
    const world = await open({ test: () => hold(0.5) })
    const lease = await world.pool.acquire({ key: 'k' })
    await world.clock.advance(1_060)
    const closed = watched(world.pool.close())
    await world.clock.advance(30_000)
    expect(closed.state).toBe('resolved')
    expect(signalsOf(world, lease)[1]).toBe('SIGCONT')
  })

  it('is held by the system where a limit can have it do so, and by signals where that fails', async () => {
    const asked: [string, number | undefined][] = []
    let works = true
    const holder = (name: string, can: () => boolean): Limit => ({
      judge: () => ({ action: 'ok' }),
      throttle: ({ id }: SessionView, percent) => (asked.push([`${name} ${id.split('-')[1]!}`, percent]), can()),
    })
    let verdict: LimitVerdict = hold(0.5)
    const world = await open({
      cannot: holder('cannot', () => false), can: holder('can', () => works), test: () => verdict,
      broken: { judge: () => ({ action: 'ok' }), throttle: () => { throw new Error('a bug') } },
    })
    const lease = await world.pool.acquire({ key: 'k' })
    await world.clock.advance(3_000)
    expect(asked).toEqual([['cannot 1', 50], ['can 1', 50]])
    expect(signalsOf(world, lease)).toEqual([])
    verdict = { action: 'ok' }
    await world.clock.advance(1_000)
    expect(asked.slice(2)).toEqual([['cannot 1', undefined], ['can 1', undefined]])
    works = false
    verdict = hold(0.5)
    await world.clock.advance(1_060)
    expect(signalsOf(world, lease)).toEqual(['SIGSTOP'])
    expect(world.problems.at(-1)!.where).toBe("a limit's throttle")
  })
})

describe('proportional memory', () => {
  const usage = { memoryBytes: 100 }

  it('is measured of each session once in a while, evenly spread, and told with its measurements', async () => {
    const batches: number[] = []
    const { pool, clock } = await open({}, { usage, proportional: async (pids) => (batches.push(pids.length), new Map(pids.map((pid) => [pid, 40]))) }, 4_000)
    for (let n = 0; n < 8; n++) await pool.acquire({ key: `k${n}` })
    await clock.advance(12_000)
    expect(batches).toEqual([2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    const seen: unknown[] = []
    await pool.closeWhere((session) => (seen.push(session.usage), false))
    expect(seen).toEqual(Array.from({ length: 8 }, () => ({ memoryBytes: 100, proportionalBytes: 40 })))
  })

  it('is measured at once where a limit would act on resident memory, and only again when it may have grown', async () => {
    const judged: (number | undefined)[] = []
    const measured: number[] = []
    const figures = { memoryBytes: 100, proportional: 40 }
    const { pool, clock } = await open({ test: { exactMemoryFrom: 80, judge: (_session, { proportionalBytes }) => (judged.push(proportionalBytes), { action: 'ok' }) } }, {
      get usage() {
        return figures
      },
      proportional: async (pids) => (measured.push(figures.proportional), new Map(pids.map((pid) => [pid, figures.proportional]))),
    }, 60_000)
    await pool.acquire({ key: 'k' })
    await clock.advance(3_000)
    expect([judged, measured]).toEqual([[40, 40, 40], [40]])
    Object.assign(figures, { memoryBytes: 139, proportional: 75 })
    await clock.advance(1_000)
    expect([judged.slice(3), measured]).toEqual([[40], [40]])
    figures.memoryBytes = 150
    await clock.advance(1_000)
    expect([judged.slice(4), measured]).toEqual([[75], [40, 75]])
  })

  it.each<[string, Required<Sampled>['proportional']]>([
    ['rejects', () => Promise.reject(new Error('no'))],
    ['throws', () => {
      throw new Error('a bug')
    }],
    ['leaves one out', async () => new Map()],
  ])('is unknown when the sampler %s', async (_what, proportional) => {
    const { pool, clock } = await open({}, { usage, proportional }, 2_000)
    await pool.acquire({ key: 'k' })
    await clock.advance(3_000)
    expect(pool.getPoolStats()).toMatchObject({ measuredSessions: 1, memoryUsage: 100 })
    await pool.closeWhere((session) => {
      expect(session.usage).toEqual({ memoryBytes: 100 })
      return false
    })
  })

  it('that hangs holds nothing up for long, and is not asked for again meanwhile', async () => {
    let asked = 0
    const { pool, clock, problems } = await open({}, { usage, proportional: () => (asked++, new Promise(() => undefined)) }, 2_000)
    await pool.acquire({ key: 'k' })
    await clock.advance(30_000)
    expect(asked).toBe(1)
    expect(problems.map(({ where }) => where)).toEqual(['measuring proportional memory'])
    expect(pool.getPoolStats()).toMatchObject({ measuredSessions: 1 })
  })
})
