import { expect, it, vi } from 'vitest'
import pidusage from '../../../plugins/metrics/pidusage.ts'
import { makeStrategy } from '../../support/strategies.ts'

/** Who was asked about, each time. */
const asked: number[][] = []

// A number that is used again can't be had on purpose: the package says what it would say then.
vi.mock('pidusage', () => ({
  default: (pids: number[]) => {
    asked.push(pids)
    return Promise.resolve(Object.fromEntries(pids.map((pid) => [pid, pid === 7 ? null : { memory: 5, ctime: 1, elapsed: 2 }])))
  },
}))

it('the sampler pidusage does not ask about who was gone until the package has forgotten it, for each question would put that off', async () => {
  const { strategy: sampler, clock } = await makeStrategy('metrics', 'pidusage', pidusage)
  expect([...(await sampler.sample([7, 8])).keys()]).toEqual([8])
  clock.advance(19_000)
  expect([...(await sampler.sample([7, 8])).keys()]).toEqual([8])
  expect((await sampler.sample([7])).size).toBe(0)
  clock.advance(1_001)
  await sampler.sample([8, 7])
  expect(asked).toEqual([[7, 8], [8], [8, 7]])
})
