import type { Clock } from '../contracts/index.ts'
import { onAbort } from './abort-callbacks.ts'

/**
 * What `work` settles to, or a rejection with `onTimeout()` when that takes longer than `ms`. `Infinity`: no deadline.
 * Late work is not stopped; its outcome, a rejection too, is dropped. No timer is left behind.
 */
export function withDeadline<T>(work: PromiseLike<T> | T, ms: number, clock: Clock, onTimeout: () => Error): Promise<T> {
  if (ms === Infinity || !isThenable(work)) return Promise.resolve(work)
  return new Promise<T>((resolve, reject) => {
    const timer = clock.setTimer(() => reject(onTimeout()), ms)
    // Promise.resolve: a foreign thenable may settle twice, synchronously, or throw from `then`.
    Promise.resolve(work).then(
      (value) => {
        timer.cancel()
        resolve(value)
      },
      (error: unknown) => {
        timer.cancel()
        reject(error)
      },
    )
  })
}

/**
 * Runs `work` with a signal that is aborted at the deadline, or with `parent`. The promise then rejects at once, with `onTimeout()` or
 * the parent's reason, whatever the work does; its late outcome is dropped. A synchronous throw is a rejection.
 * When `parent` is aborted already, the work is not begun.
 */
export function runWithDeadline<T>(
  work: (signal: AbortSignal) => PromiseLike<T> | T,
  ms: number,
  clock: Clock,
  onTimeout: () => Error,
  parent?: AbortSignal,
): Promise<T> {
  if (parent?.aborted) return Promise.reject(parent.reason)
  const controller = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const stop = (reason: unknown): void => {
      // Rejects first: nothing an abort listener does may come before the caller's answer.
      reject(reason)
      finish()
      controller.abort(reason)
    }
    const timer = ms === Infinity ? undefined : clock.setTimer(() => stop(onTimeout()), ms)
    const finish = (): void => {
      timer?.cancel()
      forgetParent?.()
    }
    const forgetParent = parent && onAbort(parent, () => stop(parent.reason))
    new Promise<T>((settle) => settle(work(controller.signal))).then(
      (value) => {
        finish()
        resolve(value)
      },
      (error: unknown) => {
        finish()
        reject(error)
      },
    )
  })
}

function isThenable<T>(value: PromiseLike<T> | T): value is PromiseLike<T> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && 'then' in value && typeof value.then === 'function'
}
