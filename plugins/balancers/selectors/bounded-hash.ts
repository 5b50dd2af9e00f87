import type { AcquireRequest, SessionView } from 'greenroom/kit'
import type { Selector } from './selector.ts'

/**
 * The same caller comes to the same session, as long as that has not much more to do than the others: consistent hashing with bounded loads
 * (V. Mirrokni, M. Thorup, M. Zadimoghaddam, 2018). A session with a load of (1 + ε) times the mean is passed over for the caller's next.
 *
 * Instead of one ring, each caller has an order of its own over the sessions, by a weight from both ("rendezvous hashing", D. Thaler,
 * C. Ravishankar, 1998): a session that comes or goes moves the callers it gets or had, and no others; and what overflows goes to all the
 * rest alike, not to one neighbour. O(n).
 */
export class BoundedHash implements Selector {
  readonly #epsilon: number
  readonly #hashes = new WeakMap<SessionView, number>()

  constructor(epsilon: number) {
    this.#epsilon = epsilon
  }

  pick(candidates: readonly SessionView[], { tenant, key }: AcquireRequest): SessionView {
    const caller = hashOf(key === undefined ? tenant : `${tenant.length} ${tenant} ${key}`)
    const bound = this.#boundOf(candidates)
    let best = candidates[0]!
    let most = -1
    for (let index = 0; index < candidates.length; index++) {
      const candidate = candidates[index]!
      if (candidate.load >= bound) continue
      const weight = mix(this.#hash(candidate) ^ caller)
      if (weight <= most) continue
      most = weight
      best = candidate
    }
    return best
  }

  /** Somebody is always below: it is more than the mean. */
  #boundOf(candidates: readonly SessionView[]): number {
    let load = 1
    for (let index = 0; index < candidates.length; index++) load += candidates[index]!.load
    return Math.ceil(((1 + this.#epsilon) * load) / candidates.length)
  }

  #hash(session: SessionView): number {
    let hash = this.#hashes.get(session)
    if (hash === undefined) this.#hashes.set(session, (hash = hashOf(session.id)))
    return hash
  }
}

/** FNV-1a over the text's UTF-16 units, mixed. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193)
  return mix(hash)
}

/** MurmurHash3's 32-bit finalizer: every bit of the value has a say in every bit of the result. */
function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2_ae35)
  return (value ^ (value >>> 16)) >>> 0
}
