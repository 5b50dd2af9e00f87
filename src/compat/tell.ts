/**
 * Calls every listener of an event. What one throws, or rejects with, goes to `failed`; the others hear of the event all the same, and
 * the resource it is about is none the worse for it (INV 8).
 */
export function tell(listeners: readonly unknown[], args: readonly unknown[], failed: (problem: unknown) => void): void {
  for (const listener of listeners) {
    // The executor runs at once, and turns what it throws into a rejection.
    new Promise((resolve) => resolve((listener as (...args: readonly unknown[]) => unknown)(...args))).catch(failed)
  }
}
