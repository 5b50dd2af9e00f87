import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Arrival, Arrivals } from '../../../plugins/queues/parts/arrivals.ts'

interface Member extends Arrival {
  readonly rank: number
  readonly order: number
}

const isBefore = (a: Member, b: Member): boolean => (a.rank === b.rank ? a.order < b.order : a.rank < b.rank)

describe('arrivals', () => {
  it('leave in their order, whichever order they come in and whoever is taken out from among them', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('push' as const), rank: fc.nat(3) }),
      fc.record({ do: fc.constant('shift' as const) }),
      fc.record({ do: fc.constant('remove' as const), which: fc.nat() }),
    )
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const arrivals = new Arrivals(isBefore)
      const gone: Member[] = []
      let model: Member[] = []
      const take = (member: Member): void => {
        arrivals.remove(member)
        model = model.filter((one) => one !== member)
        gone.push(member)
      }
      for (const [order, each] of steps.entries()) {
        if (each.do === 'push') {
          const member: Member = { rank: each.rank, order, index: -1, previous: undefined, next: undefined, inLine: false }
          arrivals.push(member)
          model = [...model, member].sort((a, b) => (isBefore(a, b) ? -1 : 1))
        } else if (model.length > 0) take(each.do === 'shift' ? arrivals.peek()! : model[each.which % model.length]!)
        expect(arrivals.peek()).toBe(model[0])
        expect(arrivals.size).toBe(model.length)
        expect(model.every((member) => arrivals.has(member))).toBe(true)
        expect(gone.some((member) => arrivals.has(member))).toBe(false)
      }
    }))
  })

  it('that come in order are in no heap, and let go of each other when they leave', () => {
    const arrivals = new Arrivals(isBefore)
    const members = Array.from({ length: 3 }, (_, order): Member => ({ rank: 0, order, index: -1, previous: undefined, next: undefined, inLine: false }))
    for (const member of members) arrivals.push(member)
    expect(members.map(({ index, inLine }) => [index, inLine])).toEqual(members.map(() => [-1, true]))
    for (const member of [members[1]!, members[0]!, members[2]!]) arrivals.remove(member)
    expect(members.map(({ previous, next }) => [previous, next])).toEqual(members.map(() => [undefined, undefined]))
    expect([arrivals.size, arrivals.peek()]).toEqual([0, undefined])
  })
})
