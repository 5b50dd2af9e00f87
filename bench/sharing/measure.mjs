// `node measure.mjs 'a process for each'|greenroom`: prints memory and waits as JSON.
import { equal } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from 'greenroom'
import { quantile } from '../lib/statistics.mjs'
import { driver, start } from '../starting/by-hand.mjs'

const USERS = 100
const BUSY_MS = 50
/** A user's turn, of which the work is 5 %. */
const CYCLE_MS = 1_000
const WARM_UP_MS = 5_000
const LENGTH_MS = 10_000

const [name = ''] = process.argv.slice(2)
/** @type {number[]} */
const waits = []
let measuring = false
let requests = 0
const { turn, close } = name === 'greenroom' ? await shared() : await ownEach()
const until = performance.now() + WARM_UP_MS + LENGTH_MS
const users = Promise.all(Array.from({ length: USERS }, (_, user) => work(user)))
await sleep(WARM_UP_MS)
measuring = true
await sleep(LENGTH_MS)
const memory = measureMemory()
await users
await close()
process.stdout.write(JSON.stringify({ ...memory, wait: quantile(waits, 0.99), requests }), () => process.exit(0))

/** @param {number} user */
async function work(user) {
  // As people come: each at a time of their own, and never quite regularly.
  await sleep(Math.random() * CYCLE_MS)
  while (performance.now() < until) {
    const message = { user, n: Math.random(), ms: BUSY_MS }
    equal(JSON.stringify(await turn(user, message)), JSON.stringify(message))
    if (measuring) requests++
    await sleep((CYCLE_MS - BUSY_MS) * (0.5 + Math.random()))
  }
}

async function ownEach() {
  /** @type {Awaited<ReturnType<typeof start>>[]} */
  const children = []
  while (children.length < USERS) children.push(...await Promise.all(Array.from({ length: 4 }, () => start(0))))
  return {
    turn: async (/** @type {number} */ user, /** @type {object} */ message) => JSON.parse(String(await children[user]?.ask(message))),
    close: () => Promise.all(children.map((child) => child.end())),
  }
}

async function shared() {
  const pool = await createPool({ driver: driver(0), size: { min: 12, max: 16, spare: 2 }, isolation: 'none' })
  await pool.ready()
  return {
    turn: (/** @type {number} */ _user, /** @type {object} */ message) => {
      const since = performance.now()
      return pool.use((lease) => {
        if (measuring) waits.push(performance.now() - since)
        return lease.request(message)
      })
    },
    close: () => pool.close({ grace: 0 }),
  }
}

/** Of all descendants, the keeper too. */
function measureMemory() {
  const parents = new Map(readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).flatMap((pid) => {
    const stat = read(`/proc/${pid}/stat`)
    return stat === '' ? [] : [[Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]]
  }))
  const isOurs = (/** @type {number} */ pid) => {
    for (let at = parents.get(pid); at; at = parents.get(at)) if (at === process.pid) return true
    return false
  }
  const texts = [...parents.keys()].filter(isOurs).map((pid) => read(`/proc/${pid}/smaps_rollup`)).filter((text) => text !== '')
  const sum = (/** @type {RegExp} */ field) => texts.reduce((total, text) => total + Number(field.exec(text)?.[1] ?? 0), 0) / 1_024
  return { processes: texts.length, pss: sum(/^Pss:\s+(\d+)/m), rss: sum(/^Rss:\s+(\d+)/m) }
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
