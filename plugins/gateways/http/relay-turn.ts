import type { TurnStream } from 'greenroom/kit'

/**
 * Hands every message of a turn but the last to `emit`, each when the one before it has been taken; resolves to the last.
 * Leaving early, because `emit` rejects, asks the program to stop.
 */
export async function relayTurn(turn: TurnStream, emit: (message: unknown) => Promise<void>): Promise<unknown> {
  const messages = turn[Symbol.asyncIterator]()
  let over = false
  turn.result.then(() => { over = true }, () => { over = true })
  let finished = false
  try {
    let step = await messages.next()
    while (step.done !== true) {
      // The last message is the one that nothing follows. Looking ahead waits for nobody once the turn is over.
      const following = over ? await messages.next() : undefined
      if (following?.done === true) break
      await emit(step.value)
      step = following ?? await messages.next()
    }
    finished = true
  } finally {
    if (!finished) await messages.return?.()
  }
  return turn.result
}
