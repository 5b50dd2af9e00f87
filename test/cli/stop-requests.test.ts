import { describe, expect, it } from 'vitest'
import type { CliIo, StopSignal } from '../../src/cli/io.ts'
import { StopRequests } from '../../src/cli/stop-requests.ts'
import { ManualClock } from '../support/manual-clock.ts'

function requested() {
  const clock = new ManualClock()
  const listeners = new Set<(signal: StopSignal) => void>()
  const onSignal: CliIo['onSignal'] = (listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  const stop = new StopRequests({ clock, onSignal })
  const seen: string[] = []
  void stop.first.then((signal) => seen.push(`first ${signal}`))
  void stop.second.then((signal) => seen.push(`second ${signal}`))
  const send = async (signal: StopSignal) => {
    listeners.forEach((listener) => listener(signal))
    await Promise.resolve()
  }
  return { clock, listeners, stop, seen, send }
}

describe('StopRequests', () => {
  it('takes a signal that is delivered several times at once for one', async () => {
    const { clock, seen, send } = requested()
    await send('SIGINT')
    await send('SIGINT')
    clock.advance(400)
    await send('SIGINT')
    expect(seen).toEqual(['first SIGINT'])
  })

  it('takes one that comes later for the second', async () => {
    const { clock, seen, send } = requested()
    await send('SIGTERM')
    clock.advance(501)
    await send('SIGINT')
    expect(seen).toEqual(['first SIGTERM', 'second SIGINT'])
  })

  it('stops listening when disposed', () => {
    const { listeners, stop } = requested()
    stop.dispose()
    expect(listeners.size).toBe(0)
  })
})
