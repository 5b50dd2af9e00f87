import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { definePlugin, ERROR_CODES, type ErrorCode, type Kernel, loadPeer, type Plugin, type Pool, z } from '../../src/contracts/index.ts'
import { createPoolHost } from '../../src/create-pool.ts'
import { loadConfig } from '../../src/kernel/config-loader.ts'
import { createInMemoryWorld } from '../../src/testing/index.ts'
import { rejection, scene } from '../pool/scene.ts'
import { openPool } from '../support/real-pool.ts'
import { tempFolder } from '../support/temp-folder.ts'

const LINES = join(import.meta.dirname, '../fixtures/lines.mjs')
const HANG = { op: 'hang' }

/** Only what a lease holds, and nothing ahead of demand. */
const BARE = { size: { max: 1, spare: 0 } } as const

function plugin(apply: (kernel: Kernel) => void): Plugin {
  return definePlugin({ name: 'test', apply })
}

/** What a request that is under way, or else the lease, ends with when `then` happens. */
async function lost(pool: Pool, settle: () => Promise<void>, then: () => unknown): Promise<unknown> {
  const lease = await pool.acquire()
  const answer = rejection(lease.request(HANG))
  await settle()
  void then()
  return answer
}

/** What a program of which this was measured ends with. */
async function overLimit(limits: object, usage: { memoryBytes?: number; cpuPercent?: number }): Promise<unknown> {
  const { pool, clock } = await scene({ ...BARE, limits, metrics: { use: 'in-memory', every: '1s' } as object }, { behaviour: { usage } })
  return lost(pool, () => clock.advance(0), () => clock.advance(5_000))
}

/** For each code a way in which users come by it. */
const CASES: Readonly<Record<ErrorCode, () => Promise<unknown>>> = {
  ARGUMENT_INVALID: async () => rejection((await scene()).pool.acquire({ tenant: '' })),
  CONFIG_INVALID: () => rejection(createPoolHost({ driver: 'json-lines', siez: { max: 3 } })),
  CONFIG_NOT_FOUND: async () => rejection(loadConfig({ cwd: await tempFolder() })),
  PLUGIN_INVALID: () => rejection(createPoolHost({ driver: 'node-repl', plugins: [{ name: 'twice', apply() {} }, { name: 'twice', apply() {} }] })),
  PLUGIN_FAILED: () => rejection(createPoolHost({
    driver: 'node-repl',
    plugins: [plugin(() => {
      throw new Error('a bug')
    })],
  })),
  PEER_MISSING: () => rejection(createPoolHost({
    driver: 'node-repl',
    store: 'test',
    plugins: [plugin((kernel) => kernel.strategy('store', 'test', {
      description: 'test', options: z.strictObject({}), create: () => loadPeer('not-installed', 'the store test', () => import('not-installed' as string)) as never,
    }))],
  })),
  QUEUE_FULL: async () => rejection((await scene({ ...BARE, queue: { max: 0 } })).pool.acquire()),
  OVERLOADED: async () => {
    const { pool } = await scene({ ...BARE, admission: { use: 'gradient2', min: 1, max: 1 } })
    await pool.acquire()
    return rejection(pool.acquire())
  },
  REFUSED: async () => rejection((await scene({}, { apply: ({ hooks }) => hooks.admit.tap('test', () => 'not today') })).pool.acquire()),
  ACQUIRE_TIMEOUT: async () => {
    const { pool, clock } = await scene(BARE)
    await pool.acquire()
    const late = rejection(pool.acquire({ timeout: 10 }))
    await clock.advance(10)
    return late
  },
  ACQUIRE_ABORTED: async () => rejection((await scene()).pool.acquire({ signal: AbortSignal.abort() })),
  POOL_DRAINING: async () => {
    const { pool } = await scene()
    void pool.drain()
    return rejection(pool.acquire())
  },
  POOL_CLOSED: async () => {
    const { pool } = await scene()
    void pool.close()
    return rejection(pool.acquire())
  },
  BREAKER_OPEN: async () => {
    const { pool, clock } = await scene({ ...BARE, restart: { maxCrashes: 1 } }, { behaviour: { start: { ms: 0, fails: true } } })
    const refused = rejection(pool.acquire())
    await clock.settle()
    return refused
  },
  START_FAILED: async () => {
    const { pool } = await scene(BARE, { capabilities: { bind: true }, behaviour: { bind: { ms: 0, fails: true } } })
    return rejection(pool.acquire())
  },
  START_TIMEOUT: async () => {
    const { pool, clock } = await scene({ ...BARE, restart: { maxCrashes: 1 } }, { behaviour: { start: { ms: Infinity } } })
    const refused = rejection(pool.acquire({ timeout: '2m' }))
    await clock.advance(60_000)
    return (await refused).cause
  },
  LEASE_REVOKED: async () => {
    const lease = await (await scene()).pool.acquire()
    lease.release()
    return rejection(lease.request(HANG))
  },
  LEASE_TIMEOUT: async () => {
    const { pool, clock } = await scene({ ...BARE, timeouts: { active: '1s' } })
    return lost(pool, () => clock.settle(), () => clock.advance(1_000))
  },
  SESSION_CRASHED: async () => {
    const { pool, clock, children } = await scene(BARE)
    return lost(pool, () => clock.settle(), () => children[0]!.crash())
  },
  SESSION_EXITED: async () => {
    const { pool, clock, children } = await scene(BARE)
    return lost(pool, () => clock.settle(), () => children[0]!.end({ code: 0, signal: null }))
  },
  SESSION_SILENT: async () => {
    const { pool, clock } = await scene({ ...BARE, timeouts: { silence: '1s' } })
    return lost(pool, () => clock.settle(), () => clock.advance(2_000))
  },
  SESSION_MEMORY_LIMIT: () => overLimit({ memory: { hard: '1KB' } }, { memoryBytes: 2_048 }),
  SESSION_CPU_LIMIT: () => overLimit({ cpu: { percent: 50, for: '1s', then: 'end' } }, { cpuPercent: 90 }),
  SESSION_LIMIT: async () => {
    const { pool, clock, programs } = await scene({ ...BARE, limits: { output: { perLease: 10 } }, metrics: { use: 'in-memory', every: '1s' } as object })
    return lost(pool, () => clock.advance(1_500), () => {
      for (let n = 0; n < 20; n++) programs[0]!.say('chatter')
      return clock.advance(1_000)
    })
  },
  SESSION_ENDED: async () => {
    const { pool, clock } = await scene(BARE)
    return lost(pool, () => clock.settle(), () => pool.closeWhere(() => true))
  },
  SESSION_BUSY: async () => {
    const lease = await (await scene()).pool.acquire()
    const first = rejection(lease.request(HANG))
    const second = rejection(lease.request(HANG))
    lease.release()
    await first
    return second
  },
  REQUEST_TIMEOUT: async () => {
    const { pool, clock } = await scene()
    const late = rejection((await pool.acquire()).request(HANG, { timeout: 10 }))
    await clock.advance(10)
    return late
  },
  REQUEST_ABORTED: async () => rejection((await (await scene()).pool.acquire()).request(HANG, { signal: AbortSignal.abort() })),
  REQUEST_FAILED: async () => rejection((await (await scene()).pool.acquire()).request({ op: 'fail' })),
  MESSAGE_INVALID: async () => rejection((await (await scene()).pool.acquire()).request('nonsense')),
  PROTOCOL_ERROR: async () => {
    const { pool, clock, programs } = await scene(BARE)
    return lost(pool, () => clock.settle(), () => programs[0]!.break())
  },
  FRAME_TOO_LARGE: async () => {
    const { pool } = await openPool({ driver: { use: 'json-lines', command: process.execPath, args: [LINES], maxFrame: 100 }, ...BARE })
    return rejection(pool.request({ do: 'echo', value: 'x'.repeat(200) }))
  },
  SCALE_SUPERSEDED: async () => {
    const { pool } = await scene({ size: { max: 4 } })
    const first = rejection(pool.scale(4))
    void pool.scale(2)
    return first
  },
  STRATEGY_FAILED: async () => {
    const { pool } = await scene({}, {
      apply: ({ hooks }) => hooks.admit.tap('test', () => {
        throw new Error('a bug')
      }),
    })
    return rejection(pool.acquire())
  },
  STORE_FAILED: async () => {
    const path = join(await tempFolder(), 'not-a-database')
    await writeFile(path, 'something else altogether\n'.repeat(100))
    return rejection(createPoolHost({ driver: 'node-repl', store: { use: 'sqlite', path } }))
  },
  GATEWAY_FAILED: async () => {
    const { clock, spawner, plugin: inMemory } = createInMemoryWorld()
    const { pool, gateway } = await createPoolHost({ driver: 'in-memory', plugins: [inMemory], size: { spare: 0 }, metrics: false }, { clock, spawner })
    // An address that others can reach, and no token.
    const failed = await rejection((await gateway({ host: '0.0.0.0' })).listen(pool))
    await pool.close()
    return failed
  },
}

describe('each error code', () => {
  it('has a case here', () => {
    expect(Object.keys(CASES).sort()).toEqual(Object.keys(ERROR_CODES).sort())
  })

  it.each(Object.entries(CASES))('%s reaches users, with a message for them', async (code, raise) => {
    const error = await raise()
    expect(error).toMatchObject({ name: 'GreenroomError', code })
    expect((error as Error).message).not.toBe('')
  })
})
