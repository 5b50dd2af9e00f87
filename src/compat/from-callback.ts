/** Returns a resource, or a promise of it, or calls `done`. */
export type Creator<T> = ((done: (error: Error | null | undefined, resource?: T) => void) => unknown) | (() => PromiseLike<T> | T)

/** What a creator makes, whichever way it tells: whatever it does first counts. A falsy return value means that the callback will be called. */
export function fromCallback<T>(create: Creator<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const done = (error: Error | null | undefined, resource?: T): void => {
      if (error) reject(error)
      else resolve(resource as T)
    }
    new Promise<unknown>((settle) => settle(create(done))).then((made) => {
      if (made) resolve(made as T)
    }, reject)
  })
}
