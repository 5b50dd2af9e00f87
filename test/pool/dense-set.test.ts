import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/kernel/system-random.ts'
import { randomInt } from '../../src/contracts/index.ts'
import { DenseSet, type Placed } from '../../src/pool/dense-set.ts'

interface Member extends Placed {
  readonly name: number
}

const member = (name: number): Member => ({ name, place: -1 })
const names = (set: DenseSet<Member>): number[] => set.all().map(({ name }) => name).sort((a, b) => a - b)

describe('DenseSet', () => {
  it('has what a Set would have, whoever joins and leaves', () => {
    const random = seededRandom(7)
    const members = Array.from({ length: 12 }, (_, name) => member(name))
    const set = new DenseSet<Member>()
    const model = new Set<Member>()
    for (let step = 0; step < 5_000; step++) {
      const one = members[randomInt(random, members.length)]!
      if (model.has(one)) {
        expect(set.delete(one)).toBe(model.delete(one))
      } else {
        expect(set.delete(one)).toBe(false)
        set.add(one)
        model.add(one)
      }
      expect(set.size).toBe(model.size)
      expect(members.every((each) => set.has(each) === model.has(each))).toBe(true)
      expect(names(set)).toEqual([...model].map(({ name }) => name).sort((a, b) => a - b))
    }
  })

  it('shows those who were there when it was asked, whoever leaves meanwhile', () => {
    const set = new DenseSet<Member>()
    const members = [member(1), member(2), member(3)]
    for (const one of members) set.add(one)
    const seen: number[] = []
    for (const one of set.all()) {
      seen.push(one.name)
      for (const other of members) set.delete(other)
    }
    expect(seen).toEqual([1, 2, 3])
    expect(set.size).toBe(0)
  })

  it('does not take a member of another set for its own', () => {
    const [one, other] = [new DenseSet<Member>(), new DenseSet<Member>()]
    const [mine, theirs] = [member(1), member(2)]
    one.add(mine)
    other.add(theirs)
    expect(one.delete(theirs)).toBe(false)
    expect(names(other)).toEqual([2])
  })

  it('lets go of all at once, so that each may join again', () => {
    const set = new DenseSet<Member>()
    const one = member(1)
    set.add(one)
    set.clear()
    expect(set.has(one)).toBe(false)
    set.add(one)
    expect(names(set)).toEqual([1])
  })
})
