import { describe, expect, it } from 'vitest'
import ping from '../../../plugins/health/ping.ts'
import { makeStrategy, problemsWith, sessionView } from '../../support/strategies.ts'

const { strategy } = await makeStrategy('health', 'ping', ping)
const never = new AbortController().signal

describe('the health check ping', () => {
  it('calls a session healthy that answered', async () => {
    const verdict = await strategy.check({ session: sessionView(), timeoutMs: 5_000, ping: () => Promise.resolve(true) }, never)
    expect(verdict).toEqual({ healthy: true, reason: 'it answered' })
  })

  it('finds nothing out about a session whose driver has no ping', async () => {
    const verdict = await strategy.check({ session: sessionView(), timeoutMs: 5_000, ping: () => Promise.resolve(false) }, never)
    expect(verdict).toEqual({ healthy: undefined, reason: 'the driver has no ping' })
  })

  it('passes on what a ping failed with, and the signal by which it is given up', async () => {
    const { signal } = new AbortController()
    const seen: AbortSignal[] = []
    const failing = strategy.check({
      session: sessionView(),
      timeoutMs: 5_000,
      ping: (given) => {
        seen.push(given)
        return Promise.reject(new Error('no answer'))
      },
    }, signal)
    await expect(failing).rejects.toThrow('no answer')
    expect(seen).toEqual([signal])
  })

  it('has no options of its own', async () => {
    expect(await problemsWith('health', 'ping', ping, { every: '1s' })).toEqual([expect.stringContaining('every')])
  })
})
