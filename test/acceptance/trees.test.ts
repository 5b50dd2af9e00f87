import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ProcessEntry } from '../../src/kit.ts'
import { startHost } from '../support/host-process.ts'
import { isAlive, openPool, pidOf, until } from '../support/real-pool.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { table } from '../support/tree-fixtures.ts'

const READY = 'echo "{\\"ready\\":true}"'
const DEAF = 'trap "" TERM'

/** A session of sh that runs `before`, then echoes what it is sent. */
function shell(before: string, after = 'exec cat'): { use: 'json-lines'; command: string; args: string[]; ready: { match: { ready: boolean } } } {
  return { use: 'json-lines', command: 'sh', args: ['-c', `${before}\n${READY}\n${after}`], ready: { match: { ready: true } } }
}

/** Everything that a process has below it, and whatever carries the marks of its sessions. */
async function treeOf(pid: number): Promise<readonly ProcessEntry[]> {
  const snapshot = await table.look()
  const { marker } = snapshot.get(pid)!
  return snapshot.marked(marker!)
}

async function aliveOf(entries: readonly ProcessEntry[]): Promise<number[]> {
  const snapshot = await table.look()
  return entries.filter((entry) => snapshot.find(entry)).map(({ pid }) => pid)
}

const DESCENDANTS: readonly (readonly [name: string, script: string])[] = [
  ['a child', 'sleep 1000 &'],
  ['a child in a session of its own', 'setsid sleep 1000 &'],
  ['a daemon, forked twice', '(setsid sh -c "sleep 1000 & sleep 1000" &)'],
  ['a child that is deaf to SIGTERM', `setsid sh -c '${DEAF}; sleep 1000; sleep 1000' &`],
]

describe.runIf(process.platform === 'linux')('the descendants of a session', () => {
  it.each(DESCENDANTS)('end with it: %s, at the close, the crash, the end by choice and the clean exit', async (_name, script) => {
    const { pool } = await openPool({ driver: shell(script, 'while read l; do case $l in *bye*) exit 0;; esac; echo "$l"; done'), size: { max: 8, spare: 0 } })
    const keys = ['close', 'crash', 'choose', 'exit']
    const leases = await Promise.all(keys.map((key) => pool.acquire({ key })))
    const trees = await Promise.all(leases.map(async (lease) => {
      let tree: readonly ProcessEntry[] = []
      await until(async () => (tree = await treeOf(pidOf(pool, lease))).length >= 2)
      return tree
    }))
    process.kill(pidOf(pool, leases[1]!), 'SIGKILL')
    await pool.closeWhere(({ key }) => key === 'choose')
    await leases[3]!.request({ bye: true }).catch(() => undefined)
    for (const tree of trees.slice(1)) await until(async () => (await aliveOf(tree)).length === 0)
    expect((await aliveOf(trees[0]!)).length).toBe(trees[0]!.length)
    await pool.close({ grace: 0 })
    expect(await aliveOf(trees.flat())).toEqual([])
  })

  it('of a hundred sessions are gone when close() has resolved, each deaf and in a session of its own', async () => {
    const { pool, pids } = await openPool({
      driver: shell(`setsid sh -c '${DEAF}; sleep 1000; sleep 1000' &`), size: { min: 100, max: 100, spare: 0 }, timeouts: { close: '5s' },
    })
    await pool.ready()
    const marker = (await table.look()).get([...pids][0]!)!.marker!
    const mark = marker.slice(0, marker.lastIndexOf('/'))
    await until(async () => (await table.look()).marked(mark).length >= 300)
    await pool.close()
    expect((await table.look()).marked(mark)).toEqual([])
  }, 60_000)

  it('that a session has started while it ended are found by the last look', async () => {
    const late = `trap '(setsid sh -c "sleep 0.3; setsid sleep 1000 & sleep 1000" &); exit' TERM; while :; do sleep 0.05; done`
    const { pool, pids } = await openPool({ driver: shell('', late), size: { min: 1, max: 1 }, timeouts: { close: '200ms' } })
    await pool.ready()
    const { marker } = (await table.look()).get([...pids][0]!)!
    await pool.close()
    expect((await table.look()).marked(marker!)).toEqual([])
  })
})

describe.runIf(process.platform === 'linux')('a host', () => {
  /** Deaf to the end of its input, with a descendant that is, too, and in a session of its own. */
  const driver = shell(`${DEAF}; setsid sh -c '${DEAF}; sleep 1000; sleep 1000' &`, 'sleep 1000; sleep 1000')
  const config = (min: number, stateDir: string | false, keeper = false): object => ({
    driver, size: { min, max: min, spare: 0 }, health: false, metrics: false, timeouts: { close: '1500ms' }, stateDir, keeper,
  })

  it.each([
    ['', false],
    [', and its keeper with it,', true],
  ])('that is killed%s leaves a hundred sessions behind, and the next one to start ends them all, and none of another', async (_with, keeper) => {
    const stateDir = await tempFolder()
    const [victim, other] = [startHost(config(100, stateDir, keeper)), startHost(config(2, stateDir, keeper))]
    const [pids, others] = await Promise.all([victim.has('ready'), other.has('ready')])
    expect(pids.length).toBe(100)
    const trees = (await Promise.all(pids.map((pid) => treeOf(pid)))).flat()
    expect(trees.length).toBeGreaterThanOrEqual(300)
    await victim.kill()
    expect((await aliveOf(trees)).length).toBeGreaterThanOrEqual(100)

    const startedAt = performance.now()
    const next = startHost(config(1, stateDir))
    await next.has('ready')
    await until(async () => (await aliveOf(trees)).length === 0)
    console.log(`none of ${trees.length} processes alive ${Math.round(performance.now() - startedAt)} ms after the next start`)
    expect(others.every(isAlive)).toBe(true)
    await until(() => readdirSync(stateDir).length === 2)
    for (const host of [other, next]) host.tell('close')
    await Promise.all([other.has('closed'), next.has('closed')])
    expect([readdirSync(stateDir), others.filter(isAlive)]).toEqual([[], []])
    expect([...other.messages, ...next.messages].filter(({ problem }) => problem)).toEqual([])
  }, 120_000)

  it.each(['exit', 'throw'])('that does not close its pool, but ends (%s), takes its sessions along', async (how) => {
    const host = startHost(config(3, await tempFolder()), { quiet: how === 'throw' })
    const trees = (await Promise.all((await host.has('ready')).map((pid) => treeOf(pid)))).flat()
    expect(trees.length).toBeGreaterThanOrEqual(9)
    host.tell(how)
    expect((await host.exited).code).toBe(how === 'exit' ? 7 : 1)
    await until(async () => (await aliveOf(trees)).length === 0)
  })

  it('leaves nothing in the folder when its pools were closed, and nothing at all with stateDir: false', async () => {
    const stateDir = await tempFolder()
    const host = startHost(config(1, stateDir))
    await host.has('ready')
    expect(readdirSync(stateDir).length).toBe(1)
    host.tell('close')
    await host.has('closed')
    expect(readdirSync(stateDir)).toEqual([])
    host.tell('end')
    // Nothing keeps it alive.
    expect((await host.exited).code).toBe(0)

    const env = { GREENROOM_STATE_DIR: stateDir }
    const without = startHost(config(1, false), { env })
    await without.has('ready')
    expect(readdirSync(stateDir)).toEqual([])
    without.tell('close')
    await without.has('closed')
  })

  it('whose state folder can not be used says so, and works without it', async () => {
    const host = startHost(config(1, '/dev/null/folder'))
    expect((await host.has('ready')).length).toBe(1)
    expect(await host.has('problem')).toContain("the state folder /dev/null/folder can't be used")
    host.tell('close')
    await host.has('closed')
    expect(host.messages.filter(({ problem }) => problem).length).toBe(1)
  })
})
