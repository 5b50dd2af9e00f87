/** Waits for conditions that a change may bring about. */
export class Until {
  readonly #watchers = new Set<() => void>()

  /** Resolves as soon as `condition` is true; it is looked at now, and at every {@link changed}. */
  is(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (!condition()) return
        this.#watchers.delete(watcher)
        resolve()
      }
      this.#watchers.add(watcher)
    })
  }

  changed(): void {
    for (const watcher of this.#watchers) watcher()
  }
}
