import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { evaluate, FOREVER, isAlive, openPool, pidOf, until } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

const MB = 2 ** 20

/** A program that answers a line with lines for ever, as fast as they are taken. */
const FLOOD = {
  use: 'json-lines', command: 'sh', args: ['-c', 'read line; exec yes "{\\"text\\":\\"$(printf %01000d 0)\\"}"'], terminal: { last: true },
} as const

const SILENCE_MS = 400

/** Bytes the process has written so far. */
const writtenBy = (pid: number): number => Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))![1])

/** Resolves to the same, when the process has written nothing for longer than the silence that would end its session. */
async function atRest(pid: number): Promise<number> {
  for (let before = -1; ;) {
    const written = writtenBy(pid)
    if (written === before) return written
    before = written
    await new Promise((resolve) => setTimeout(resolve, 2 * SILENCE_MS))
  }
}

describe('a stream', () => {
  it('gives events when they come, the answer last, and its result', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 1 } })
    await using lease = await pool.acquire({ key: 'k' })
    const stream = lease.stream({
      code: 'const go = new Promise((resolve) => process.once("SIGUSR2", resolve)); console.log("one"); await go; console.error("two"); 3',
    })
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const event of stream) seen.push(event)
    })()
    // The first is here while the program is still at work.
    await until(() => seen.length === 1)
    expect(seen).toEqual([{ type: 'stdout', text: 'one\n' }])
    process.kill(pidOf(pool, lease), 'SIGUSR2')
    await reading
    const answer = { value: 3, stdout: 'one\n', stderr: 'two\n' }
    expect(seen).toEqual([{ type: 'stdout', text: 'one\n' }, { type: 'stderr', text: 'two\n' }, answer])
    expect(await stream.result).toEqual(answer)
  })

  it('sends nothing before somebody looks', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 1 } })
    await using lease = await pool.acquire({ key: 'k' })
    lease.stream({ code: 'globalThis.x = 1' })
    expect(await evaluate(lease, 'typeof x')).toBe('undefined')
    expect(pool.getPoolStats().requests).toBe(1)
    const { result } = lease.stream({ code: 'globalThis.x = 1; x' })
    expect(await result).toMatchObject({ value: 1 })
  })

  it.runIf(process.platform === 'linux')('that is read slowly makes its program wait', async () => {
    const timeouts = { settle: '100ms', close: '200ms', silence: SILENCE_MS } as const
    const { pool } = await openPool({ driver: FLOOD, size: { max: 1, spare: 0 }, timeouts })
    const lease = await pool.acquire({ key: 'k' })
    const pid = pidOf(pool, lease)
    let bytes = 0
    let count = 0
    for await (const { text } of lease.stream<{ text: string }>({})) {
      bytes += text.length
      count++
      if (count === 10 || count === 2_000) {
        expect(bytes).toBe(count * 1_000)
        const written = await atRest(pid)
        // Beside what was read: what is in the pipe, and in a few chunks.
        expect(written - bytes).toBeLessThan(MB)
      }
      if (count === 4_000) break
    }
    expect(count).toBe(4_000)
    lease.release()
  })

  it('that is left early from a program that cannot stop ends its session, and the next caller gets another', async () => {
    const { pool, endings } = await openPool({ driver: FLOOD, size: { max: 2, spare: 0 }, timeouts: { settle: '100ms', close: '300ms' } })
    const lease = await pool.acquire({ key: 'k' })
    const pid = pidOf(pool, lease)
    for await (const _event of lease.stream({})) break
    lease.release()
    await until(() => !isAlive(pid))
    expect(endings.get(lease.sessionId)).toBe('unsettled')
    expect(await pool.use({ key: 'k' }, ({ sessionId }) => sessionId)).not.toBe(lease.sessionId)
  })

  it('that is left early asks the program to stop, and the session keeps its state', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 1, spare: 0 } })
    const lease = await pool.acquire({ key: 'k' })
    await evaluate(lease, 'globalThis.x = 1')
    const stream = lease.stream({ code: 'for (;;) { console.log("more"); await new Promise((resolve) => setTimeout(resolve, 5)) }' })
    for await (const event of stream) {
      expect(event).toEqual({ type: 'stdout', text: 'more\n' })
      break
    }
    expect((await greenroomErrorOf(() => stream.result)).code).toBe('REQUEST_ABORTED')
    lease.release()
    expect(await pool.use({ key: 'k' }, (next) => evaluate(next, 'x'))).toBe(1)
    expect(pool.getPoolStats().started).toBe(1)
  })

  it('gives what came before the session was lost, and then the loss', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 1, spare: 0 } })
    const lease = await pool.acquire({ key: 'k' })
    const stream = lease.stream({ code: `for (let n = 0; n < 100; n++) console.log(n); process.kill(process.pid, "SIGKILL"); ${FOREVER}` })
    const seen: unknown[] = []
    const error = await greenroomErrorOf(async () => {
      for await (const event of stream) seen.push(event)
    })
    expect(error).toMatchObject({ code: 'SESSION_CRASHED', exit: { signal: 'SIGKILL' } })
    expect(seen.map((event) => (event as { text: string }).text).join('')).toBe(Array.from({ length: 100 }, (_, n) => `${n}\n`).join(''))
    expect(await greenroomErrorOf(() => stream.result)).toBe(error)
  })

  it('ends at its time-out and at an abort, also while nobody reads', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 2, spare: 0 } })
    const [one, two] = await Promise.all([pool.acquire({ key: '1' }), pool.acquire({ key: '2' })])
    const caller = new AbortController()
    const late = one.stream({ code: FOREVER }, { timeout: '100ms' })
    const aborted = two.stream({ code: `console.log(1); ${FOREVER}` }, { signal: caller.signal })
    const iterator = aborted[Symbol.asyncIterator]()
    expect(await iterator.next()).toMatchObject({ done: false })
    caller.abort()
    expect((await greenroomErrorOf(() => aborted.result)).code).toBe('REQUEST_ABORTED')
    expect((await greenroomErrorOf(() => iterator.next())).code).toBe('REQUEST_ABORTED')
    expect((await greenroomErrorOf(() => late.result)).code).toBe('REQUEST_TIMEOUT')
    one.release()
    two.release()
    expect(await pool.use({ key: '2' }, (lease) => evaluate(lease, '2'))).toBe(2)
    expect(pool.getPoolStats().started).toBe(2)
  })
})
