/**
 * For the answer of a foreign method that is synchronous by contract. When it is a promise, nobody will ever wait for it: its rejection must not
 * become an unhandled one, which would end the host (INV 8).
 */
export function disown(answer: unknown): void {
  if (typeof answer === 'object' && answer !== null && 'then' in answer) Promise.resolve(answer).catch(() => undefined)
}
