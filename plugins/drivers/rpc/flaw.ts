/**
 * What makes something that was received no sound message of JSON-RPC 2.0, or `undefined`. The library drops such things
 * silently, and the request they were meant for would hang.
 * `takeAnswer` tells whether a request of that id waits for its answer, and is called for answers only.
 */
export function flawOf(message: unknown, takeAnswer: (id: unknown) => boolean): string | undefined {
  if (typeof message !== 'object' || message === null) return 'what is not a JSON-RPC message'
  const { id, method, params, result, error } = message as Record<string, unknown>
  if (method !== undefined) {
    if (typeof method !== 'string') return 'a method that is not a string'
    if (params !== undefined && (typeof params !== 'object')) return 'params that are neither an object nor an array'
    if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') return 'a request whose id is neither a string nor a number'
    return undefined
  }
  if (result === undefined && !isObject(error)) return 'neither a request nor an answer (it has no method, no result and no error object)'
  if (id === undefined || id === null) return 'an answer that does not say to what (its id is missing or null)'
  return takeAnswer(id) ? undefined : `an answer to no open request (id ${JSON.stringify(id)})`
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
