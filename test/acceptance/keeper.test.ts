import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { ProcessEntry } from '../../src/kit.ts'
import { startHost } from '../support/host-process.ts'
import { keeperFolders, keepersOf } from '../support/keepers.ts'
import { evaluate, isAlive, openPool, pidOf, until } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { table } from '../support/tree-fixtures.ts'

/** A session that is deaf to SIGTERM and to the end of its input, with a descendant of the same kind in a session of its own. */
const DEAF = 'trap "" TERM'
const deafDriver = {
  use: 'json-lines', command: 'sh', ready: { match: { ready: true } },
  args: ['-c', `${DEAF}; setsid sh -c '${DEAF}; sleep 1000; sleep 1000' & echo "{\\"ready\\":true}"; sleep 1000; sleep 1000`],
}

async function marked(pids: readonly number[]): Promise<ProcessEntry[]> {
  const snapshot = await table.look()
  return pids.flatMap((pid) => snapshot.marked(snapshot.get(pid)!.marker!))
}

async function aliveOf(entries: readonly ProcessEntry[]): Promise<number[]> {
  const snapshot = await table.look()
  return entries.filter((entry) => snapshot.find(entry)).map(({ pid }) => pid)
}

describe.runIf(process.platform === 'linux')('a host that is killed', () => {
  it('leaves nothing of a hundred sessions behind, nor its keeper, nor a file', async () => {
    const stateDir = await tempFolder()
    const host = startHost({ driver: deafDriver, size: { min: 100, max: 100, spare: 0 }, health: false, metrics: false, stateDir })
    const pids = await host.has('ready')
    const keepers = await keepersOf(host.pid)
    const folders = keeperFolders(keepers)
    expect([keepers.length, folders.length]).toEqual([1, 1])
    let all: ProcessEntry[] = []
    await until(async () => (all = await marked(pids)).length >= 400)
    process.kill(host.pid, 'SIGKILL')
    const killedAt = performance.now()
    await host.exited
    await until(async () => (await aliveOf(all)).length === 0)
    const tookMs = performance.now() - killedAt
    console.log(`none of ${all.length} processes of 100 sessions alive ${Math.round(tookMs)} ms after their host was killed`)
    await until(() => !keepers.some(isAlive))
    expect([keeperFolders(keepers), readdirSync(stateDir)]).toEqual([[], []])
  }, 60_000)

  it('takes along what a killed keeper had started', async () => {
    const host = startHost({ driver: deafDriver, size: { min: 5, max: 8, spare: 0 }, health: false, metrics: false, stateDir: false })
    const pids = await host.has('ready')
    const all = await marked(pids)
    const [first] = await keepersOf(host.pid)
    process.kill(first!, 'SIGKILL')
    expect(await host.has('problem')).toContain('the keeper: Error: it was killed by SIGKILL; its 5 sessions go on')
    await until(async () => (await keepersOf(host.pid)).some((pid) => pid !== first))
    host.tell('scale 8')
    expect((await host.has('live')).length).toBe(8)
    expect((await aliveOf(all)).length).toBe(all.length)
    process.kill(host.pid, 'SIGKILL')
    await until(async () => (await aliveOf(all)).length === 0)
  })
})

describe.runIf(process.platform === 'linux')('a keeper that is killed', () => {
  it('under a request costs no request, no session and no state; what ends afterwards is noticed and replaced', async () => {
    const { pool, problems } = await openPool({ driver: 'node-repl', size: { min: 2, max: 3, spare: 0 } })
    await pool.ready()
    const lease = await pool.acquire({ key: 'k' })
    await evaluate(lease, 'globalThis.x = 41')
    const [keeper] = await keepersOf(process.pid)
    const request = evaluate(lease, 'await new Promise((resolve) => setTimeout(resolve, 300)); x + 1')
    process.kill(keeper!, 'SIGKILL')
    expect(await request).toBe(42)
    expect(problems.splice(0)).toEqual([expect.stringContaining('it was killed by SIGKILL; its 2 sessions go on')])
    expect(await evaluate(lease, 'x + 2')).toBe(43)

    const pid = pidOf(pool, lease)
    const crash = greenroomErrorOf(() => lease.request({ code: 'await new Promise(() => setInterval(() => undefined, 1000))' }))
    process.kill(pid, 'SIGKILL')
    expect(await crash).toMatchObject({ code: 'SESSION_CRASHED', exit: { code: null, signal: null }, message: expect.stringContaining('nobody saw how') as string })
    expect(await pool.use({ key: 'k' }, (next) => evaluate(next, 'typeof x'))).toBe('undefined')
    const [next, ...more] = await keepersOf(process.pid)
    expect([next === undefined, next === keeper, more]).toEqual([false, false, []])
    await pool.close()
    expect(await keepersOf(process.pid)).toEqual([])
  })

  it('again and again is done without in the end, and the pool says what is lost', async () => {
    const { pool, problems } = await openPool({ driver: 'node-repl', size: { max: 4, spare: 0 } })
    await pool.use({ key: 'kept' }, (lease) => evaluate(lease, '1'))
    await until(async () => {
      for (const keeper of await keepersOf(process.pid)) process.kill(keeper, 'SIGKILL')
      return problems.some((problem) => problem.includes('From now on'))
    })
    expect(await pool.use({ key: 'kept' }, (lease) => evaluate(lease, '1'))).toBe(1)
    expect(problems.splice(0).at(-1)).toMatch(/^the keeper: Error: it .*From now on sessions are started by this process itself/)
    expect(await keepersOf(process.pid)).toEqual([])
    expect(await pool.use({ key: 'direct' }, (lease) => evaluate(lease, '2'))).toBe(2)
  })
})

describe('a pool with a keeper', () => {
  it('passes a hundred megabytes through a session unharmed', async () => {
    const code = `
      const { createHash } = require('crypto'), hash = createHash('sha256'), line = 'x'.repeat(1023)
      process.stdin.once('data', async () => {
        for (let n = 0; n < 102400; n++) {
          const text = JSON.stringify({ n, line }) + '\\n'
          hash.update(text)
          if (!process.stdout.write(text)) await new Promise((resolve) => process.stdout.once('drain', resolve))
        }
        process.stdout.write(JSON.stringify({ type: 'done', digest: hash.digest('hex') }) + '\\n')
      })`
    const { pool } = await openPool({
      driver: { use: 'json-lines', command: process.execPath, args: ['-e', code], terminal: { type: 'done' } }, size: { max: 1, spare: 0 },
    })
    const hash = createHash('sha256')
    let digest: unknown
    await pool.use(async (lease) => {
      for await (const message of lease.stream<{ digest?: string }>({ go: true })) {
        if (message.digest === undefined) hash.update(`${JSON.stringify(message)}\n`)
        else digest = message.digest
      }
    })
    expect(digest).toBe(hash.digest('hex'))
  }, 60_000)

  it('shares it with the other pools of its host; the last to close ends it, and no file is left', async () => {
    const config = { driver: 'node-repl', size: { max: 1, spare: 0 } } as const
    const pools = [await openPool(config), await openPool(config), await openPool({ ...config, keeper: false })]
    for (const { pool } of pools) expect(await pool.use((lease) => evaluate(lease, '1 + 1'))).toBe(2)
    const keepers = await keepersOf(process.pid)
    expect(keepers.length).toBe(1)
    const folders = keeperFolders(keepers)
    await pools[0]!.pool.close()
    expect(await keepersOf(process.pid)).toEqual(keepers)
    const lease = await pools[2]!.pool.acquire()
    await pools[1]!.pool.close()
    expect([await keepersOf(process.pid), folders.length, keeperFolders(keepers)]).toEqual([[], 1, []])
    // What the host started itself is none of the keeper's business while the host lives.
    expect(await evaluate(lease, '3')).toBe(3)
  })

  it('starts none with keeper: false', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 1, spare: 0 }, keeper: false })
    expect(await pool.use((lease) => evaluate(lease, '1'))).toBe(1)
    expect(await keepersOf(process.pid)).toEqual([])
  })

  it('lets its host end by itself when no session lives, and is gone then', async () => {
    const host = startHost({ driver: 'node-repl', size: { max: 1, spare: 0 }, stateDir: false })
    await host.has('ready')
    const keepers = await keepersOf(host.pid)
    expect(keepers.length).toBe(1)
    host.tell('end')
    expect((await host.exited).code).toBe(0)
    await until(() => !keepers.some(isAlive))
  })

  it('goes on when the whole service is told to stop: its host decides what ends when', async () => {
    const host = startHost({ driver: deafDriver, size: { min: 1, max: 1, spare: 0 }, timeouts: { close: '300ms' }, stateDir: false })
    await host.has('ready')
    const [keeper] = await keepersOf(host.pid)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(keeper!, signal)
    await sleep(100)
    expect(isAlive(keeper!)).toBe(true)
    host.tell('close')
    await host.has('closed')
    expect(isAlive(keeper!)).toBe(false)
  })
})
