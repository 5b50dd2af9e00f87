import type { TurnStream } from 'greenroom/kit'
import { describe, expect, it } from 'vitest'
import { relayTurn } from '../../../../plugins/gateways/http/relay-turn.ts'

/** A turn as plugins of their own may make one: `last` is both its last message and its result. */
function turn(events: unknown[], last: unknown, onLeave: () => void = () => undefined, failure?: Error): TurnStream {
  let settle!: (result: unknown) => void
  let fail!: (error: Error) => void
  const result = new Promise((resolve, reject) => {
    settle = resolve
    fail = reject
  })
  return {
    result,
    async *[Symbol.asyncIterator]() {
      try {
        for (const event of events) {
          yield event
          await new Promise(setImmediate)
        }
        if (failure) {
          fail(failure)
          throw failure
        }
        settle(last)
        yield last
      } finally {
        onLeave()
      }
    },
  }
}

async function relayed(source: TurnStream): Promise<{ emitted: unknown[]; result: unknown }> {
  const emitted: unknown[] = []
  const result = await relayTurn(source, async (message) => void emitted.push(message))
  return { emitted, result }
}

describe('relayTurn', () => {
  it('emits every message but the last, and resolves to that', async () => {
    expect(await relayed(turn([1, 2], 3))).toEqual({ emitted: [1, 2], result: 3 })
    expect(await relayed(turn([], 3))).toEqual({ emitted: [], result: 3 })
  })

  it('emits a message that is equal to the last one', async () => {
    expect(await relayed(turn(['x', 'x'], 'x'))).toEqual({ emitted: ['x', 'x'], result: 'x' })
    expect(await relayed(turn([undefined], undefined))).toEqual({ emitted: [undefined], result: undefined })
  })

  it('rejects as the turn does, after what came before', async () => {
    const emitted: unknown[] = []
    const failing = relayTurn(turn([1], 2, undefined, new Error('broken')), async (message) => void emitted.push(message))
    await expect(failing).rejects.toThrow('broken')
    expect(emitted).toEqual([1])
  })

  it('leaves the turn when a message cannot be delivered', async () => {
    let left = false
    const source = turn([1, 2], 3, () => { left = true })
    await expect(relayTurn(source, () => Promise.reject(new Error('gone')))).rejects.toThrow('gone')
    expect(left).toBe(true)
  })
})
