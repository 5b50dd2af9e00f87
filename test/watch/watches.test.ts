import { describe, expect, it } from 'vitest'
import { type HealthCheck, type Limit, type UsageSampler, z } from '../../src/contracts/index.ts'
import { notesOf, scene, states, watched } from '../pool/scene.ts'

const endReasons = (pool: { decisions(): { kind: string; reason: string }[] }): string[] =>
  pool.decisions().filter(({ kind }) => kind === 'end').map(({ reason }) => reason.split(':')[0]!)

describe('health', () => {
  const HEALTH = { every: 1_000, timeout: 200 } as const

  it.each([['fails', { ms: 5, fails: true }], ['hangs', { ms: Infinity }]])('ends an idle session whose ping %s, and it is replaced', async (_what, ping) => {
    const { pool, clock, programs } = await scene({ size: { min: 1, max: 2 }, health: HEALTH })
    await clock.advance(3_000)
    expect(pool.getPoolStats().started).toBe(1)
    programs[0]!.child.behaviour.ping = ping
    await clock.advance(1_500)
    expect(endReasons(pool)).toEqual(['unhealthy'])
    expect(states(pool)).toEqual(['idle'])
    expect(programs[0]!.child.signals).toEqual(['SIGKILL'])
  })

  it('never counts as use, and does not keep a session alive (INV 26)', async () => {
    const { pool, clock, programs } = await scene({ size: { spare: 0 }, health: HEALTH, timeouts: { idle: 5_000 } })
    await pool.use({ key: 'k' }, () => undefined)
    const before = pool.getSessionMetrics()[0]!
    await clock.advance(4_999)
    expect(programs[0]!.pings).toBeGreaterThan(3)
    expect(pool.getSessionMetrics()[0]).toEqual({ ...before, status: 'idle' })
    // After a probe the rest of its idle time is rounded up to a hundredth of the whole.
    await clock.advance(1 + 50)
    expect(states(pool)).toEqual([])
  })

  it('ends a session whose idle time is over during the probe', async () => {
    const { pool, clock } = await scene(
      { size: { spare: 0 }, health: { every: 1_000, timeout: 900 }, timeouts: { idle: 3_000 } }, { behaviour: { ping: { ms: 800 } } },
    )
    await pool.use({ key: 'k' }, () => undefined)
    await clock.advance(4_000)
    expect(endReasons(pool)).toEqual(['idle'])
  })

  it('allows as many failures in a row as configured', async () => {
    const { pool, clock, programs } = await scene({ size: { min: 1 }, health: { ...HEALTH, failures: 3 } }, { behaviour: { ping: { ms: 0, fails: true } } })
    await clock.advance(2_050)
    expect(endReasons(pool)).toEqual([])
    programs[0]!.child.behaviour.ping = { ms: 0 }
    await clock.advance(1_200)
    programs[0]!.child.behaviour.ping = { ms: 0, fails: true }
    await clock.advance(2_100)
    expect(endReasons(pool)).toEqual([])
    await clock.advance(2_000)
    expect(endReasons(pool)).toEqual(['unhealthy'])
  })

  it('forgets failures after as many good looks in a row as configured', async () => {
    const { pool, clock, programs } = await scene(
      { size: { min: 1 }, health: { ...HEALTH, failures: 2, successes: 3 } }, { behaviour: { ping: { ms: 0, fails: true } } },
    )
    const look = async (fails: boolean): Promise<void> => {
      const { pings, child } = programs[0]!
      child.behaviour.ping = { ms: 0, fails }
      while (programs[0]!.pings === pings) await clock.advance(10)
    }
    for (const fails of [true, false, false]) await look(fails)
    expect(endReasons(pool)).toEqual([])
    await look(true)
    expect(endReasons(pool)).toEqual(['unhealthy'])
  })

  it('counts good looks anew after a failed one, and forgets for good', async () => {
    const { pool, clock, programs } = await scene({ size: { min: 1 }, health: { ...HEALTH, failures: 2, successes: 2 } })
    for (const fails of [true, false, false, true, false, false, true]) {
      const { pings, child } = programs[0]!
      child.behaviour.ping = { ms: 0, fails }
      while (programs[0]!.pings === pings) await clock.advance(10)
    }
    expect(endReasons(pool)).toEqual([])
  })

  it('offers a session that is being probed to nobody, and to who waits right after', async () => {
    const { pool, clock } = await scene({ size: { max: 1 }, health: HEALTH }, { behaviour: { ping: { ms: 150 } } })
    for (let ms = 0; states(pool)[0] !== 'checking' && ms < 2_000; ms += 10) await clock.advance(10)
    const waiting = watched(pool.acquire())
    await clock.settle()
    expect(waiting.state).toBe('pending')
    await clock.advance(150)
    expect(waiting.state).toBe('resolved')
  })

  it('leaves leased sessions alone, and those of which nothing can be found out', async () => {
    const { pool, clock, programs } = await scene({ size: { min: 1, spare: 0 }, health: HEALTH })
    const lease = await pool.acquire()
    await clock.advance(10_000)
    expect(programs[0]!.pings).toBe(0)
    expect(lease.signal.aborted).toBe(false)
    const blind = await scene({ size: { min: 1 }, health: HEALTH }, { capabilities: {} })
    await blind.clock.advance(10_000)
    expect(states(blind.pool)).toEqual(['idle'])
  })

  it.each<[string, HealthCheck['check']]>([
    ['throws', () => {
      throw new Error('a bug')
    }],
    ['answers nonsense', () => Promise.resolve(undefined as never)],
  ])('by a check that %s counts as a failure, and harms nothing else', async (_what, check) => {
    const { pool, clock } = await scene({ size: { min: 1 }, health: { use: 'test', ...HEALTH } as never }, {
      apply: (kernel) => kernel.strategy('health', 'test', { description: 'test', options: z.strictObject({}), create: () => ({ check }) }),
    })
    await clock.advance(1_500)
    expect(endReasons(pool)[0]).toBe('unhealthy')
  })
})

describe('timeouts.total', () => {
  it('ends an idle session at an age drawn at its birth, so that a cohort does not go together (INV 23)', async () => {
    const { pool, clock } = await scene({ size: { min: 5, max: 10 }, timeouts: { total: 100_000 }, health: false })
    await clock.advance(89_999)
    expect(pool.getPoolStats().started).toBe(5)
    const ages: number[] = []
    for (let second = 0; second < 11; second++) {
      await clock.advance(1_000)
      ages.push(pool.getPoolStats().started)
    }
    expect(ages.at(-1)).toBe(10)
    expect(new Set(ages).size).toBeGreaterThan(2)
    expect(new Set(endReasons(pool))).toEqual(new Set(['aged']))
  })

  it('never cuts a lease short, and ends the session at its release, also one of the minimum (INV 21)', async () => {
    const { pool, clock } = await scene({ size: { min: 1, max: 2, spare: 0 }, timeouts: { total: 10_000 } })
    const lease = await pool.acquire({ key: 'k' })
    await clock.advance(20_000)
    expect(lease.signal.aborted).toBe(false)
    lease.release()
    await clock.settle()
    expect((await pool.acquire({ key: 'k' })).sessionId).not.toBe(lease.sessionId)
  })

  it.each([
    ['was being reset', { reset: { ms: 3_000 } }, { settle: '5s' as const }, false],
    ['was being probed', { ping: { ms: 3_000 } }, {}, { every: 9_000, timeout: 4_000 }],
    ['was starting', { start: { ms: 11_000 } }, {}, false],
  ] as const)('ends a session that %s when its time came', async (what, behaviour, timeouts, health) => {
    const { pool, clock, programs } = await scene(
      { size: { max: 1, min: what === 'was being reset' ? 0 : 1, spare: 0 }, timeouts: { total: 10_000, ...timeouts }, health }, { behaviour: {} })
    Object.assign(programs[0]?.child.behaviour ?? {}, behaviour)
    if (what === 'was starting') {
      const slow = await scene({ size: { min: 1, max: 1 }, timeouts: { total: 10_000 }, health: false }, { behaviour })
      await slow.clock.advance(11_500)
      expect(endReasons(slow.pool)).toEqual(['aged'])
      return
    }
    if (what === 'was being reset') {
      const lease = watched(pool.acquire())
      await clock.settle()
      Object.assign(programs[0]!.child.behaviour, behaviour)
      await clock.advance(8_000)
      lease.value!.release()
    }
    await clock.advance(13_500)
    expect(endReasons(pool)[0]).toBe('aged')
    expect(programs[0]!.child.alive).toBe(false)
    const next = watched(pool.acquire())
    await clock.advance(4_000)
    expect(next.state).toBe('resolved')
  })
})

describe('maxUses', () => {
  it('ends a session after so many leases, busy or of the minimum (INV 21)', async () => {
    const { pool, clock } = await scene({ size: { min: 1, max: 1 }, maxUses: 2 })
    const ids: string[] = []
    for (let round = 0; round < 4; round++) {
      await pool.use({ key: 'k' }, ({ sessionId }) => void ids.push(sessionId))
      await clock.settle()
    }
    expect(ids[0]).toBe(ids[1])
    expect(ids[2]).toBe(ids[3])
    expect(ids[1]).not.toBe(ids[2])
    expect(endReasons(pool)).toEqual(['worn', 'worn'])
  })
})

describe('timeouts.idle', () => {
  it('begins for a claimed spare at its claim, not at its birth', async () => {
    const { pool, clock } = await scene({ size: { spare: 1 }, timeouts: { idle: 10_000 }, health: false })
    await clock.advance(9_000)
    await pool.use({ key: 'k' }, () => undefined)
    await clock.advance(9_999)
    expect(pool.getSessionMetrics().some(({ key }) => key === 'k')).toBe(true)
    await clock.advance(1)
    expect(pool.getSessionMetrics().some(({ key }) => key === 'k')).toBe(false)
  })
})

describe('timeouts.silence', () => {
  const CONFIG = { size: { spare: 0 }, timeouts: { silence: 4_000 } } as const

  it('finds a session that says nothing while it should be working, leased or not (INV 17)', async () => {
    const { pool, clock, control } = await scene(CONFIG)
    const lease = await pool.acquire({ key: 'k' })
    const asked = watched(lease.request({ op: 'hang' }))
    await clock.advance(3_999)
    expect(asked.state).toBe('pending')
    await clock.advance(1_001)
    expect(asked.code).toBe('SESSION_SILENT')
    expect(lease.signal.reason).toMatchObject({ code: 'SESSION_SILENT' })
    expect(control.program(lease.sessionId).child.signals).toEqual(['SIGKILL'])
  })

  it('is no concern of one that talks, nor of one that has nothing to do', async () => {
    const { pool, clock } = await scene(CONFIG)
    const lease = await pool.acquire({ key: 'k' })
    await clock.advance(20_000)
    const long = watched(lease.stream({ op: 'stream', count: 10, everyMs: 3_000 }).result)
    await clock.advance(30_000)
    expect(long.state).toBe('resolved')
    await clock.advance(20_000)
    expect(await notesOf(lease)).toEqual([])
  })

  it('is broken by what the program writes to stderr', async () => {
    const { pool, clock, control } = await scene(CONFIG)
    const lease = await pool.acquire({ key: 'k' })
    const asked = watched(lease.request({ op: 'hang' }))
    const { child } = control.program(lease.sessionId)
    for (let line = 0; line < 10; line++) {
      await clock.advance(3_000)
      child.stderr += 'still at it\n'
    }
    expect(asked.state).toBe('pending')
    await clock.advance(6_000)
    expect(asked.code).toBe('SESSION_SILENT')
  })

  it('is not the program\'s while its consumer does not read', async () => {
    const { pool, clock, control } = await scene(CONFIG)
    const lease = await pool.acquire({ key: 'k' })
    const asked = watched(lease.request({ op: 'hang' }))
    const { stdout } = control.program(lease.sessionId).child
    stdout.pause()
    await clock.advance(60_000)
    expect(asked.state).toBe('pending')
    stdout.resume()
    await clock.advance(5_000)
    expect(asked.code).toBe('SESSION_SILENT')
  })

  it('counts from each of the requests that follow one another', async () => {
    const { pool, clock } = await scene(CONFIG)
    const lease = await pool.acquire({ key: 'k' })
    for (let n = 0; n < 20; n++) {
      await lease.request({ op: 'read' })
      await clock.advance(700)
    }
    const asked = watched(lease.request({ op: 'hang' }))
    await clock.advance(3_999)
    expect(asked.state).toBe('pending')
    await clock.advance(1_001)
    expect(asked.code).toBe('SESSION_SILENT')
  })

  it('keeps no timer once a session has done its work', async () => {
    const { pool, clock } = await scene(CONFIG)
    const lease = await pool.acquire({ key: 'k' })
    await clock.advance(2_000)
    const before = clock.pending
    await lease.request({ op: 'read' })
    expect(clock.pending).toBe(before + 1)
    await clock.advance(1_000)
    expect(clock.pending).toBe(before)
  })

  it('counts from the last request, also of several at once', async () => {
    const { pool, clock } = await scene(CONFIG, { capabilities: { concurrency: 2 } })
    const lease = await pool.acquire({ key: 'k' })
    const first = watched(lease.request({ op: 'hang' }))
    await clock.advance(3_500)
    const second = watched(lease.request({ op: 'hang' }))
    await clock.advance(3_400)
    expect([first.state, second.state]).toEqual(['pending', 'pending'])
    await clock.advance(2_000)
    expect([first.code, second.code]).toEqual(['SESSION_SILENT', 'SESSION_SILENT'])
  })
})

describe('limits', () => {
  const CONFIG = { size: { spare: 0 }, limits: { memory: { soft: 100, hard: 200 } } } as const

  it('that are soft end a session at its release, and an idle one now', async () => {
    const { pool, clock, control } = await scene(CONFIG)
    const busy = await pool.acquire({ key: 'busy' })
    const idle = await pool.acquire({ key: 'idle' })
    idle.release()
    for (const { sessionId } of [busy, idle]) control.program(sessionId).child.behaviour.usage = { memoryBytes: 150 }
    await clock.advance(1_500)
    expect(pool.getSessionMetrics()).toMatchObject([{ sessionId: busy.sessionId, memoryUsage: 150, status: 'leased' }])
    busy.release()
    await clock.settle()
    expect(states(pool)).toEqual([])
  })

  it('that are hard end it now, and its lease hears why', async () => {
    const { pool, clock, control } = await scene(CONFIG)
    const lease = await pool.acquire()
    control.program(lease.sessionId).child.behaviour.usage = { memoryBytes: 250, cpuPercent: 5 }
    const asked = watched(lease.request({ op: 'hang' }))
    await clock.advance(1_500)
    expect(asked.code).toBe('SESSION_MEMORY_LIMIT')
    expect(states(pool)).toEqual([])
  })

  it('never judge what is unknown, and an old figure is forgotten (INV 27)', async () => {
    const { pool, clock, control } = await scene({ ...CONFIG, size: { min: 2 } })
    const [one, two] = pool.getSessionMetrics().map(({ sessionId }) => control.program(sessionId).child.behaviour)
    one!.usage = { cpuPercent: 12 }
    await clock.advance(1_000)
    expect(pool.getPoolStats()).toMatchObject({ measuredSessions: 1, cpuUsage: 12, size: 2 })
    expect(pool.getPoolStats()).not.toHaveProperty('memoryUsage')
    one!.usage = undefined
    two!.usage = { memoryBytes: 7 }
    await clock.advance(1_000)
    expect(pool.getPoolStats()).toMatchObject({ measuredSessions: 1, memoryUsage: 7, size: 2 })
    expect(pool.getPoolStats()).not.toHaveProperty('cpuUsage')
  })

  it.each<[string, Limit['judge']]>([
    ['throws', () => {
      throw new Error('a bug')
    }],
    ['answers nothing', () => undefined as never],
    ['answers with something unknown', () => ({ action: 'promote' }) as never],
  ])('that are broken (one that %s) are reported, and end nothing', async (_what, judge) => {
    const { pool, clock, problems } = await scene({ size: { min: 1 }, limits: { test: {} } as never }, {
      behaviour: { usage: { memoryBytes: 1 } },
      apply: (kernel) => kernel.strategy('limit', 'test', { description: 'test', options: z.strictObject({}), create: () => ({ judge }) }),
    })
    await clock.advance(1_500)
    expect(problems[0]!.where).toBe("a limit's judge")
    expect(states(pool)).toEqual(['idle'])
  })
})

describe('a sampler', () => {
  it.each<[string, UsageSampler['sample']]>([
    ['rejects', () => Promise.reject(new Error('no /proc'))],
    ['throws', () => {
      throw new Error('a bug')
    }],
    ['hangs', () => new Promise(() => undefined)],
    ['answers nonsense', () => Promise.resolve(undefined as never)],
  ])('that %s is reported, and everything is unknown', async (_what, sample) => {
    const { pool, clock, problems } = await scene({ size: { min: 1 }, metrics: { use: 'test' } as never }, {
      apply: (kernel) => kernel.strategy('metrics', 'test', {
        description: 'test',
        options: z.strictObject({}),
        create: () => ({ sample, forget: () => {
          throw new Error('a bug')
        } }),
      }),
    })
    await clock.advance(8_000)
    expect(problems[0]!.where).toBe('measuring the sessions')
    expect(pool.getPoolStats()).toMatchObject({ measuredSessions: 0, size: 1 })
    await pool.closeWhere(() => true)
    expect(problems.at(-1)!.where).toBe("the sampler's forget")
  })

  it('is heard through the usage hook', async () => {
    const heard: unknown[] = []
    const { clock } = await scene({ size: { min: 1 } }, {
      behaviour: { usage: { memoryBytes: 5 } },
      apply: ({ hooks }) => hooks.usage.tap('t', (_session, usage) => void heard.push(usage)),
    })
    await clock.advance(2_000)
    expect(heard).toEqual([{ memoryBytes: 5 }, { memoryBytes: 5 }])
  })
})
