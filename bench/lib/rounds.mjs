import { spawn } from 'node:child_process'
import { medians } from './statistics.mjs'

/** @typedef {Record<string, number>} Figures */

/**
 * Measures each contestant once a round, in turn: what disturbs the machine for a while disturbs all of them.
 * @param {readonly string[]} contestants
 * @param {number} rounds
 * @param {(contestant: string) => Promise<Figures>} measure
 * @returns {Promise<Map<string, { figures: Figures, rounds: Figures[] }>>} the median of each figure, and every round's
 */
export async function interleave(contestants, rounds, measure) {
  /** @type {Map<string, Figures[]>} */
  const measured = new Map(contestants.map((name) => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const [name, figures] of measured) {
      if (process.stderr.isTTY) process.stderr.write(`\r${`round ${round} of ${rounds}: ${name}`.padEnd(72)}`)
      figures.push(await measure(name))
    }
  }
  if (process.stderr.isTTY) process.stderr.write(`\r${''.padEnd(72)}\r`)
  return new Map([...measured].map(([name, figures]) => [name, { figures: medians(figures), rounds: figures }]))
}

/**
 * Runs a program of the benchmark in a process of its own, so that no contestant inherits another's heap or compiled code. It prints JSON.
 * @param {URL} program
 * @param {readonly string[]} args
 * @param {{ limitMs?: number }} [options]
 * @returns {Promise<Figures>}
 */
export async function inOwnProcess(program, args, { limitMs = 120_000 } = {}) {
  const child = spawn(process.execPath, ['--expose-gc', program.pathname, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs)
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signal))
  })
  clearTimeout(limit)
  if (code !== 0) throw new Error(`${[program.pathname, ...args].join(' ')} ended with ${code}`)
  return /** @type {Figures} */ (JSON.parse(text))
}
