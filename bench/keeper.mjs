// What starting a session costs the host, by how much memory the host has in use: started by the host itself, and by the keeper. For each:
// how long the caller is blocked by the start, how long the event loop is held up at most while sessions start, and the time to the first
// answer of `cat`. And what the keeper itself takes. It asserts nothing. Run it on the built package: npm run bench:keeper
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../dist/src/kernel/system-clock.js'
import { HostProcesses } from '../dist/src/process/host-processes.js'

const SIZES_MB = [0, 300, 1_000]
const STARTS = 40

const [, , mode, extra] = process.argv
if (mode === undefined) main()
else await measure(mode === 'keeper', Number(extra))

function main() {
  console.log(`starting \`cat\`, ${STARTS} times, one after the other; Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}\n`)
  console.log('| host RSS | started by | caller blocked, p50 / p99 | event loop held up, worst | first answer, p50 / p99 |\n|---:|---|---:|---:|---:|')
  /** @type {string[]} */
  const notes = []
  for (const size of SIZES_MB) {
    for (const how of ['host', 'keeper']) {
      const { stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), how, String(size)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
      const { rss, blocked, delay, answer, note } = JSON.parse(stdout)
      console.log(`| ${rss} MB | ${how} | ${pair(blocked)} ms | ${delay.toFixed(1)} ms | ${pair(answer)} ms |`)
      if (note) notes.push(note)
    }
  }
  console.log(`\nthe keeper: ${notes[0]}`)
}

/** @param {boolean} keeper @param {number} megabytes */
async function measure(keeper, megabytes) {
  const ballast = Array.from({ length: megabytes / 10 }, (_, n) => Buffer.alloc(10 * 2 ** 20, n + 1))
  const processes = new HostProcesses({ clock: systemClock, report: (problem) => { throw problem } })
  const openedAt = performance.now()
  await processes.open({ stateDir: false, keeper })
  const startMs = performance.now() - openedAt
  await start(processes)

  /** @type {number[]} */ const blocked = []
  /** @type {number[]} */ const answer = []
  let delay = 0
  for (let n = 0; n < STARTS; n++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    const one = await start(processes)
    blocked.push(one.blocked)
    answer.push(one.answer)
    delay = Math.max(delay, one.delay)
  }
  const rss = Math.round(process.memoryUsage.rss() / 2 ** 20)
  const note = keeper ? `${keeperMemory()}, ready after ${startMs.toFixed(0)} ms` : undefined
  await processes.close()
  console.log(JSON.stringify({ rss, blocked, delay, answer, note, ballast: ballast.length }))
}

/** @param {HostProcesses} processes */
async function start({ spawner }) {
  let delay = 0
  let last = performance.now()
  const beat = setInterval(() => {
    const now = performance.now()
    delay = Math.max(delay, now - last - 1)
    last = now
  }, 1)
  const begun = performance.now()
  const child = spawner.spawn({ command: 'cat' })
  const blocked = performance.now() - begun
  child.stdin.write('hello\n')
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const answer = performance.now() - begun
  delay = Math.max(delay, performance.now() - last - 1)
  clearInterval(beat)
  child.stdin.end()
  await child.exited
  await child.endTree?.()
  return { blocked, answer, delay }
}

function keeperMemory() {
  for (const name of readdirSync('/proc')) {
    try {
      if (!/^\d+$/.test(name) || !readFileSync(`/proc/${name}/stat`, 'utf8').includes(`) S ${process.pid} `)) continue
      const text = readFileSync(`/proc/${name}/smaps_rollup`, 'utf8')
      const megabytes = (/** @type {string} */ field) => (Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1]) / 1024).toFixed(1)
      return `${megabytes('Rss')} MB RSS, ${megabytes('Pss')} MB PSS, ${megabytes('Private_Dirty')} MB of its own`
    } catch {
      // It is gone.
    }
  }
  return 'its memory is not known'
}

/** @param {number[]} values */
function pair(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (/** @type {number} */ share) => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(2)
  return `${at(0.5)} / ${at(0.99)}`
}
