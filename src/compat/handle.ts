import { GreenroomError } from '../contracts/index.ts'

/** What a caller holds while a resource is lent to it. */
export interface Handle<T> {
  readonly value: T
  /** From here on the handle can do nothing. */
  revoke(): void
}

type Callable = (...args: unknown[]) => unknown

/**
 * A stand-in for `resource` for one loan: it behaves as the resource does, until it is revoked; from then on every use of it throws
 * `LEASE_REVOKED` (INV 3). It is a Proxy: methods are called on the resource itself, so that private fields and native objects work,
 * and a method that returns its resource returns the stand-in.
 */
export function guard<T extends object>(resource: T): Handle<T> {
  let over = false
  const check = (name?: PropertyKey): void => {
    if (!over) return
    const used = name === undefined ? 'it was used' : `"${String(name)}" was used`
    throw new GreenroomError('LEASE_REVOKED', `${used} on a resource that was given back: acquire another`)
  }

  /** Itself, but for `this`. */
  const methodOf = (method: Callable, name: PropertyKey): Callable => new Proxy(method, {
    apply(target, self, args: unknown[]) {
      check(name)
      const result: unknown = Reflect.apply(target, self === value ? resource : self, args)
      return result === resource ? value : result
    },
  })

  const methods = new WeakMap<Callable, Callable>()
  const value: T = new Proxy(resource, {
    get(target, name) {
      // A promise that is resolved with the handle looks for `then`, whenever that is.
      if (name !== 'then') check(name)
      const found: unknown = Reflect.get(target, name, target)
      if (found === target) return value
      if (!isCallable(found) || name === 'constructor' || isFixed(target, name)) return found
      let method = methods.get(found)
      if (!method) methods.set(found, (method = methodOf(found, name)))
      return method
    },
    set(target, name, to) {
      check(name)
      return Reflect.set(target, name, to, target)
    },
    has(target, name) {
      check(name)
      return Reflect.has(target, name)
    },
    deleteProperty(target, name) {
      check(name)
      return Reflect.deleteProperty(target, name)
    },
    defineProperty(target, name, descriptor) {
      check(name)
      return Reflect.defineProperty(target, name, descriptor)
    },
    getOwnPropertyDescriptor(target, name) {
      check(name)
      return Reflect.getOwnPropertyDescriptor(target, name)
    },
    ownKeys(target) {
      check()
      return Reflect.ownKeys(target)
    },
    apply(target, self, args: unknown[]) {
      check()
      return Reflect.apply(target as Callable, self, args)
    },
  })

  return { value, revoke: () => void (over = true) }
}

function isCallable(value: unknown): value is Callable {
  return typeof value === 'function'
}

/** A Proxy may not give another value for such a property. */
function isFixed(target: object, name: PropertyKey): boolean {
  const own = Reflect.getOwnPropertyDescriptor(target, name)
  return own !== undefined && own.configurable === false && own.writable === false
}
