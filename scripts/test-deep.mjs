// Plays as many random schedules over the pool as there is time for: see docs/guides/testing.md.
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const HELP = `Plays random schedules of callers, crashes, delays, refusals and failing plugins over the real pool, on a virtual clock, and checks
every invariant after every step. Ends with 1 and the shortest schedule that shows it when one does not hold.

  npm run test:deep -- [options]

  --seconds N        how long; default 60
  --seed S           the same seed plays the same schedules; default: another one each time
  --workers W        processes; default: one a core
  --path P           plays one schedule again, as a failure tells it (with --seed and --commands)
  --commands C
  --help
`
const root = fileURLToPath(new URL('..', import.meta.url))
const options = read()
const folder = mkdtempSync(join(tmpdir(), 'greenroom-deep-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const { compileInto } = await import('./lib/compile.mjs')
const { playSchedules, replaySchedule } = await import('./lib/schedules.mjs')
compileInto(root, folder)
process.exitCode = options.path === undefined ? await play() : await replay(options.path)

async function play() {
  const { seconds, seed, workers } = options
  console.log(`seed ${seed}, ${seconds} s, ${workers} ${workers === 1 ? 'worker' : 'workers'}`)
  const end = new AbortController()
  const timer = setTimeout(() => end.abort(), seconds * 1_000)
  let interrupted = false
  const interrupt = () => {
    interrupted = true
    end.abort()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)

  const began = performance.now()
  const elapsed = () => (performance.now() - began) / 1_000
  let told = 0
  const played = await playSchedules({
    folder, seed, workers, signal: end.signal,
    progress: ({ schedules, shortening }) => {
      // A failure that was found is worth the time to shorten it.
      if (shortening) clearTimeout(timer)
      if (elapsed() - told < (process.stdout.isTTY ? 1 : 10)) return
      told = elapsed()
      console.log(`${told.toFixed(0).padStart(5)} s  ${schedules} schedules, ${(schedules / told).toFixed(0)} a second${shortening ? '; one failed, and is being shortened' : ''}`)
    },
  })
  clearTimeout(timer)
  const { schedules, commands, failure } = played
  if (failure !== undefined) console.log(`\n${failure.text}\n`)
  console.log(`${schedules} schedules, ${commands} commands in ${elapsed().toFixed(0)} s: ${failure === undefined ? 0 : 1} violations${interrupted ? ' (interrupted)' : ''}`)
  return failure === undefined ? (interrupted ? 130 : 0) : 1
}

async function replay(/** @type {string} */ path) {
  const failure = await replaySchedule(folder, { seed: options.seed, path, replayPath: options.commands })
  console.log(failure?.text ?? 'it does not fail')
  return failure === undefined ? 0 : 1
}

function read() {
  try {
    const { values } = parseArgs({
      options: {
        seconds: { type: 'string', default: '60' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
        workers: { type: 'string', default: String(availableParallelism()) },
        path: { type: 'string' },
        commands: { type: 'string', default: '' },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      console.log(HELP)
      process.exit(0)
    }
    return {
      seconds: number('seconds', values.seconds, 0),
      seed: number('seed', values.seed),
      workers: number('workers', values.workers, 1),
      path: values.path,
      commands: values.commands,
    }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`)
    process.exit(2)
  }
}

function number(/** @type {string} */ name, /** @type {string} */ text, least = -Infinity) {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < least) throw new Error(`--${name} ${text}: give a number${least === -Infinity ? '' : `, ${least} or more`}`)
  return value
}
