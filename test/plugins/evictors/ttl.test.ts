import { describe, expect, it } from 'vitest'
import { sessionView } from '../../support/strategies.ts'
import { makeEvictor, MB, MINUTE } from './support.ts'

describe('the evictor ttl', () => {
  it('chooses the oldest process of the sessions that were idle for longer than `keep`', async () => {
    const { evictor, clock } = await makeEvictor('ttl', { keep: '5m' })
    clock.advance(60 * MINUTE)
    const now = clock.now()
    const idleFor = (id: string, minutes: number, ageMinutes: number) => {
      return sessionView({ id, lastUsedAt: now - minutes * MINUTE, startedAt: now - ageMinutes * MINUTE })
    }
    const sessions = [idleFor('longest', 20, 25), idleFor('oldest', 6, 40), idleFor('kept', 4, 50)]
    expect(evictor.choose(sessions).id).toBe('oldest')
    // By default none of them but the first has been idle for too long.
    expect((await makeEvictor('ttl')).evictor.choose(sessions).id).toBe('longest')
  })

  it('chooses the least recently used while none was', async () => {
    const { evictor } = await makeEvictor('ttl', { keep: '1h' })
    expect(evictor.choose([30, 10, 20].map((lastUsedAt) => sessionView({ id: `at ${lastUsedAt}`, lastUsedAt, startedAt: -lastUsedAt }))).id).toBe('at 10')
  })

  it('chooses the largest of those where memory is scarce', async () => {
    const { evictor, clock } = await makeEvictor('ttl', { keep: 0 })
    clock.advance(MINUTE)
    const sessions = [50, 200, 100].map((mb, n) => sessionView({ id: `${mb} MB`, startedAt: n, usage: { memoryBytes: mb * MB } }))
    expect(evictor.choose(sessions, 'memory').id).toBe('200 MB')
    expect(evictor.choose(sessions, 'places').id).toBe('50 MB')
  })
})
