import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A lock file is created and filled in two steps; one that is empty for longer than this was left so by a crash. */
const EMPTY_MS = 10_000

/**
 * Runs `work` while no other process on this machine holds the lock `file`. Waits for a live holder; takes over from a dead one.
 * @template T
 * @param {string} file
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, work) {
  while (!tryLock(file)) {
    takeFromTheDead(file)
    await sleep(50 + Math.random() * 50)
  }
  const unlock = () => rmSync(file, { force: true })
  process.once('exit', unlock)
  try {
    return await work()
  } finally {
    process.removeListener('exit', unlock)
    unlock()
  }
}

function tryLock(/** @type {string} */ file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false
    throw error
  }
}

function takeFromTheDead(/** @type {string} */ file) {
  if (!isAbandoned(file)) return
  // Moved away, not deleted: if somebody else was faster and this is already their new lock, it goes back.
  const aside = `${file}.${process.pid}`
  try {
    renameSync(file, aside)
    if (!isAbandoned(aside)) linkSync(aside, file)
  } catch {
    // Gone, or taken meanwhile: the next try finds out.
  } finally {
    rmSync(aside, { force: true })
  }
}

function isAbandoned(/** @type {string} */ file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    return pid > 0 ? !isAlive(pid) : Date.now() - statSync(file).mtimeMs > EMPTY_MS
  } catch {
    return false
  }
}

function isAlive(/** @type {number} */ pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}
