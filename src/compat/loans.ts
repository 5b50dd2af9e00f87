import type { Lease } from '../contracts/index.ts'
import { guard, type Handle } from './handle.ts'

export interface Loan<T> {
  readonly lease: Lease
  readonly resource: T
  readonly handle: Handle<T>
}

/** What is lent, and by what it is known. Every operation is O(1). */
export class Loans<T> {
  readonly #guarded: boolean
  readonly #byHandle = new Map<unknown, Loan<T>>()
  readonly #byResource = new Map<unknown, Loan<T>>()

  /** @param guarded Each loan gets a handle of its own, which can do nothing once it is given back. What is no object is always lent as it is. */
  constructor(guarded: boolean) {
    this.#guarded = guarded
  }

  /** What the caller gets. */
  lend(lease: Lease, resource: T): T {
    const handle: Handle<T> = this.#guarded && isObject(resource) ? guard(resource) : { value: resource, revoke() {} }
    const loan = { lease, resource, handle }
    this.#byHandle.set(handle.value, loan)
    this.#byResource.set(resource, loan)
    return handle.value
  }

  /** The loan that `handle` was given for, while it lasts. */
  of(handle: unknown): Loan<T> | undefined {
    return this.#byHandle.get(handle)
  }

  /** The same; also when it is the resource itself that was given. */
  about(handleOrResource: unknown): Loan<T> | undefined {
    return this.#byHandle.get(handleOrResource) ?? this.#byResource.get(handleOrResource)
  }

  /** INV 4: the handle is dead before anything becomes of the resource. */
  end({ handle, resource }: Loan<T>): void {
    this.#byHandle.delete(handle.value)
    this.#byResource.delete(resource)
    handle.revoke()
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
