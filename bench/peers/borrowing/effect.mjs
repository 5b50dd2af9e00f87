// In its own way, within fibers: through a promise for each acquire it would be slower still.
const { Effect, Pool, Scope } = await import(/** @type {string} */ ('effect'))

/** @type {typeof import('./pool.d.mts').open} */
export async function open({ size }) {
  const scope = Effect.runSync(Scope.make())
  const pool = await Effect.runPromise(Scope.provide(Pool.make({ acquire: Effect.sync(() => ({})), size }), scope))
  const once = Effect.scoped(Pool.get(pool))
  // Who has one keeps it until the others had their turn, as behind a promise: else nobody would ever wait.
  const inTurn = Effect.scoped(Effect.andThen(Pool.get(pool), Effect.yieldNow))
  const repeat = (/** @type {unknown} */ effect, /** @type {number} */ times) => Effect.gen(function* () {
    for (let n = 0; n < times; n++) yield* /** @type {Iterable<never>} */ (effect)
  })
  const together = (/** @type {number} */ count, /** @type {unknown} */ effect) =>
    Effect.runPromise(Effect.forEach(Array.from({ length: count }), () => effect, { concurrency: 'unbounded', discard: true }))
  return {
    acquire: async () => {
      const own = Effect.runSync(Scope.make())
      return { own, thing: await Effect.runPromise(Scope.provide(Pool.get(pool), own)) }
    },
    release: (borrowed) => void Effect.runFork(Scope.close(/** @type {{ own: unknown }} */ (borrowed).own, Effect.succeed(undefined))),
    thing: (borrowed) => /** @type {{ thing: unknown }} */ (borrowed).thing,
    close: () => Effect.runPromise(Scope.close(scope, Effect.succeed(undefined))),
    native: {
      alone: (count) => Effect.runPromise(repeat(once, count)),
      borrowers: (borrowers, each) => together(borrowers, repeat(inTurn, each)),
      atOnce: (count) => together(count, inTurn),
    },
  }
}
