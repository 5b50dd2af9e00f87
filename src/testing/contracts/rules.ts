import { AssertionError } from 'node:assert'
import { inspect } from 'node:util'
import { messageOf } from '../../contracts/index.ts'
import { withDeadline } from '../../kernel/deadline.ts'
import { systemClock } from '../../kernel/system-clock.ts'

/** How long foreign code may take before it counts as hanging. */
export const PATIENCE_MS = 10_000

/** Throws an AssertionError unless the rule holds. `broken` says what was seen, and how to mend it. */
export function rule(holds: boolean, broken: string | (() => string)): asserts holds {
  if (!holds) fail(typeof broken === 'string' ? broken : broken())
}

/** Throws an AssertionError. */
export function fail(message: string, cause?: unknown): never {
  const error = new AssertionError({ message, stackStartFn: fail })
  if (cause !== undefined) error.cause = cause
  throw error
}

/** What a call of foreign code returns. That it throws is a broken rule; `what` names the call. */
export function call<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (thrown) {
    throw broken(what, 'threw', thrown)
  }
}

/** What a call of foreign code resolves to. That it rejects, throws, or hangs, is a broken rule. INV 20. */
export async function settled<T>(what: string, work: () => PromiseLike<T> | T, ms: number = PATIENCE_MS): Promise<T> {
  try {
    return await withDeadline(work(), ms, systemClock, () => hung(what, ms))
  } catch (thrown) {
    throw broken(what, 'failed', thrown)
  }
}

/** What a call of foreign code came to, a rejection too; only that it hangs is a broken rule. */
export async function outcome<T>(what: string, work: () => PromiseLike<T> | T, ms: number = PATIENCE_MS): Promise<PromiseSettledResult<T>> {
  const attempt = (async () => work())().then<PromiseSettledResult<T>, PromiseSettledResult<T>>(
    (value) => ({ status: 'fulfilled', value }),
    (reason: unknown) => ({ status: 'rejected', reason }),
  )
  return withDeadline(attempt, ms, systemClock, () => hung(what, ms))
}

/** A short picture of any value, for messages. */
export function show(value: unknown): string {
  const text = inspect(value, { depth: 3, breakLength: Infinity, maxArrayLength: 5, maxStringLength: 100 })
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

/** Resolves after `ms` of real time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void systemClock.setTimer(resolve, ms))
}

/** Resolves to whether `check` became true within `ms`. */
export async function becomes(check: () => boolean | Promise<boolean>, ms: number = PATIENCE_MS): Promise<boolean> {
  for (const end = systemClock.now() + ms; ;) {
    if (await check()) return true
    if (systemClock.now() >= end) return false
    await pause(10)
  }
}

function hung(what: string, ms: number): AssertionError {
  return new AssertionError({ message: `${what} did not settle within ${ms} ms: whatever it waits for needs a bound` })
}

function broken(what: string, how: string, thrown: unknown): unknown {
  if (thrown instanceof AssertionError) return thrown
  const error = new AssertionError({ message: `${what} ${how}: ${messageOf(thrown)}` })
  error.cause = thrown
  return error
}
