import { describe, expect, it } from 'vitest'
import { CONTESTANTS, race } from '../../scripts/soak/races.mjs'

describe('interpreters that are interrupted as they come to their end', () => {
  it.each([...CONTESTANTS])('%s: keep their session, and answer what they are asked next', async (_name, contestant) => {
    const { aborted, answered, cancels, faults } = await race(contestant, { cancels: 40 })
    expect(faults).toEqual([])
    expect(aborted + answered).toBe(cancels)
    expect(aborted).toBeGreaterThan(0)
  })
})
