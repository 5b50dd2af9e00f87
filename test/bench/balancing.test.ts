import { describe, expect, it } from 'vitest'
import { createLoad } from '../../bench/balancing/load.mjs'
import { playMultiplexed } from '../../bench/balancing/play.mjs'
import { measure, table } from '../../bench/balancing.mjs'

describe('the benchmark balancing', () => {
  it('measures every balancer on every load, and is the same every time', async () => {
    const rows = await measure({ requests: 50, seeds: 1 })
    const cells = rows.flatMap((row) => row.cells)
    expect(rows).toHaveLength(13)
    expect(cells).toHaveLength(13 * 4)
    for (const { ratio, seeds } of cells) {
      expect(ratio).toBeGreaterThan(0.999)
      expect(seeds).toEqual([ratio])
    }
    expect(table(rows).split('\n')).toHaveLength(2 + 13)
    const [again] = await measure({ requests: 50, seeds: 1, only: 'power-of-two' })
    expect(again).toEqual(rows.find(({ name }) => name === 'power-of-two'))
  })

  it('finds the pool with exclusive sessions to be the central queue, with keys and without', async () => {
    const rows = await measure({ requests: 1_000, seeds: 1, only: 'exclusive' })
    expect(rows).toHaveLength(2)
    for (const { ratio } of rows.flatMap((row) => row.cells)) expect(ratio).toBeLessThanOrEqual(1.02)
  })

  it('puts the balancers in the order that is known of them', async () => {
    const of = async (only: string): Promise<number> => (await measure({ requests: 500, seeds: 1, services: ['lognormal'], only })).find(({ name }) => name === only)!.cells[1]!.ratio
    const ratios = [await of('least-loaded'), await of('power-of-two'), await of('random')]
    expect([...ratios].sort((a, b) => a - b)).toEqual(ratios)
  })

  it('has the pool do what arithmetic does, where that is easy: in turn', async () => {
    const load = createLoad({ service: 'pareto', utilisation: 0.9, sessions: 10, requests: 1_000, seed: 7 })
    const freeAt = new Float64Array(10)
    const expected = load.services.map((service, n) => (freeAt[n % 10] = Math.max(freeAt[n % 10]!, load.arrivals[n]!) + service) - load.arrivals[n]!)
    const measured = await playMultiplexed(load, { sessions: 10, seed: 1, balancer: 'round-robin' })
    for (const [n, ms] of expected.entries()) expect(measured[n]).toBeCloseTo(ms, 3)
  })
})
