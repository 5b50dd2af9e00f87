import { describe, expect, it } from 'vitest'
import { type Evictor, type Kernel, type Scarce, type SessionView, z } from '../../src/contracts/index.ts'
import { scene, watched } from './scene.ts'

/** An evictor that notes what it is told, and chooses the first. */
function noting(notes: string[], extra: Partial<Evictor> = {}) {
  const note = (what: string) => (session: SessionView): void => void notes.push(`${what} ${session.key}`)
  const evictor: Evictor = {
    choose(idle: readonly SessionView[], scarce?: Scarce) {
      notes.push(`choose for ${scarce}`)
      return idle[0]!
    },
    used: note('used'), idled: note('idled'), left: note('left'), ...extra,
  }
  return (kernel: Kernel): void => kernel.strategy('evictor', 'noting', { description: 'test', options: z.strictObject({}), create: () => evictor })
}

describe('an evictor in the pool', () => {
  it('is told of each use, of its end, and of the end of a session', async () => {
    const notes: string[] = []
    const { pool, clock } = await scene({ size: { max: 1, spare: 0 }, evictor: { use: 'noting' } as never }, { apply: noting(notes) })
    await pool.use({ key: 'a' }, (lease) => lease.request({ op: 'read' }))
    await pool.use({ key: 'a' }, (lease) => lease.request({ op: 'read' }))
    const next = watched(pool.acquire({ key: 'b' }))
    await clock.advance(1_000)
    next.value!.destroy()
    await clock.advance(1_000)
    expect(notes).toEqual(['used a', 'idled a', 'used a', 'idled a', 'choose for places', 'left a', 'used b', 'left b'])
  })

  it('takes no health check for a use (INV 26)', async () => {
    const notes: string[] = []
    const { pool, clock, programs } = await scene(
      { size: { max: 1, spare: 0 }, evictor: { use: 'noting' } as never, health: { every: '10s' } }, { capabilities: { ping: true }, apply: noting(notes) },
    )
    await pool.use({ key: 'a' }, (lease) => lease.request({ op: 'read' }))
    await clock.advance(60_000)
    expect(programs[0]!.pings).toBeGreaterThan(2)
    expect(notes).toEqual(['used a', 'idled a'])
  })

  it.each([
    ['memory, where its budget carries fewer sessions than there are places', { max: 2 }, 'memory'],
    ['places, where there are fewer of them than the budget carries', { max: 1 }, 'places'],
  ])('is told what is scarce: %s', async (_what, size, scarce) => {
    const notes: string[] = []
    const { pool, clock } = await scene({ size: { spare: 0, starting: 1, memory: '1GB', ...size }, evictor: { use: 'noting' } as never }, { apply: noting(notes) })
    await pool.use({ tenant: 'one', key: 'a' }, (lease) => lease.request({ op: 'read' }))
    // Of another tenant: within its own limit a tenant is always short of places.
    const next = watched(pool.acquire({ tenant: 'two', key: 'b' }))
    await clock.advance(1_000)
    next.value!.release()
    expect(notes.filter((note) => note.startsWith('choose'))).toEqual([`choose for ${scarce}`])
  })

  it('harms nobody when it throws what it is told (INV 8)', async () => {
    const throws = (): never => {
      throw new Error('not now')
    }
    const { pool, problems } = await scene(
      { size: { max: 1, spare: 0 }, evictor: { use: 'noting' } as never }, { apply: noting([], { used: throws, idled: throws, left: throws }) },
    )
    await pool.use({ key: 'a' }, (lease) => lease.request({ op: 'read' }))
    expect(problems).toHaveLength(2)
    expect(problems.every(({ problem }) => problem instanceof Error && problem.message === 'not now')).toBe(true)
  })
})
