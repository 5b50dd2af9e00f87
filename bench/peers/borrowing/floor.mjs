// The least that a pool can do: a list of free things, and a line of those who wait. It knows no time-out, no limit, no error and no owner.

/** @type {typeof import('./pool.d.mts').open} */
export function open({ size }) {
  const free = Array.from({ length: size }, (_, n) => ({ n }))
  /** @type {((thing: object) => void)[]} */
  let waiting = []
  let next = 0
  return {
    acquire() {
      const thing = free.pop()
      return thing ? Promise.resolve(thing) : new Promise((resolve) => void waiting.push(resolve))
    },
    release(thing) {
      const waiter = waiting[next]
      if (!waiter) return void free.push(/** @type {{ n: number }} */ (thing))
      if (++next === waiting.length) {
        waiting = []
        next = 0
      }
      waiter(/** @type {object} */ (thing))
    },
    thing: (borrowed) => borrowed,
    close() {},
  }
}
