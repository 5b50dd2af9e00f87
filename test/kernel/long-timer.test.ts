import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/kernel/system-clock.ts'

// Weeks cannot be waited for: Node's timers are replaced.
beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('fires a timer of sixty days after sixty days', () => {
  const day = 86_400_000
  const fired = vi.fn()
  systemClock.setTimer(fired, 60 * day)
  vi.advanceTimersByTime(60 * day - 1)
  expect(fired).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(fired).toHaveBeenCalledTimes(1)
})

it('cancels a long timer on its later legs too', () => {
  const fired = vi.fn()
  const timer = systemClock.setTimer(fired, 2 ** 32)
  vi.advanceTimersByTime(2 ** 31 + 10)
  timer.cancel()
  vi.advanceTimersByTime(2 ** 33)
  expect(fired).not.toHaveBeenCalled()
})
