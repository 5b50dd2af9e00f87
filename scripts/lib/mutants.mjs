// Applies deliberate faults to copies of the sources, and finds out whether the tests notice.
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileFile, compileInto } from './compile.mjs'
import { playSchedules, replaySchedule } from './schedules.mjs'

/** @typedef {import('../mutations/faults.mjs').Fault} Fault */

/**
 * @typedef {object} Verdict
 * @property {Fault} fault
 * @property {boolean} caught
 * @property {string} by what caught it, or did not
 */

const TEST_FILES = ['src', 'plugins', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']

/** The files of a fault as it makes them. Throws when its text does not stand in one exactly once: the list is stale. */
function mutate(/** @type {string} */ root, /** @type {Fault} */ { what, edits }) {
  /** @type {Map<string, string>} */
  const files = new Map()
  for (const { file, find, replace } of edits) {
    const parts = (files.get(file) ?? readFileSync(join(root, file), 'utf8')).split(find)
    if (parts.length !== 2) throw new Error(`"${what}": its text stands ${parts.length - 1} times in ${file}, and should once: bring scripts/mutations/faults.mjs up to date\n\n${find}\n`)
    files.set(file, parts.join(replace))
  }
  return files
}

/** Throws when a fault cannot be applied. */
export function checkFaults(/** @type {string} */ root, /** @type {readonly Fault[]} */ faults) {
  const stale = faults.flatMap((fault) => {
    try {
      mutate(root, fault)
      return []
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)]
    }
  })
  if (stale.length > 0) throw new Error(stale.join('\n'))
}

/** A copy of the sources in which one fault after the other is tried. */
export class Bench {
  #root
  #compiled
  #tests
  /** @type {Set<string>} */
  #passing = new Set()

  /**
   * @param {string} root the checkout
   * @param {string} folder an empty one
   */
  constructor(root, folder) {
    this.#root = root
    this.#compiled = join(folder, 'compiled')
    this.#tests = join(folder, 'tests')
    compileInto(root, this.#compiled)
    mkdirSync(this.#tests)
    for (const name of TEST_FILES) cpSync(join(root, name), join(this.#tests, name), { recursive: true })
    // The keeper, a program of its own, is started from dist.
    for (const name of ['node_modules', 'dist']) symlinkSync(join(root, name), join(this.#tests, name))
  }

  /**
   * @param {Fault} fault
   * @param {{ seed: number, schedules: number, signal: AbortSignal }} options at most so many schedules
   * @returns {Promise<Verdict>}
   */
  async try(fault, options) {
    const files = mutate(this.#root, fault)
    return fault.test === undefined ? this.#trySchedules(fault, files, options) : this.#tryTest(fault, fault.test, files)
  }

  /**
   * @param {Fault} fault
   * @param {Map<string, string>} files
   * @param {{ seed: number, schedules: number, signal: AbortSignal }} options
   * @returns {Promise<Verdict>}
   */
  async #trySchedules(fault, files, options) {
    try {
      for (const [file, text] of files) compileFile(this.#compiled, file, text)
      const { failure, schedules } = await playSchedules({ folder: this.#compiled, workers: 1, shorten: false, ...options })
      if (failure === undefined) return { fault, caught: false, by: `nothing, in ${schedules} schedules` }
      this.#restore(files)
      // What is wrong is told first; the state of the pool follows.
      const by = `schedule ${schedules + 1}: ${failure.text.split('\n')[0]}`
      const innocent = await replaySchedule(this.#compiled, failure)
      return innocent === undefined ? { fault, caught: true, by } : { fault, caught: false, by: `${by} (it fails without the fault, too)` }
    } finally {
      this.#restore(files)
    }
  }

  #restore(/** @type {Map<string, string>} */ files) {
    for (const file of files.keys()) compileFile(this.#compiled, file, readFileSync(join(this.#root, file), 'utf8'))
  }

  async #tryTest(/** @type {Fault} */ fault, /** @type {string} */ test, /** @type {Map<string, string>} */ files) {
    if (!this.#passing.has(test) && await this.#run(test) !== 0) return { fault, caught: false, by: `${test} fails without the fault` }
    this.#passing.add(test)
    try {
      for (const [file, text] of files) writeFileSync(join(this.#tests, file), text)
      const caught = await this.#run(test) !== 0
      return { fault, caught, by: caught ? test : `nothing: ${test} passes` }
    } finally {
      for (const file of files.keys()) cpSync(join(this.#root, file), join(this.#tests, file))
    }
  }

  /** @returns {Promise<number | null>} */
  #run(/** @type {string} */ test) {
    const vitest = join(this.#root, 'node_modules/vitest/vitest.mjs')
    const child = spawn(process.execPath, [vitest, 'run', test], { cwd: this.#tests, stdio: 'ignore', timeout: 120_000 })
    return new Promise((resolve) => child.on('close', resolve))
  }
}
