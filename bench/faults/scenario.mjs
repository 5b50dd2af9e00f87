// One fault in one pool, in a process of its own: `node scenario.mjs POOL FAULT`. Prints what came of it as a line of text.
import { ok } from 'node:assert/strict'

/** How long anything may take before it counts as hung. */
const LONGEST_MS = 8_000

const [name = '', fault = ''] = process.argv.slice(2)
const { open } = await import(`./pools/${name}.mjs`)
/** @type {string[]} */
const uncaught = []
process.on('uncaughtException', (error) => void uncaught.push(error.message))
process.on('unhandledRejection', (error) => void uncaught.push(String(error)))

const pause = (/** @type {number} */ ms) => new Promise((resolve) => void setTimeout(resolve, ms))
const seconds = (/** @type {number} */ since) => `${((performance.now() - since) / 1_000).toFixed(1)} s`

/** `answer`, `error` or `hangs`, and after how long. @param {() => Promise<unknown>} work */
async function outcome(work, hangs = 'hangs') {
  const since = performance.now()
  const settled = Promise.resolve().then(work).then(() => 'answer', () => 'error')
  const result = await Promise.race([settled, pause(LONGEST_MS).then(() => hangs)])
  return result === hangs ? `${hangs} > ${LONGEST_MS / 1_000} s` : `${result} ${seconds(since)}`
}

/** @returns {Promise<number>} */
const pidOf = (/** @type {{ request(task: object): Promise<number> }} */ pool) => pool.request({ do: 'pid' })

const FAULTS = {
  async 'killed under a request'() {
    return hurt((pid) => process.kill(pid, 'SIGKILL'))
  },
  async 'stopped under a request'() {
    return hurt((pid) => process.kill(pid, 'SIGSTOP'))
  },
  async 'exits with 0 under a request'() {
    const pool = await open({ size: 1 })
    const first = await outcome(() => pool.request({ do: 'exit' }))
    return `${first}; next: ${await outcome(() => pidOf(pool))}`
  },
  async 'killed while idle'() {
    const pool = await open({ size: 1 })
    process.kill(await pidOf(pool), 'SIGKILL')
    await pause(300)
    return `next: ${await outcome(() => pidOf(pool))}`
  },
  async 'all killed, 16 requests wait'() {
    const pool = await open({ size: 4 })
    const pids = new Set(await Promise.all(Array.from({ length: 8 }, () => pidOf(pool))))
    const hung = Array.from({ length: 4 }, () => pool.request({ do: 'hang' }).catch(() => undefined))
    let answered = 0
    for (let n = 0; n < 16; n++) pidOf(pool).then(() => answered++, () => undefined)
    await pause(300)
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    await Promise.race([Promise.all(hung), pause(500)])
    const since = performance.now()
    while (answered < 16 && performance.now() - since < LONGEST_MS) await pause(20)
    return `${answered} of 16 answered in ${seconds(since)}`
  },
  async 'its program is missing'() {
    const pool = await open({ size: 1, missing: true })
    return outcome(() => pidOf(pool))
  },
  async '50 MB on stderr under a request'() {
    const pool = await open({ size: 1 })
    await pidOf(pool)
    const before = process.resourceUsage().maxRSS
    const result = await outcome(() => pool.request({ do: 'noise' }))
    return `${result}, host +${Math.round((process.resourceUsage().maxRSS - before) / 1_024)} MB`
  },
  async 'close(): it is deaf to signals'() {
    const pool = await open({ size: 1 })
    await pool.request({ do: 'deaf' })
    return outcome(() => pool.close())
  },
  async 'close(): it is stopped'() {
    const pool = await open({ size: 1 })
    process.kill(await pidOf(pool), 'SIGSTOP')
    return outcome(() => pool.close())
  },
  'close(): its child': () => closeWith('child'),
  'close(): its child, after setsid': () => closeWith('setsid'),
  'close(): its daemon': () => closeWith('daemon'),
  async 'host killed: 5, each with a setsid child'() {
    const pool = await open({ size: 5 })
    await Promise.all(Array.from({ length: 5 }, () => pool.request({ do: 'start', what: 'setsid' })))
    return 'KILL'
  },
}

/** What becomes of a request under which its worker is hurt, and of the next one. @param {(pid: number) => void} how */
async function hurt(how) {
  const pool = await open({ size: 1 })
  const pid = await pidOf(pool)
  const request = pool.request({ do: 'hang' })
  await pause(200)
  how(pid)
  const first = await outcome(() => request)
  return `${first}; next: ${await outcome(() => pidOf(pool))}`
}

/** @param {string} what */
async function closeWith(what) {
  const pool = await open({ size: 1 })
  await pool.request({ do: 'start', what })
  await outcome(() => pool.close())
  return 'LEFT'
}

const run = FAULTS[/** @type {keyof typeof FAULTS} */ (fault)]
ok(run, `the faults are: ${Object.keys(FAULTS).join(', ')}`)
const text = await run()
process.stdout.write(`${text}${uncaught.length > 0 ? '; UNCAUGHT in the host' : ''}\n`)
if (text === 'KILL') await pause(LONGEST_MS)
// What hangs is the runner's to end.
process.exit(0)
