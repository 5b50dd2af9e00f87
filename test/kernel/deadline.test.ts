import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runWithDeadline, withDeadline } from '../../src/kernel/deadline.ts'
import { ManualClock } from '../support/manual-clock.ts'

const late = (): Error => new Error('too late')
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function deferred<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

let clock: ManualClock
let unhandled: unknown[]
const note = (error: unknown): void => void unhandled.push(error)

beforeEach(() => {
  clock = new ManualClock()
  unhandled = []
  process.on('unhandledRejection', note)
})
afterEach(async () => {
  await turn()
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
  expect(clock.pending).toBe(0)
})

describe('withDeadline', () => {
  it('gives what the work gives, and leaves no timer', async () => {
    await expect(withDeadline(Promise.resolve(1), 100, clock, late)).resolves.toBe(1)
    await expect(withDeadline(Promise.reject(new Error('no')), 100, clock, late)).rejects.toThrow('no')
  })

  it('takes plain values and foreign thenables, also ones that misbehave', async () => {
    await expect(withDeadline(3, 100, clock, late)).resolves.toBe(3)
    await expect(withDeadline(undefined, 100, clock, late)).resolves.toBe(undefined)
    const twice: PromiseLike<number> = { then: (yes?: ((value: number) => unknown) | null) => (yes?.(1), yes?.(2), yes) as never }
    await expect(withDeadline(twice, 100, clock, late)).resolves.toBe(1)
    const throwing: PromiseLike<number> = { then: () => { throw new Error('then threw') } }
    await expect(withDeadline(throwing, 100, clock, late)).rejects.toThrow('then threw')
  })

  it('rejects at the deadline and drops the late outcome, a rejection too', async () => {
    const work = deferred<number>()
    const result = withDeadline(work.promise, 100, clock, late)
    clock.advance(99)
    expect(clock.pending).toBe(1)
    clock.advance(1)
    await expect(result).rejects.toThrow('too late')
    work.reject(new Error('later still'))
  })

  it('waits for ever, with no timer, when the deadline is Infinity', async () => {
    const work = deferred<number>()
    const result = withDeadline(work.promise, Infinity, clock, late)
    expect(clock.timersSet).toBe(0)
    work.resolve(4)
    await expect(result).resolves.toBe(4)
  })
})

describe('runWithDeadline', () => {
  it('gives what the work gives, its signal never aborted', async () => {
    let seen: AbortSignal | undefined
    const result = runWithDeadline((signal) => ((seen = signal), Promise.resolve('done')), 100, clock, late)
    await expect(result).resolves.toBe('done')
    expect(seen?.aborted).toBe(false)
    await expect(runWithDeadline(() => 5, Infinity, clock, late)).resolves.toBe(5)
  })

  it('turns a synchronous throw into a rejection', async () => {
    const result = runWithDeadline(() => { throw new Error('at once') }, 100, clock, late)
    await expect(result).rejects.toThrow('at once')
  })

  it('aborts the signal and rejects at the deadline, whatever the work does', async () => {
    let seen: AbortSignal | undefined
    const result = runWithDeadline((signal) => ((seen = signal), new Promise<never>(() => undefined)), 100, clock, late)
    clock.advance(100)
    await expect(result).rejects.toThrow('too late')
    expect(seen?.aborted).toBe(true)
    expect(String(seen?.reason)).toContain('too late')
  })

  it('answers with the deadline though the work settles by its own abort', async () => {
    const result = runWithDeadline(
      (signal) => new Promise<string>((resolve, reject) => signal.addEventListener('abort', () => { resolve('rescued'); reject(new Error('x')) })),
      100, clock, late,
    )
    clock.advance(100)
    await expect(result).rejects.toThrow('too late')
  })

  it('drops a late rejection', async () => {
    const work = deferred<number>()
    const result = runWithDeadline(() => work.promise, 100, clock, late)
    clock.advance(100)
    await expect(result).rejects.toThrow('too late')
    work.reject(new Error('later still'))
  })

  it('ends with the parent signal, with its reason, and listens to it no longer than needed', async () => {
    const parent = new AbortController()
    let seen: AbortSignal | undefined
    const result = runWithDeadline((signal) => ((seen = signal), new Promise<never>(() => undefined)), 100, clock, late, parent.signal)
    parent.abort(new Error('given up'))
    await expect(result).rejects.toThrow('given up')
    expect(seen?.aborted).toBe(true)

    let begun = false
    await expect(runWithDeadline(() => (begun = true), 100, clock, late, parent.signal)).rejects.toThrow('given up')
    expect(begun).toBe(false)

    const other = new AbortController()
    let unaffected: AbortSignal | undefined
    await runWithDeadline((signal) => void (unaffected = signal), 100, clock, late, other.signal)
    other.abort()
    expect(unaffected?.aborted).toBe(false)
  })
})
