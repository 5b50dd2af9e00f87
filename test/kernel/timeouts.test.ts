import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { Timeouts, type Timeout } from '../../src/kernel/timeouts.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

let clock: ManualClock
let errors: unknown[]
let timeouts: Timeouts
let fired: string[]

beforeEach(() => {
  clock = new ManualClock()
  errors = []
  fired = []
  timeouts = new Timeouts(clock, { onError: (error) => errors.push(error) })
})

const fire = (name: string): void => void fired.push(name)

describe('Timeouts', () => {
  it('calls each once, with its item, when it is due and not before', () => {
    timeouts.add(100, fire, 'a')
    clock.advance(40)
    timeouts.add(100, fire, 'b')
    timeouts.add(30, fire, 'c')
    timeouts.add(30, () => fire('d'))
    clock.advance(29)
    expect(fired).toEqual([])
    clock.advance(1)
    expect(fired).toEqual(['c', 'd'])
    clock.advance(30)
    expect(fired).toEqual(['c', 'd', 'a'])
    clock.advance(1_000)
    expect(fired).toEqual(['c', 'd', 'a', 'b'])
    expect(timeouts.size).toBe(0)
  })

  it('has one clock timer a duration, however many wait', () => {
    for (let index = 0; index < 1_000; index++) timeouts.add(index % 2 === 0 ? 100 : 200, fire, 'x')
    expect(clock.pending).toBe(2)
    expect(clock.timersSet).toBe(2)
    expect(timeouts.size).toBe(1_000)
  })

  it('sets no clock timer in the steady state', () => {
    // Ten leases at a time, each over long before its time-out: 10 s in all.
    let open = Array.from({ length: 10 }, () => timeouts.add(1_000, fire, 'never'))
    for (let step = 0; step < 10_000; step++) {
      clock.advance(1)
      timeouts.remove(open[0]!)
      open = [...open.slice(1), timeouts.add(1_000, fire, 'never')]
    }
    expect(fired).toEqual([])
    expect(clock.timersSet).toBeLessThanOrEqual(12)
  })

  it('goes to sleep when nothing is left: no timer, and a new one for the next', () => {
    const node = timeouts.add(100, fire, 'a')
    timeouts.remove(node)
    clock.advance(100)
    expect(clock.pending).toBe(0)
    clock.advance(10_000)
    expect(clock.timersSet).toBe(1)
    timeouts.add(100, fire, 'b')
    clock.advance(100)
    expect(fired).toEqual(['b'])
    expect(clock.pending).toBe(0)
  })

  it('never calls one that was removed, and removes it once only', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => timeouts.add(100, fire, name))
    timeouts.remove(b!)
    timeouts.remove(b!)
    timeouts.remove(a!)
    clock.advance(100)
    timeouts.remove(c!)
    expect(fired).toEqual(['c'])
    expect(timeouts.size).toBe(0)
  })

  it('lets a refreshed one begin anew, and leaves one alone that is over', () => {
    const a = timeouts.add(100, fire, 'a')
    timeouts.add(100, fire, 'b')
    clock.advance(60)
    timeouts.refresh(a)
    clock.advance(40)
    expect(fired).toEqual(['b'])
    clock.advance(60)
    expect(fired).toEqual(['b', 'a'])
    timeouts.refresh(a)
    clock.advance(1_000)
    expect(fired).toEqual(['b', 'a'])
  })

  it('never calls one set for Infinity, and sets no timer for it', () => {
    const node = timeouts.add(Infinity, fire, 'never')
    timeouts.refresh(node)
    timeouts.remove(node)
    expect(clock.timersSet).toBe(0)
    expect(timeouts.size).toBe(0)
    expect(node.list).toBeUndefined()
  })

  it('takes the time from its caller when told it', () => {
    const a = timeouts.add(100, fire, 'a', clock.now() - 40)
    expect(a.since).toBe(clock.now() - 40)
    timeouts.refresh(a, clock.now() - 10)
    expect(a.since).toBe(clock.now() - 10)
  })

  it('calls the others when one throws, and tells of it', () => {
    timeouts.add(100, () => { throw new Error('first') })
    timeouts.add(100, fire, 'second')
    clock.advance(100)
    expect(fired).toEqual(['second'])
    expect(errors).toEqual([new Error('first')])
  })

  it('loses none even when the error handler throws', () => {
    timeouts = new Timeouts(clock, { onError: () => { throw new Error('handler') } })
    timeouts.add(100, () => { throw new Error('first') })
    timeouts.add(100, fire, 'second')
    expect(() => clock.advance(100)).toThrow('handler')
    clock.advance(100)
    expect(fired).toEqual(['second'])
    expect(clock.pending).toBe(0)
  })

  it('lets callbacks add, remove and refresh', () => {
    const third: Timeout[] = []
    timeouts.add(100, () => {
      fire('first')
      timeouts.remove(second)
      timeouts.refresh(third[0]!)
      timeouts.add(100, fire, 'again')
    })
    const second = timeouts.add(100, fire, 'second')
    third.push(timeouts.add(100, fire, 'third'))
    clock.advance(100)
    expect(fired).toEqual(['first'])
    expect(clock.pending).toBe(1)
    clock.advance(100)
    expect(fired).toEqual(['first', 'third', 'again'])
    expect(clock.pending).toBe(0)
  })

  it('gives the host its turn when a callback sets one that is due at once', () => {
    let calls = 0
    const again = (): void => {
      calls++
      if (calls < 5) timeouts.add(0, again)
    }
    timeouts.add(0, again)
    const before = clock.timersSet
    clock.advance(0)
    expect(calls).toBe(5)
    expect(clock.timersSet - before).toBe(4)
  })

  it('clear takes all back and leaves no timer, also from within a callback', () => {
    timeouts.add(100, fire, 'a')
    timeouts.add(Infinity, fire, 'never')
    timeouts.add(50, fire, 'b')
    timeouts.clear()
    expect(clock.pending).toBe(0)
    timeouts.add(10, () => {
      timeouts.clear()
      timeouts.add(10, fire, 'after')
    })
    timeouts.add(10, fire, 'cleared')
    clock.advance(1_000)
    expect(fired).toEqual(['after'])
    expect(clock.pending).toBe(0)
    expect(timeouts.size).toBe(0)
  })

  it('uses background timers when asked to', () => {
    const background = new Timeouts(clock, { onError: () => undefined, background: true })
    background.add(10, fire, 'a')
    timeouts.add(10, fire, 'b')
    expect(clock.pending).toBe(2)
    expect(clock.pendingBackground).toBe(1)
    timeouts.clear()
    background.clear()
  })

  it('refuses what is no duration', async () => {
    for (const ms of [-1, NaN]) expect((await greenroomErrorOf(() => timeouts.add(ms, fire, 'x'))).code).toBe('ARGUMENT_INVALID')
  })

  it('agrees with a naive model under any sequence of commands', () => {
    const durations = fc.constantFrom(0, 1, 7, 50, 50, 300)
    const command = fc.oneof(
      fc.record({ type: fc.constant('add' as const), ms: durations }),
      fc.record({ type: fc.constant('remove' as const), which: fc.nat() }),
      fc.record({ type: fc.constant('refresh' as const), which: fc.nat() }),
      fc.record({ type: fc.constant('advance' as const), ms: fc.nat(120) }),
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const time = new ManualClock()
        const subject = new Timeouts(time, { onError: (error) => { throw error } })
        const calls: string[] = []
        const nodes: Timeout[] = []
        const model: { ms: number; due: number; pending: boolean }[] = []
        const expected: string[] = []
        for (const step of commands) {
          if (step.type === 'add') {
            const id = nodes.length
            nodes.push(subject.add(step.ms, (name) => calls.push(`${name} at ${time.now()}`), String(id)))
            model.push({ ms: step.ms, due: time.now() + step.ms, pending: true })
          } else if (step.type === 'advance') {
            const end = time.now() + step.ms
            model.forEach((entry, id) => {
              if (!entry.pending || entry.due > end) return
              entry.pending = false
              expected.push(`${id} at ${entry.due}`)
            })
            time.advance(step.ms)
          } else if (nodes.length > 0) {
            const id = step.which % nodes.length
            const entry = model[id]!
            if (step.type === 'remove') {
              subject.remove(nodes[id]!)
              entry.pending = false
            } else {
              subject.refresh(nodes[id]!)
              if (entry.pending) entry.due = time.now() + entry.ms
            }
          }
          const waiting = model.filter(({ pending }) => pending)
          expect(subject.size).toBe(waiting.length)
          // A timer for every duration somebody waits for; never more than one for each.
          expect(time.pending).toBeGreaterThanOrEqual(new Set(waiting.map(({ ms }) => ms)).size)
          expect(time.pending).toBeLessThanOrEqual(new Set(model.map(({ ms }) => ms)).size)
        }
        // Each at its own time, which is more than the model says about the order within one instant.
        expect([...calls].sort()).toEqual([...expected].sort())
        subject.clear()
        expect(time.pending).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})
