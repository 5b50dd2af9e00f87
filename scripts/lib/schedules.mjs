// Plays random schedules over the pool in worker processes, each a core's worth, until the time or their number is up, or one fails.
import { fork } from 'node:child_process'
import { join } from 'node:path'

/** As many as one run of the test: how far values reach depends on the number. */
const BATCH = 200
/** A schedule takes milliseconds; one that is not over by then hangs. */
const HANG_MS = 30_000
const SHORTENING_MS = 240_000

/**
 * @typedef {object} Played
 * @property {number} schedules played to their end
 * @property {number} commands in them
 * @property {Failure | undefined} failure
 */

/**
 * @typedef {object} Failure
 * @property {string} text what was wrong, with the shortest schedule that shows it, and how it is replayed
 * @property {number} seed
 * @property {string} path
 */

/**
 * @param {object} options
 * @param {string} options.folder made by `compileInto`
 * @param {number} options.seed the batches of the same seed are the same ones, however many there are time for
 * @param {number} options.workers
 * @param {number} [options.schedules] at most; default: as many as there is time for
 * @param {boolean} [options.shorten] a failure, until it shows in few commands; default true
 * @param {AbortSignal} [options.signal] ends it: when the time is up, or somebody has enough
 * @param {(state: { schedules: number, commands: number, shortening: boolean }) => void} [options.progress] called after every schedule
 * @returns {Promise<Played>}
 */
export async function playSchedules({ folder, seed, workers, schedules: wanted = Infinity, shorten = true, signal, progress }) {
  const stop = new AbortController()
  const ends = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  /** @type {Played} */
  const played = { schedules: 0, commands: 0, failure: undefined }
  let given = 0
  let batches = 0
  let shortening = false

  await Promise.all(Array.from({ length: workers }, async () => {
    const player = startPlayer(folder)
    try {
      while (!ends.aborted && given < wanted) {
        const batch = { seed: mix(seed, batches++), schedules: Math.min(BATCH, wanted - given), shorten }
        given += batch.schedules
        const failure = await player.play(batch, ends, (told) => {
          if ('commands' in told) {
            played.schedules++
            played.commands += told.commands
          } else {
            shortening = true
          }
          progress?.({ ...played, shortening })
        })
        if (failure === undefined) continue
        // The first is told; others may be cut off while they are shortened.
        played.failure ??= failure
        stop.abort()
      }
    } finally {
      player.end()
    }
  }))
  return played
}

/**
 * Plays one schedule again.
 * @param {string} folder
 * @param {{ seed: number, path: string, replayPath?: string }} schedule as a failure tells it
 * @returns {Promise<Failure | undefined>}
 */
export async function replaySchedule(folder, { seed, path, replayPath = '' }) {
  const player = startPlayer(folder)
  try {
    return await player.play({ seed, schedules: 1, shorten: false, path, replayPath }, new AbortController().signal, () => undefined)
  } finally {
    player.end()
  }
}

/** @typedef {{ commands: number } | { failed: true }} Progress */

function startPlayer(/** @type {string} */ folder) {
  const child = fork(join(folder, 'dist/test/properties/player.js'), { cwd: folder, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text) => (stderr = (stderr + text).slice(-4_000)))

  return {
    end: () => child.kill('SIGKILL'),

    /**
     * @param {{ seed: number, schedules: number, shorten: boolean, path?: string, replayPath?: string }} batch
     * @param {AbortSignal} signal
     * @param {(told: Progress) => void} progress
     * @returns {Promise<Failure | undefined>} also when there was no time to find one
     */
    play(batch, signal, progress) {
      return new Promise((resolve) => {
        let index = 0
        /** @type {NodeJS.Timeout | undefined} */
        let watchdog
        const failed = (/** @type {string} */ what) => {
          const path = batch.path ?? String(index)
          finish({ text: `${what}\n\nreplay: npm run test:deep -- --seed=${batch.seed} --path=${path}`, seed: batch.seed, path })
        }
        const watch = (/** @type {number} */ ms) => {
          clearTimeout(watchdog)
          watchdog = setTimeout(() => failed(`a schedule is not over after ${ms / 1_000} s`), ms)
        }
        const finish = (/** @type {Failure | undefined} */ failure) => {
          clearTimeout(watchdog)
          child.off('message', heard).off('exit', exited)
          signal.removeEventListener('abort', stopped)
          resolve(failure)
        }
        const stopped = () => finish(undefined)
        const exited = (/** @type {number | null} */ code, /** @type {string | null} */ ended) => failed(`the player ended with ${ended ?? `code ${code}`}: ${stderr.trim()}`)
        const heard = (/** @type {any} */ told) => {
          if ('done' in told) return finish(told.done ?? undefined)
          if ('commands' in told) index++
          watch('failed' in told ? SHORTENING_MS : HANG_MS)
          progress(told)
        }
        child.on('message', heard).on('exit', exited)
        signal.addEventListener('abort', stopped)
        watch(HANG_MS)
        if (signal.aborted) stopped()
        else child.send(batch)
      })
    },
  }
}

/** A seed for each batch, far from those of other batches and other seeds. (The finalizer of MurmurHash3.) */
function mix(/** @type {number} */ seed, /** @type {number} */ batch) {
  let hash = (seed ^ Math.imul(batch, 0x9e3779b1)) | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
