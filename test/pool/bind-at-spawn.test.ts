import { describe, expect, it } from 'vitest'
import type { PoolConfig } from '../../src/contracts/index.ts'
import { notesOf, rejection, scene as anyScene, type Scene, type SceneOptions, states, watched, write } from './scene.ts'

function scene(config: Omit<PoolConfig, 'driver'> = {}, options: SceneOptions = {}): Promise<Scene> {
  return anyScene(config, { ...options, capabilities: { ...options.capabilities, bindsAtSpawn: true } })
}

/** For whom the live sessions were started, sorted. */
function owners({ pool }: Scene): (string | undefined)[] {
  return pool.getSessionMetrics().map(({ tenant }) => tenant).sort()
}

describe('sessions that are bound at their spawn', () => {
  it('are started for the tenant they serve, and the driver and the spawn hook know whose they are', async () => {
    const tenants: unknown[] = []
    const { pool, children, control } = await scene({ size: { spare: 0 } }, {
      apply: (kernel) => kernel.hooks.spawn.tap('test', (spec, { tenant }) => {
        tenants.push(tenant)
        return spec
      }),
    })
    const [a, b] = await Promise.all([pool.acquire({ tenant: 'a' }), pool.acquire({ tenant: 'b' })])
    expect([a.served, b.served]).toEqual(['started', 'started'])
    expect([a, b].map(({ sessionId }) => control.program(sessionId).child.spec.env)).toEqual([{ TENANT: 'a' }, { TENANT: 'b' }])
    expect(tenants).toEqual(['a', 'b'])
    expect(children).toHaveLength(2)
  })

  it('are kept warm for the tenants that called last, and for the default one while nobody has called', async () => {
    const world = await scene({ size: { spare: 1, max: 5 } })
    const { pool, clock } = world
    expect(owners(world)).toEqual(['default'])
    const a = await pool.acquire({ tenant: 'a' })
    await clock.settle()
    expect([a.served, owners(world)]).toEqual(['started', ['a', 'a', 'default']])
    const more = await Promise.all([pool.acquire({ tenant: 'a' }), pool.acquire()])
    expect(more.map(({ served }) => served)).toEqual(['spare', 'spare'])
    await clock.settle()
    expect(owners(world)).toEqual(['a', 'a', 'default', 'default'])
  })

  it('serve their tenant as spares, and never another one', async () => {
    const world = await scene({ size: { max: 3, spare: 1 } })
    expect(await world.pool.warm(1, { tenant: 'a' })).toBe(1)
    expect((await world.pool.acquire({ tenant: 'a', key: 'k' })).served).toBe('spare')
    expect((await world.pool.acquire({ tenant: 'b' })).served).toBe('started')
  })

  it('make room for who waits, those first that have served nobody', async () => {
    const { pool, clock } = await scene({ size: { max: 2, spare: 0 } })
    await pool.use({ tenant: 'a', key: 'k' }, () => undefined)
    await pool.warm(1, { tenant: 'c' })
    expect((await pool.acquire({ tenant: 'b' })).served).toBe('started')
    await clock.settle()
    expect(pool.getSessionMetrics().map(({ tenant }) => tenant).sort()).toEqual(['a', 'b'])
  })

  it('are started for the waiting tenant that has least', async () => {
    const { pool, clock } = await scene({ size: { max: 4, spare: 0, starting: 1 } }, { behaviour: { start: { ms: 10 } } })
    const many = Array.from({ length: 20 }, () => watched(pool.acquire({ tenant: 'many' })))
    await clock.advance(10)
    const few = watched(pool.acquire({ tenant: 'few' }))
    await clock.advance(20)
    expect(few.state).toBe('resolved')
    await clock.advance(100)
    expect(many.filter(({ state }) => state === 'resolved')).toHaveLength(3)
  })

  it('that start for somebody who has given up keep nobody else waiting', async () => {
    const { pool, clock } = await scene({ size: { max: 2, spare: 0 } }, { behaviour: { start: { ms: 10_000 } } })
    const controller = new AbortController()
    watched(pool.acquire({ tenant: 'a', signal: controller.signal }))
    await clock.advance(9_000)
    controller.abort()
    const b = watched(pool.acquire({ tenant: 'b' }))
    await clock.advance(10_000)
    expect(b.state).toBe('resolved')
  })

  it('that start for somebody who has given up leave again where there is no room, so that the others are served', async () => {
    const { pool, clock } = await scene({ size: { max: 1, spare: 0 } }, { behaviour: { start: { ms: 10_000 } } })
    const controller = new AbortController()
    watched(pool.acquire({ tenant: 'a', signal: controller.signal }))
    await clock.advance(5_000)
    controller.abort()
    const b = watched(pool.acquire({ tenant: 'b' }))
    await clock.advance(15_001)
    expect(b.state).toBe('resolved')
  })

  it('count against size.perTenant while they start, and all who may are started for at once', async () => {
    const world = await scene({ size: { max: 10, spare: 3, perTenant: 2 } }, { behaviour: { start: { ms: 10 } } })
    const { pool, clock } = world
    const waiting = Array.from({ length: 4 }, () => watched(pool.acquire({ tenant: 'a' })))
    await clock.advance(10)
    expect(waiting.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'pending', 'pending'])
    await clock.advance(100)
    expect(owners(world).filter((tenant) => tenant === 'a')).toHaveLength(2)
    const warmed = watched(pool.warm(3, { tenant: 'a' }))
    await clock.advance(100)
    expect(warmed.value).toBe(0)
    waiting[0]!.value!.destroy()
    await clock.advance(100)
    expect(waiting[2]!.state).toBe('resolved')
  })

  it('shrink to what is asked for when nobody has used them for timeouts.idle', async () => {
    const world = await scene({ size: { spare: 1, max: 8 }, timeouts: { idle: '1m', total: false }, health: false })
    const { pool, clock } = world
    for (const tenant of ['a', 'b', 'c']) await pool.warm(1, { tenant })
    expect(pool.getPoolStats().idleSessions).toBe(4)
    await clock.advance(61_000)
    expect(pool.getPoolStats()).toMatchObject({ idleSessions: 1, size: 1 })
  })

  it('resume a parked key in a spare of its tenant, not in a session that has served another key', async () => {
    const { pool, clock } = await scene(
      { size: { max: 2, spare: 0 }, timeouts: { idle: '1m' }, health: false, resetRequires: ['conversation'] },
      { capabilities: { park: true, resetGuarantees: ['conversation'] } },
    )
    await pool.use({ tenant: 'a', key: 'k' }, (lease) => lease.request(write('mine')))
    await clock.advance(61_000)
    expect(pool.getPoolStats()).toMatchObject({ parked: 1, size: 0 })
    await pool.use({ tenant: 'a' }, () => undefined)
    await clock.settle()
    await pool.warm(1, { tenant: 'a' })
    expect(states(pool)).toEqual(['idle', 'idle'])
    const lease = await pool.acquire({ tenant: 'a', key: 'k' })
    expect([lease.served, await notesOf(lease)]).toEqual(['resumed', ['mine']])
    expect((await pool.acquire({ tenant: 'a' })).served).toBe('same-tenant')
  })

  it('come back after a crash for the tenant that needs them', async () => {
    const { pool, clock } = await scene({ size: { max: 2, spare: 0 } })
    const lease = await pool.acquire({ tenant: 'a', key: 'k' })
    const waiting = watched(pool.acquire({ tenant: 'a', key: 'k' }))
    const crash = watched(lease.request({ op: 'crash' }))
    await clock.advance(5_000)
    expect([crash.code, waiting.value?.served]).toEqual(['SESSION_CRASHED', 'started'])
  })
})

describe('bindAtSpawn', () => {
  it('in the config binds at the spawn where the driver need not', async () => {
    const { pool } = await anyScene({ bindAtSpawn: true })
    expect(pool.getSessionMetrics()).toEqual([expect.objectContaining({ tenant: 'default', status: 'idle' })])
    expect((await pool.acquire()).served).toBe('spare')
  })

  it("can't go with isolation 'none', whoever asks for it", async () => {
    for (const start of [() => anyScene({ bindAtSpawn: true, isolation: 'none' }), () => scene({ isolation: 'none' })]) {
      const error = await rejection(start())
      expect([error.code, error.message]).toEqual(['CONFIG_INVALID', expect.stringContaining("isolation 'none'")])
    }
  })

  it('is what warm needs to take a tenant', async () => {
    const { pool } = await anyScene()
    expect((await rejection(pool.warm(1, { tenant: 'a' }))).message).toContain('bindAtSpawn')
    const bound = await scene()
    expect((await rejection(bound.pool.warm(1, { tenant: '' }))).code).toBe('ARGUMENT_INVALID')
  })
})
