import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/testing/index.ts'

describe('VirtualClock', () => {
  it('stands still until it is moved', async () => {
    const clock = new VirtualClock()
    const before = clock.now()
    await clock.settle()
    expect(clock.now()).toBe(before)
    await clock.advance(250)
    expect(clock.now()).toBe(before + 250)
    expect(clock.wallTime() - clock.now()).toBe(1_700_000_000_000)
  })

  it('fires timers when they are due, in the order they were set when they are due together', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.record({ ms: fc.nat({ max: 20 }), cancel: fc.boolean() }), { maxLength: 60 }), async (timers) => {
      const clock = new VirtualClock()
      const fired: number[] = []
      const set = timers.map(({ ms }, index) => clock.setTimer(() => fired.push(index), ms))
      timers.forEach(({ cancel }, index) => cancel && set[index]!.cancel())
      const expected = timers
        .map(({ ms, cancel }, index) => ({ ms, cancel, index }))
        .filter(({ cancel }) => !cancel)
        .sort((a, b) => a.ms - b.ms || a.index - b.index)
      expect(clock.pending).toBe(expected.length)
      await clock.advance(20)
      expect(fired).toEqual(expected.map(({ index }) => index))
      expect(clock.pending).toBe(0)
    }), { numRuns: 100 })
  })

  it('lets promise chains of any length run to their end between two timers', async () => {
    const clock = new VirtualClock()
    const order: string[] = []
    clock.setTimer(() => {
      let chain = Promise.resolve()
      for (let link = 0; link < 500; link++) chain = chain.then(() => undefined)
      void chain.then(() => order.push('chain'))
    }, 10)
    clock.setTimer(() => order.push('second timer'), 10)
    await clock.advance(10)
    expect(order).toEqual(['chain', 'second timer'])
  })

  it('fires what is set on the way at its time, and nothing beyond the end', async () => {
    const clock = new VirtualClock()
    const began = clock.now()
    const times: number[] = []
    clock.setTimer(() => clock.setTimer(() => {
      times.push(clock.now() - began)
      clock.setTimer(() => times.push(-1), 5)
    }, 4), 5)
    await clock.advance(10)
    expect(times).toEqual([9])
    expect(clock.pending).toBe(1)
  })

  it('takes a timer back once, and never fires one for Infinity', async () => {
    const clock = new VirtualClock()
    const timer = clock.setTimer(() => expect.unreachable(), 5)
    clock.setTimer(() => expect.unreachable(), Infinity).cancel()
    timer.cancel()
    timer.cancel()
    expect(clock.pending).toBe(0)
    const fired = clock.setTimer(() => undefined, -5)
    await clock.advance(0)
    fired.cancel()
    expect(clock.pending).toBe(0)
  })

  it('runs until only background timers are left, or a limit is reached', async () => {
    const clock = new VirtualClock()
    const began = clock.now()
    let ticks = 0
    const tick = (): void => {
      ticks++
      clock.setTimer(tick, 10, { background: true })
    }
    tick()
    clock.setTimer(() => clock.setTimer(() => undefined, 30), 25)
    await clock.runUntilIdle()
    expect([clock.now() - began, ticks, clock.pending, clock.pendingBackground]).toEqual([55, 6, 1, 1])
    const again = (): void => void clock.setTimer(again, 1_000)
    again()
    await expect(clock.runUntilIdle(5_000)).rejects.toThrow('still 1 timers')
  })

  it('rejects with what a callback throws', async () => {
    const clock = new VirtualClock()
    clock.setTimer(() => {
      throw new Error('mine')
    }, 1)
    await expect(clock.advance(5)).rejects.toThrow('mine')
  })
})
