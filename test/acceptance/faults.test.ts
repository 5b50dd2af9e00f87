import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { startHost } from '../support/host-process.ts'
import { isAlive, openPool, pidOf, until } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'
import { tempFolder } from '../support/temp-folder.ts'

const MB = 2 ** 20

/** A session of node that runs `code`, in which `say(message)` writes a line and `hear(message)` is called for each it reads. */
function program(code: string): { use: 'json-lines'; command: string; args: string[] } {
  const frame = `
    const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n')
    let hear = say
    require('readline').createInterface({ input: process.stdin }).on('line', (line) => hear(JSON.parse(line)))
    ${code}`
  return { use: 'json-lines', command: process.execPath, args: ['-e', frame] }
}

/** Bytes of this process in memory, at most so far. */
function peakRss(): number {
  return process.resourceUsage().maxRSS * 1024
}

describe('a program', () => {
  it('that floods stderr under a request is answered for all the same, and costs no memory', async () => {
    const { pool } = await openPool({
      driver: program(`
        const fs = require('fs')
        const noise = 'e'.repeat(65535) + '\\n'
        hear = (message) => { for (let n = 0; n < 1600; n++) fs.writeSync(2, noise); say(message) }`),
      size: { max: 1, spare: 0 },
    })
    await pool.request({ warm: true }, { key: 'k' })
    const before = peakRss()
    expect(await pool.request({ n: 1 }, { key: 'k', timeout: '25s' })).toEqual({ n: 1 })
    expect(peakRss() - before).toBeLessThan(64 * MB)
  })

  it('that floods stdout while nobody asked is ended, and its caller gets another', async () => {
    const { pool, endings } = await openPool({
      driver: program('hear = (message) => { say(message); if (message.flood) setInterval(() => { for (let n = 0; n < 1000; n++) say({ n }) }, 1) }'),
      size: { max: 2, spare: 0 }, timeouts: { close: '500ms' },
    })
    const lease = await pool.acquire({ key: 'k' })
    const { sessionId } = lease
    const pid = pidOf(pool, lease)
    await lease.request({ flood: true })
    lease.release()
    await until(() => endings.has(sessionId))
    expect(endings.get(sessionId)).toMatch(/^(contaminated|unsettled)$/)
    await until(() => !isAlive(pid))
    expect(await pool.request({ n: 2 }, { key: 'k' })).toEqual({ n: 2 })
  })

  it('that writes 100 MB without a newline is ended when the frame is too large, and costs no more memory than that', async () => {
    const { pool, endings } = await openPool({
      driver: { ...program(`
        const fs = require('fs')
        const write = (text) => { for (let rest = Buffer.from(text); rest.length > 0;) try { rest = rest.subarray(fs.writeSync(1, rest)) } catch {} }
        hear = () => { for (let n = 0; n < 1600; n++) write('x'.repeat(65536)) }`), maxFrame: '4MB' },
      size: { max: 2, spare: 0 }, timeouts: { close: '500ms' },
    })
    const before = peakRss()
    const lease = await pool.acquire({ key: 'k' })
    const pid = pidOf(pool, lease)
    const error = await greenroomErrorOf(() => lease.request({ go: true }))
    expect(error.code).toBe('FRAME_TOO_LARGE')
    await until(() => !isAlive(pid))
    expect(endings.get(lease.sessionId)).toBe('protocol')
    expect(peakRss() - before).toBeLessThan(64 * MB)
  })

  it('that closes stdout and lives on is ended, and its request fails', async () => {
    const { pool, endings } = await openPool({
      driver: program("hear = () => { require('fs').closeSync(1); setInterval(() => {}, 1000) }"), size: { max: 1, spare: 0 }, timeouts: { close: '500ms' },
    })
    const lease = await pool.acquire({ key: 'k' })
    const pid = pidOf(pool, lease)
    const error = await greenroomErrorOf(() => lease.request({ go: true }))
    expect([error.code, error.message]).toEqual(['PROTOCOL_ERROR', expect.stringContaining('closed its stdout but is still running')])
    await until(() => !isAlive(pid))
    expect(endings.get(lease.sessionId)).toBe('protocol')
  })

  it('that is killed under a request settles it at once, and the rest of the pool works on', async () => {
    const { pool } = await openPool({ driver: program('hear = (message) => { if (!message.hang) say(message) }'), size: { max: 4, spare: 0 } })
    const lease = await pool.acquire({ key: 'k' })
    const pid = pidOf(pool, lease)
    const request = greenroomErrorOf(() => lease.request({ hang: true }))
    process.kill(pid, 'SIGKILL')
    expect(await request).toMatchObject({ code: 'SESSION_CRASHED', exit: { code: null, signal: 'SIGKILL' } })
    expect(await pool.request({ n: 1 }, { key: 'other' })).toEqual({ n: 1 })
  })
})

describe.runIf(process.platform === 'linux')('a host that may not', () => {
  const sleeper = { use: 'json-lines', command: 'sh', args: ['-c', 'echo "{\\"ready\\":true}"; exec sleep 1000'], ready: { match: { ready: true } } } as const
  const config = async (keeper: boolean): Promise<object> => ({
    driver: sleeper, size: { max: 60, spare: 0, starting: 60 }, health: false, metrics: false, keeper, timeouts: { close: '500ms' },
    restart: { initial: '10ms', longest: '20ms', maxCrashes: 3, cooldown: '1h' }, stateDir: await tempFolder(),
  })

  it.each([
    ['open that many files', 'too many files are open (EMFILE)', undefined, false],
    ['open that many files, with a keeper', 'too many files are open (EMFILE)', undefined, true],
    ['start that many processes', 'the system has no room for another process now (EAGAIN)', limitProcesses(), false],
    ['start that many processes, with a keeper', 'the system has no room for another process now (EAGAIN)', limitProcesses(), true],
  ])('%s fails the starts, lives on, and ends all that it has started', async (_what, message, shell, keeper) => {
    const host = startHost(await config(keeper), shell === undefined ? {} : { shell })
    await host.has('ready')
    // Not before it has loaded all it needs.
    if (shell === undefined) limitFiles(host.pid, 40)
    host.tell('scale 60')
    expect(await host.has('failed')).toBe('BREAKER_OPEN')
    expect(await host.has('message')).toContain(message)
    const pids = await host.has('live')
    expect(pids.length).toBeGreaterThan(0)
    host.tell('close')
    await host.has('closed')
    expect(pids.filter(isAlive)).toEqual([])
    host.tell('end')
    expect((await host.exited).code).toBe(0)
  }, 60_000)
})

/** So many more than are open now. */
function limitFiles(pid: number, more: number): void {
  const limit = readdirSync(`/proc/${pid}/fd`).length + more
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:${limit}`])
}

/**
 * A limit on processes does not bind root: root takes another user's id first, and keeps only the right to read and write what it could before.
 * Such a user has no other process; others have those they have.
 */
function limitProcesses(): string {
  const room = 40
  if (process.getuid?.() !== 0) return `ulimit -u $(( $(ps -L -u $(id -u) -o lwp= | wc -l) + ${room} ))`
  const uid = 20_000 + (process.pid % 10_000)
  const right = '+dac_override,+dac_read_search'
  return `exec setpriv --reuid ${uid} --regid ${uid} --clear-groups --inh-caps ${right} --ambient-caps ${right} prlimit --nproc=${room} -- "$@"`
}
