import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { createPool } from 'greenroom/compat/generic-pool'
import { type Ran, ROOT, run } from '../support/project.ts'

/** What a test needs of a tarn pool to have it opened. */
interface Acquirable<T> {
  acquire(): { promise: Promise<T> }
}

/** A pool's first resource, however short its time-outs are: to open takes its time, which counts. */
export async function firstOf<T>(pool: Acquirable<T>): Promise<T> {
  for (;;) {
    try {
      return await pool.acquire().promise
    } catch {
      continue
    }
  }
}

/** Asks until create() has been called. */
export async function provoke(pool: Acquirable<unknown>, workshop: Workshop): Promise<void> {
  while (workshop.attempts === 0) await pool.acquire().promise.catch(() => undefined)
}

export interface Thing {
  readonly id: number
  isGood: boolean
}

/** Makes things and notes what becomes of them. */
export class Workshop {
  readonly made: Thing[] = []
  readonly destroyed: number[] = []
  /** How many calls of create() are yet to fail, and how many things yet to be made will be no good. */
  failures = 0
  duds = 0
  destroyMs = 0
  attempts = 0
  live = 0
  peak = 0

  readonly create = async (): Promise<Thing> => {
    this.peak = Math.max(this.peak, ++this.live)
    const number = ++this.attempts
    // Not at once: a pool that tries again without a pause would leave the event loop no turn.
    await later()
    if (this.failures > 0) {
      this.failures--
      this.live--
      throw new Error(`no thing at attempt ${number}`)
    }
    const thing = { id: this.made.length + 1, isGood: this.duds-- <= 0 }
    this.made.push(thing)
    return thing
  }

  readonly destroy = async (thing: Thing): Promise<void> => {
    await later(this.destroyMs)
    this.live--
    this.destroyed.push(thing.id)
  }

  readonly validate = async (thing: Thing): Promise<boolean> => {
    await later()
    return thing.isGood
  }
}

/** Loads what a pool loads when it opens. */
export async function warmUp(): Promise<void> {
  const pool = createPool({ create: () => ({}), destroy() {} })
  await pool.release(await pool.acquire())
  await pool.drain()
  await pool.clear()
}

export function later(ms = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Resolves when `state()` equals `expected`. */
export async function reaches(state: () => unknown, expected: unknown): Promise<void> {
  await vi.waitFor(() => expect(state()).toEqual(expected), { timeout: 20_000, interval: 2 })
}

/** How a promise stands after some turns of the event loop. */
export async function standing(promise: Promise<unknown>): Promise<'pending' | 'resolved' | 'rejected'> {
  let state: 'pending' | 'resolved' | 'rejected' = 'pending'
  promise.then(() => (state = 'resolved'), () => (state = 'rejected'))
  await later(40)
  return state
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return await promise.then(
    () => expect.fail('it was expected to be rejected'),
    (error: unknown) => error as Error,
  )
}

/** Runs a program of a CommonJS module in the checkout. */
export function program(text: string): Promise<Ran> {
  return run(process.execPath, ['-e', text], ROOT)
}

/**
 * Deviations are told of twice: by a test, whose title is the first column, and by a row of the guide's table under `heading`. The test that
 * this makes at the end holds the two together.
 */
export class Deviations {
  readonly #heading: string
  readonly #titles: string[] = []

  constructor(heading: string) {
    this.#heading = heading
  }

  readonly deviation = (title: string, test: () => Promise<void> | void): void => {
    this.#titles.push(title)
    it(title, test)
  }

  readonly areThoseOfTheGuide = (): void => {
    it('are those of the guide, in its order', () => {
      const [, section = ''] = readFileSync(join(ROOT, 'docs/guides/migrating.md'), 'utf8').split(`\n## ${this.#heading}\n`)
      const rows = [...section.split('\n## ')[0]!.matchAll(/^\| (.*?) \|/gm)].map(([, first]) => first!.replaceAll('`', ''))
      // Without the head of the table.
      expect(rows.slice(1)).toEqual(this.#titles)
    })
  }
}
