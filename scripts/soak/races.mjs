// Requests whose callers give up just as the program comes to its end: the signal that interrupts it meets the answer that is on its way.
import { setImmediate } from 'node:timers/promises'
import { createPool, isGreenroomError } from 'greenroom'

/** A turn, or a session's return, that takes longer hangs. */
const HANG_MS = 20_000
/** Of the usual time of a turn: up to so much after its begin it is given up. */
const FURTHEST = 1.5
const WARM_UP = 20

/**
 * @typedef {{ cancels: number, aborted: number, answered: number, faults: string[] }} Report
 * @typedef {{ driver: object, quick: (n: number) => object }} Contestant
 */

/** Interpreters, and code that puts out a number and takes a millisecond or less. @type {ReadonlyMap<string, Contestant>} */
export const CONTESTANTS = new Map([
  ['node-repl', { driver: { use: 'node-repl' }, quick: (/** @type {number} */ n) => ({ code: `for (let i = 0; i < 20_000; i++); console.log(${n})` }) }],
  ['python-repl', { driver: { use: 'python-repl' }, quick: (/** @type {number} */ n) => ({ code: `sum(range(5000))\nprint(${n})` }) }],
  ['bash', { driver: { use: 'shell', command: 'bash' }, quick: (/** @type {number} */ n) => ({ command: n % 2 === 0 ? `echo ${n}` : `true | true; echo ${n}` }) }],
  ['sh', { driver: { use: 'shell', command: 'sh' }, quick: (/** @type {number} */ n) => ({ command: n % 2 === 0 ? `echo ${n}` : `true | true; echo ${n}` }) }],
])

/**
 * Gives up one request after the other, and after each asks the session, which must be the same, for something else. A session is a key's own here,
 * so that what an interruption did to it shows.
 * @param {Contestant} contestant
 * @param {{ cancels: number, random?: () => number }} options
 * @returns {Promise<Report>}
 */
export async function race({ driver, quick }, { cancels, random = Math.random }) {
  const pool = await createPool({ driver: /** @type {never} */ (driver), size: { max: 1 }, health: false, timeouts: { settle: '10s' } })
  /** @type {Report} */
  const report = { cancels, aborted: 0, answered: 0, faults: [] }
  let session = ''
  /** @param {(lease: import('greenroom').Lease) => Promise<void>} work */
  const turn = (work) => within(pool.use({ key: 'racer' }, async (lease) => {
    if (session !== '' && lease.sessionId !== session) report.faults.push(`session ${session} was ended: ${reasonOf(pool, session)}`)
    session = lease.sessionId
    await work(lease)
  }))
  try {
    const usualMs = await usualTime(pool, quick)
    for (let n = 0; n < cancels; n++) {
      await turn(async (lease) => {
        const controller = new AbortController()
        const asked = lease.request(quick(n), { signal: controller.signal })
        // Timers are too coarse: the end of the code is to be met within microseconds. With the answer read meanwhile, and unread.
        const reads = random() < 0.5
        for (const until = performance.now() + random() * FURTHEST * usualMs; performance.now() < until;) if (reads) await setImmediate()
        controller.abort()
        await asked.then(() => report.answered++, (error) => (isGreenroomError(error, 'REQUEST_ABORTED') ? report.aborted++ : report.faults.push(String(error))))
      })
      await turn(async (lease) => {
        const answer = /** @type {{ stdout?: string }} */ (await lease.request(quick(1_000_000 + n)))
        if (answer.stdout !== `${1_000_000 + n}\n`) report.faults.push(`another answer than that to ${1_000_000 + n}: ${JSON.stringify(answer)}`)
      })
    }
  } catch (error) {
    report.faults.push(String(error))
  } finally {
    await pool.close({ grace: 0 })
  }
  return report
}

/** Of a turn, in milliseconds. @param {import('greenroom').Pool} pool @param {Contestant['quick']} quick */
async function usualTime(pool, quick) {
  /** @type {number[]} */
  const times = []
  for (let n = 0; n < WARM_UP; n++) {
    await pool.use({ key: 'racer' }, async (lease) => {
      const since = performance.now()
      await lease.request(quick(n))
      times.push(performance.now() - since)
    })
  }
  return times.sort((a, b) => a - b)[WARM_UP / 2] ?? 1
}

/** @template T @param {Promise<T>} work @returns {Promise<T>} */
function within(work) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  const hang = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came of it within ${HANG_MS / 1_000} s`)), HANG_MS)
  })
  return Promise.race([work, /** @type {Promise<never>} */ (hang)]).finally(() => clearTimeout(timer))
}

/** @param {import('greenroom').Pool} pool @param {string} session */
function reasonOf(pool, session) {
  return pool.decisions().findLast(({ kind, sessionId }) => kind === 'end' && sessionId === session)?.reason ?? 'nobody knows why'
}
