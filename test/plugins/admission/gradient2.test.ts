import { describe, expect, it } from 'vitest'
import plugin, { type Gradient2 } from '../../../plugins/admission/gradient2.ts'
import type { AdmissionReport } from '../../../src/contracts/index.ts'
import { makeStrategy, problemsWith } from '../../support/strategies.ts'

const request = { tenant: 'a', key: undefined, priority: 0 }

async function make(options: object = {}): Promise<Gradient2> {
  return (await makeStrategy('admission', 'gradient2', plugin, options)).strategy as Gradient2
}

/** So many callers are through, the limit being made full use of. */
function pass(admission: Gradient2, count: number, latencyMs: number, more: Partial<AdmissionReport> = {}): void {
  for (let n = 0; n < count; n++) admission.finished({ latencyMs, inFlight: admission.limit, outcome: 'done', ...more })
}

describe('the admission gradient2', () => {
  it('begins with 20 callers in flight, and refuses one more in words', async () => {
    const admission = await make()
    expect(admission.admit(request, { inFlight: 19 })).toBeUndefined()
    expect(admission.admit(request, { inFlight: 20 })).toEqual({ reason: '20 are in flight and the limit is 20 (admission)' })
    pass(admission, 1, 400, { inFlight: 1 })
    expect(admission.admit(request, { inFlight: 20 })).toEqual({
      reason: '20 are in flight and the limit is 20 (admission); the last one took 400ms, and 400ms is usual', retryAfterMs: 400,
    })
  })

  it('grows while latency is as usual and the limit is made use of, up to max', async () => {
    const admission = await make()
    // L ← 0.8 L + 0.2 (L · 1 + 4)
    pass(admission, 1, 100)
    expect(admission.limit).toBe(20)
    pass(admission, 1, 100)
    expect(admission.limit).toBe(21)
    pass(admission, 1_000, 100)
    expect(admission.limit).toBe(200)
  })

  it('shrinks as latency rises, by a tenth at a time at most, down to min, and grows back as it falls', async () => {
    const admission = await make()
    pass(admission, 600, 100)
    pass(admission, 1, 1_000)
    expect(admission.limit).toBe(180)
    pass(admission, 40, 1_000)
    expect(admission.limit).toBe(20)
    pass(admission, 1_000, 100)
    expect(admission.limit).toBe(200)
  })

  it('takes latency within the tolerance for usual', async () => {
    const [patient, strict] = [await make({ tolerance: 3 }), await make({ tolerance: 1 })]
    for (const admission of [patient, strict]) {
      pass(admission, 600, 100)
      pass(admission, 5, 250)
    }
    expect(patient.limit).toBe(200)
    expect(strict.limit).toBeLessThan(150)
  })

  it('learns nothing of the limit while it is not what holds callers back', async () => {
    const admission = await make()
    pass(admission, 600, 100)
    pass(admission, 100, 5_000, { inFlight: 99 })
    expect(admission.limit).toBe(200)
  })

  it('takes a new latency for usual in the end, and forgets a bad time faster than that', async () => {
    const admission = await make()
    pass(admission, 600, 100)
    pass(admission, 3_000, 300)
    expect(admission.limit).toBe(200)
    pass(admission, 20, 100)
    pass(admission, 6, 350)
    // Usual is 200 by now, not near 300: 350 is too much.
    expect(admission.limit).toBeLessThan(200)
  })

  it('takes who was cut short for slow, and learns nothing of who was lost', async () => {
    const admission = await make()
    pass(admission, 600, 100)
    pass(admission, 50, 60_000, { outcome: 'lost' })
    expect(admission.limit).toBe(200)
    pass(admission, 5, 60_000, { outcome: 'late' })
    expect(admission.limit).toBeLessThan(130)
  })

  it('is not led astray by a clock that stands still', async () => {
    const admission = await make()
    pass(admission, 1_000, 0)
    expect(admission.limit).toBe(200)
    pass(admission, 1_000, 0, { inFlight: 1 })
    expect(admission.limit).toBe(200)
  })

  it.each<[object, number, number]>([
    [{ min: 5, max: 8 }, 8, 8],
    [{ min: 30, max: 50 }, 30, 50],
    [{ initial: 25 }, 25, 200],
    [{ queue: 40, initial: 100 }, 100, 200],
  ])('begins and ends within its range with %o', async (options, initial, most) => {
    const admission = await make(options)
    expect(admission.limit).toBe(initial)
    pass(admission, 1_000, 100)
    expect(admission.limit).toBe(most)
    pass(admission, 200, 1e9)
    expect(admission.limit).toBeGreaterThanOrEqual((options as { min?: number }).min ?? 20)
  })

  it('grows in steps of queue times smoothing, and forgets by the window', async () => {
    const admission = await make({ queue: 10, smoothing: 0.5 })
    pass(admission, 1, 100)
    expect(admission.limit).toBe(25)
    const [quick, slow] = [await make({ window: 20 }), await make({ window: 5_000 })]
    for (const one of [quick, slow]) {
      pass(one, 600, 100)
      pass(one, 60, 200)
    }
    expect(quick.limit).toBeGreaterThan(slow.limit)
  })

  it.each<[object, string]>([
    [{ min: 0 }, 'Too small'],
    [{ max: 10 }, '20 is more than max, which is 10: give both'],
    [{ initial: 500 }, 'must be from 20 (min) to 200 (max)'],
    [{ tolerance: 0.5 }, 'Too small'],
    [{ queue: 0 }, 'Too small'],
    [{ smoothing: 0 }, 'Too small'],
    [{ window: 1 }, 'Too small'],
    [{ rtt: 1 }, 'rtt'],
  ])('refuses %o', async (options, message) => {
    expect(await problemsWith('admission', 'gradient2', plugin, options)).toEqual([expect.stringContaining(message)])
  })
})
