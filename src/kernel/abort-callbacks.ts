interface Callbacks {
  readonly waiting: Set<() => void>
  readonly listener: () => void
}

const bySignal = new WeakMap<AbortSignal, Callbacks>()

/**
 * Calls `callback` once when the signal aborts; returns how to call it off. However many wait on one signal, it carries one listener:
 * Node warns of a leak when there are more than ten, and a thousand requests under one signal are no leak.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let callbacks = bySignal.get(signal)
  if (!callbacks) bySignal.set(signal, (callbacks = listenTo(signal)))
  const { waiting, listener } = callbacks
  waiting.add(callback)
  return () => {
    if (!waiting.delete(callback) || waiting.size > 0) return
    signal.removeEventListener('abort', listener)
    bySignal.delete(signal)
  }
}

function listenTo(signal: AbortSignal): Callbacks {
  const waiting = new Set<() => void>()
  const listener = (): void => {
    bySignal.delete(signal)
    for (const callback of waiting) {
      waiting.delete(callback)
      callback()
    }
  }
  signal.addEventListener('abort', listener, { once: true })
  return { waiting, listener }
}
