import { describe, expect, it } from 'vitest'
import { type Balancer, type Evictor, type Kernel, LinkedList, type LinkedNode, type Queue, type RestartPolicy, type Scaler, z } from '../../src/contracts/index.ts'
import type { Waiter } from '../../src/pool/waiting-line.ts'
import { rejection, scene, states, watched } from './scene.ts'

/** A config and a plugin that make the pool use `strategy`. */
function using<T>(kind: 'balancer' | 'scaler' | 'evictor' | 'queue' | 'restart', strategy: T) {
  return {
    config: { [kind]: { use: 'test' } },
    apply: (kernel: Kernel) => kernel.strategy(kind, 'test', { description: 'test', options: z.strictObject({}), create: () => strategy as never }),
  }
}

const fails = (): never => {
  throw new Error('a bug')
}

describe('deciding hooks', () => {
  it('refuse an acquire with their reason', async () => {
    const { pool } = await scene({}, { apply: ({ hooks }) => hooks.admit.tap('t', ({ tenant }) => (tenant === 'evil' ? 'not you' : undefined)) })
    expect(await rejection(pool.acquire({ tenant: 'evil' }))).toMatchObject({ code: 'REFUSED', message: 'not you' })
    expect((await pool.acquire()).tenant).toBe('default')
    expect(pool.getPoolStats().refusals).toBe(1)
  })

  it('that throw refuse it too: they fail closed (INV 8)', async () => {
    const refused: string[] = []
    const { pool } = await scene({}, {
      apply: ({ hooks }) => {
        hooks.admit.tap('t', fails)
        hooks.refused.tap('t', (_request, { code }) => void refused.push(code))
      },
    })
    expect((await rejection(pool.acquire())).code).toBe('STRATEGY_FAILED')
    expect(pool.getPoolStats()).toMatchObject({ activeSessions: 0, refusals: 1 })
    expect(refused).toEqual(['STRATEGY_FAILED'])
  })

  it('change what is started; when one throws, it counts as a failed start', async () => {
    let bad = false
    const { pool, clock, children } = await scene({ size: { spare: 0 }, restart: { maxCrashes: 2 } }, {
      apply: ({ hooks }) => hooks.spawn.tap('t', (spec, { sessionId }) => (bad ? fails() : { ...spec, args: [sessionId] })),
    })
    const lease = await pool.acquire({ key: 'k' })
    expect(children[0]!.spec.args).toEqual([lease.sessionId])
    bad = true
    const waiting = watched(pool.acquire())
    await clock.advance(1_000)
    expect(waiting.error).toMatchObject({ code: 'BREAKER_OPEN', cause: { message: expect.stringContaining('a bug') } })
  })
})

describe('the reasons of a strategy', () => {
  it('are read when somebody reads them, and harm nobody when they throw', async () => {
    let read = 0
    const apply = (kernel: Kernel): void => kernel.strategy('balancer', 'test', {
      description: 'test',
      options: z.strictObject({}),
      create: (_options, { explain }) => ({
        pick: (candidates) => {
          const { length } = candidates
          explain(() => `the first of ${length}, read ${++read} times`, candidates[0])
          explain(fails)
          explain(undefined as never)
          return candidates[0]!
        },
      }),
    })
    const { pool } = await scene({ balancer: { use: 'test' as never }, size: { spare: 1 } }, { apply })
    const { sessionId } = await pool.acquire()
    expect(read).toBe(0)
    const told = pool.decisions().filter(({ kind }) => kind === 'strategy')
    expect(told.map(({ reason }) => reason)).toEqual(['the first of 1, read 1 times', 'its reason could not be told: a bug', 'undefined'])
    expect(told.map((one) => one.sessionId)).toEqual([sessionId, undefined, undefined])
  })
})

describe('observing hooks', () => {
  it('that throw or reject are reported and harm nobody', async () => {
    const { pool, clock, problems } = await scene({}, {
      apply: ({ hooks }) => {
        for (const name of ['state', 'acquired', 'released', 'request', 'decision'] as const) {
          hooks[name].tap('throws', fails)
          hooks[name].tap('rejects', () => Promise.reject(new Error('late')) as never)
        }
      },
    })
    expect(await pool.request({ op: 'read' })).toBeDefined()
    await clock.advance(5_000)
    expect(pool.getPoolStats()).toMatchObject({ activeSessions: 0, idleSessions: 2 })
    expect(new Set(problems.map(({ where }) => where.split(',')[0]))).toEqual(new Set(['state', 'acquired', 'released', 'request', 'decision'].map((name) => `hook ${name}`)))
  })

  it('hear of every change, lease and request', async () => {
    const heard: string[] = []
    const { pool, clock } = await scene({ size: { spare: 0 } }, {
      apply: ({ hooks }) => {
        hooks.state.tap('t', (_session, from, to, reason) => void heard.push(`${from ?? '-'}>${to}${reason ? ` ${reason}` : ''}`))
        hooks.acquired.tap('t', (_session, { tenant }, { served, waitMs }) => void heard.push(`acquired ${tenant} ${served} ${waitMs}`))
        hooks.released.tap('t', (_session, { heldMs }) => void heard.push(`released ${heldMs}`))
        hooks.request.tap('t', (_session, { outcome, durationMs }) => void heard.push(`request ${outcome} ${durationMs}`))
        hooks.closed.tap('t', () => void heard.push('closed'))
      },
      behaviour: { start: { ms: 5 } },
    })
    const lease = watched(pool.acquire({ tenant: 'a' }))
    await clock.advance(5)
    await lease.value!.request({ op: 'read' })
    const asked = watched(lease.value!.request({ op: 'hang' }, { timeout: 30 }))
    await clock.advance(30)
    expect(asked.code).toBe('REQUEST_TIMEOUT')
    lease.value!.destroy()
    void pool.close()
    await clock.settle()
    expect(heard).toEqual([
      '->starting', 'starting>idle', 'idle>leased', 'acquired a started 5', 'request answered 0', 'request timed-out 30', 'released 30',
      'leased>ending destroyed', 'ending>gone destroyed', 'closed',
    ])
  })
})

describe('a balancer', () => {
  it.each<[string, Balancer['pick']]>([
    ['throws', fails],
    ['answers nothing', () => undefined as never],
    ['answers with something else', (candidates) => ({ ...candidates[0]! })],
  ])('that %s has the acquire refused, and harms no session', async (_what, pick) => {
    let broken = true
    const { config, apply } = using('balancer', { pick: (...args) => (broken ? pick : ([first]: Parameters<Balancer['pick']>[0]) => first!)(...args) } satisfies Balancer)
    const { pool, clock } = await scene(config, { apply })
    expect((await rejection(pool.acquire())).code).toBe('STRATEGY_FAILED')
    expect(states(pool)).toEqual(['idle'])
    broken = false
    await clock.settle()
    expect((await pool.acquire()).served).toBe('spare')
  })
})

describe('a scaler', () => {
  it.each<[string, Scaler['decide']]>([
    ['throws', fails],
    ['answers nothing', () => undefined as never],
    ['wants NaN', () => ({ target: NaN, reason: 'why not' })],
    ['wants for ever more', () => ({ target: Infinity, reason: 'why not' })],
  ])('that %s keeps nobody waiting', async (_what, decide) => {
    const { config, apply } = using('scaler', { decide } satisfies Scaler)
    const { pool, clock, problems } = await scene({ ...config, size: { max: 3, min: 1 } }, { apply })
    const leases = [1, 2, 3].map((key) => watched(pool.acquire({ key: `k${key}` })))
    await clock.advance(100)
    expect(leases.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved'])
    expect(problems[0]!.where).toBe("the scaler's decide")
  })

  it.each([[-5, 1], [2.4, 2], [1_000, 3]])('is held within min and max: %d becomes %d', async (target, held) => {
    const { config, apply } = using('scaler', { decide: () => ({ target, reason: 'test' }) } satisfies Scaler)
    const { pool } = await scene({ ...config, size: { min: 1, max: 3 } }, { apply })
    expect(pool.getPoolStats()).toMatchObject({ size: held, scaling: { automatic: true, target: held, reason: 'test' } })
  })
})

describe('an evictor', () => {
  it.each<[string, Evictor['choose']]>([
    ['throws', fails], ['answers nothing', () => undefined as never], ['answers with something else', ([first]) => ({ ...first! })],
  ])('that %s is reported, and the least recently used makes room', async (_what, choose) => {
    const { config, apply } = using('evictor', { choose } satisfies Evictor)
    const { pool, clock, problems } = await scene({ ...config, size: { max: 2, spare: 0 } }, { apply })
    for (const key of ['old', 'new']) {
      await pool.use({ key }, () => undefined)
      await clock.advance(10)
    }
    await pool.acquire({ key: 'third' })
    expect(pool.getSessionMetrics().map(({ key }) => key)).toEqual(['new', 'third'])
    expect(problems[0]!.where).toBe("the evictor's choose")
  })
})

describe('a restart policy', () => {
  it.each<[string, RestartPolicy]>([
    ['throws', { failed: fails, ready: fails }],
    ['answers nothing', { failed: () => undefined as never, ready: () => undefined }],
    ['wants to pause for NaN', { failed: () => ({ action: 'retry', delayMs: NaN }), ready: () => undefined }],
    ['wants to pause for ever', { failed: () => ({ action: 'open', cooldownMs: Infinity, reason: '' }), ready: () => undefined }],
  ])('that %s is reported; starts go on, after a pause', async (_what, policy) => {
    const { config, apply } = using('restart', policy)
    const { pool, clock, control, problems } = await scene({ ...config, size: { spare: 0 } }, { apply, behaviour: { start: { ms: 0, fails: true } } })
    const waiting = watched(pool.acquire())
    await clock.advance(5_000)
    expect(pool.getPoolStats().started).toBeLessThan(10)
    control.behaviour.start = { ms: 0 }
    await clock.advance(1_000)
    expect(waiting.state).toBe('resolved')
    expect(problems[0]!.where).toContain('the restart policy')
  })
})

describe('a queue', () => {
  /** First come, first served, until it is told to do otherwise. */
  class TestQueue implements Queue<Waiter> {
    readonly list = new LinkedList<Waiter>()
    broken: Partial<Queue<Waiter>> = {}
    get size(): number {
      return this.list.size
    }
    push(waiter: Waiter): object {
      return this.broken.push ? this.broken.push(waiter) : this.list.push(waiter)
    }
    next(): Waiter | undefined {
      return this.broken.next ? this.broken.next() : this.list.shift()
    }
    nextOf(tenant: string): Waiter | undefined {
      if (this.broken.nextOf) return this.broken.nextOf(tenant)
      const found = [...this.list].find((waiter) => waiter.tenant === tenant)
      if (found) (found.ticket as LinkedNode<Waiter>).leave()
      return found
    }
    peek(): Waiter | undefined {
      return this.list.peek()
    }
    remove(ticket: object): void {
      if (this.broken.remove) this.broken.remove(ticket)
      else (ticket as LinkedNode<Waiter>).leave()
    }
  }

  const queueing = async (broken: TestQueue['broken']) => {
    const queue = new TestQueue()
    const { config, apply } = using('queue', queue)
    // Tenant a may have one more session, and there is no room for it.
    const made = await scene({ ...config, size: { max: 2, spare: 0 } }, { apply })
    await made.pool.acquire({ tenant: 'z' })
    const lease = await made.pool.acquire({ tenant: 'a' })
    queue.broken = broken
    return { ...made, queue, lease }
  }

  it.each<[string, TestQueue['broken']]>([['throws', { push: fails }], ['gives no ticket', { push: () => undefined as never }]])(
    'that %s when it takes somebody in turns him away, and keeps no trace of him', async (_what, broken) => {
      const { pool, clock, lease, queue } = await queueing(broken)
      const waiting = [undefined, 'k'].map((key) => watched(pool.acquire({ tenant: 'a', ...(key && { key }) })))
      await clock.settle()
      expect(waiting.map(({ code }) => code)).toEqual(['STRATEGY_FAILED', 'STRATEGY_FAILED'])
      expect(pool.getPoolStats()).toMatchObject({ waiting: 0, refusals: 2 })
      queue.broken = {}
      lease.release()
      await clock.settle()
      expect((await pool.acquire({ tenant: 'a', key: 'k' })).sessionId).toBe(lease.sessionId)
    })

  it.each<[string, TestQueue['broken']]>([
    ['throws', { next: fails, nextOf: fails }],
    ['gives somebody it made up', { next: () => ({ tenant: 'a' }) as never, nextOf: () => ({ tenant: 'a' }) as never }],
  ])('that %s when it is asked who is next is reported, and who came first is served all the same (INV 12)', async (_what, broken) => {
    const { pool, clock, lease, problems } = await queueing(broken)
    const waiting = [1, 2].map(() => watched(pool.acquire({ tenant: 'a', timeout: 100 })))
    lease.release()
    await clock.settle()
    expect(waiting.map(({ state }) => state)).toEqual(['resolved', 'pending'])
    expect(await waiting[0]!.value!.request({ op: 'read' })).toBeDefined()
    expect(problems[0]!.where).toContain("the queue's next")
  })

  it('that gives a caller of another tenant does not bring about that he is served (INV 2)', async () => {
    const { pool, clock, lease, queue } = await queueing({})
    queue.broken = { nextOf: () => queue.list.shift() }
    const other = watched(pool.acquire({ tenant: 'b' }))
    const own = watched(pool.acquire({ tenant: 'a' }))
    lease.release()
    await clock.settle()
    expect([other.code, own.state]).toEqual(['STRATEGY_FAILED', 'resolved'])
  })

  it('that forgets to let somebody go who gave up does not bring about that he is served (INV 10)', async () => {
    const { pool, clock, lease, problems } = await queueing({ remove: fails })
    const gone = watched(pool.acquire({ tenant: 'a', timeout: 10 }))
    const next = watched(pool.acquire({ tenant: 'a' }))
    await clock.advance(10)
    lease.release()
    await clock.advance(2_000)
    expect(gone.code).toBe('ACQUIRE_TIMEOUT')
    expect(pool.getPoolStats().waiting).toBe(next.state === 'pending' ? 1 : 0)
    expect(problems.map(({ where }) => where)).toContain("the queue's remove")
  })
})
