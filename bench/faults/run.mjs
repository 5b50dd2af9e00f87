// What pools of processes make of faults: the same ones for greenroom and three peers, each in a process of its own, on the machine it
// runs on. It asserts nothing. Linux only (it looks for survivors in /proc). Run it on the built package: npm run bench:faults [-- POOL...]
import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const FOLDER = new URL('.', import.meta.url).pathname
const POOLS = ['greenroom', 'workerpool', 'tinypool', 'jest-worker']
const FAULTS = [
  'killed under a request', 'stopped under a request', 'exits with 0 under a request', 'killed while idle', 'all killed, 16 requests wait',
  'its program is missing', '50 MB on stderr under a request', 'close(): it is deaf to signals', 'close(): it is stopped', 'close(): its child',
  'close(): its child, after setsid', 'close(): its daemon', 'host killed: 5, each with a setsid child',
]
/** A scenario may take this long. */
const LONGEST_MS = 30_000
/** How long after its end something may be on its way out. */
const GRACE_MS = 2_000

if (!existsSync(join(FOLDER, 'node_modules', 'workerpool'))) {
  process.stderr.write('installing the peers (npm ci in bench/faults)\n')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) process.exit(1)
}

const chosen = process.argv.slice(2)
const pools = chosen.length > 0 ? POOLS.filter((pool) => chosen.includes(pool)) : POOLS
/** @type {string[][]} */
const rows = []
for (const fault of FAULTS) {
  const row = [fault]
  for (const pool of pools) {
    process.stderr.write(`\r${`${pool}: ${fault}`.padEnd(72)}`)
    row.push(await examine(pool, fault))
  }
  rows.push(row)
}
process.stderr.write(`\r${''.padEnd(72)}\r`)
const versions = pools.map((pool) => `${pool} ${version(pool)}`)
const widths = ['a worker…', ...versions].map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)))
for (const row of [['a worker…', ...versions], ...rows]) process.stdout.write(`${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()}\n`)

/** @param {string} pool @param {string} fault */
async function examine(pool, fault) {
  const mark = `GREENROOM_BENCH=${randomUUID()}`
  const state = mkdtempSync(join(tmpdir(), 'greenroom-bench-'))
  const env = { ...process.env, GREENROOM_BENCH: mark.split('=')[1], GREENROOM_STATE_DIR: state }
  // A session's environment is an allow-list: its own mark says whose it is, once its processes are known.
  const host = spawn(process.execPath, [join(FOLDER, 'scenario.mjs'), pool, fault], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const known = new Set()
  const watch = setInterval(() => note(host.pid, known), 20)
  let text = ''
  host.stdout.on('data', (chunk) => {
    text += String(chunk)
    // While all of it is alive.
    note(host.pid, known)
    if (String(chunk).includes('KILL')) host.kill('SIGKILL')
  })
  const limit = setTimeout(() => host.kill('SIGKILL'), LONGEST_MS)
  // Not `close`: workers may have inherited its output, and outlive it.
  await new Promise((resolve) => void host.once('exit', resolve))
  clearInterval(watch)
  clearTimeout(limit)
  host.stdout.destroy()
  const said = text.trim() || 'the host ended'
  const counts = /LEFT|KILL/.test(said)
  const left = await survivors(mark, known, counts ? GRACE_MS : 0)
  for (const pid of left) kill(pid)
  rmSync(state, { recursive: true, force: true })
  if (!counts) return said
  return `${left.length === 0 ? 'none' : left.length} left after ${GRACE_MS / 1_000} s${said.includes('UNCAUGHT') ? '; UNCAUGHT in the host' : ''}`
}

/** Takes note of all descendants, by id and start. @param {number | undefined} host @param {Set<string>} known */
function note(host, known) {
  const all = processes()
  const found = new Set([host])
  for (let size = 0; size !== found.size;) {
    size = found.size
    for (const { pid, ppid } of all) if (found.has(ppid)) found.add(pid)
  }
  // Marks of sessions: their descendants have them, wherever they are.
  for (const { pid, id } of all) {
    if (!found.has(pid) || pid === host) continue
    known.add(id)
    const session = environment(pid).find((entry) => entry.startsWith('GREENROOM_SESSION='))
    if (session) known.add(session)
  }
}

/** @param {string} mark @param {Set<string>} known @param {number} graceMs */
async function survivors(mark, known, graceMs) {
  for (let waited = 0; ; waited += 100) {
    const left = processes().filter(({ pid, id }) => {
      if (known.has(id)) return true
      return environment(pid).some((entry) => entry === mark || (entry.startsWith('GREENROOM_SESSION=') && known.has(entry)))
    })
    if (left.length === 0 || waited >= graceMs) return left.map(({ pid }) => pid)
    await new Promise((resolve) => void setTimeout(resolve, 100))
  }
}

/** Live ones. @returns {{ pid: number, ppid: number, id: string }[]} */
function processes() {
  return readdirSync('/proc').map(Number).filter((pid) => pid > 0 && pid !== process.pid).flatMap((pid) => {
    const stat = read(`/proc/${pid}/stat`)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return stat === '' || fields[0] === 'Z' ? [] : [{ pid, ppid: Number(fields[1]), id: `${pid} ${fields[19]}` }]
  })
}

/** @param {number} pid */
function environment(pid) {
  return read(`/proc/${pid}/environ`).split('\0')
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** @param {number} pid */
function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/** @param {string} pool */
function version(pool) {
  const path = pool === 'greenroom' ? join(FOLDER, '../../package.json') : join(FOLDER, 'node_modules', pool, 'package.json')
  return String(JSON.parse(readFileSync(path, 'utf8')).version)
}
