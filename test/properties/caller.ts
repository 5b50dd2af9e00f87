import type { Lease } from '../../src/contracts/index.ts'

/** One caller of acquire, and what became of it. */
export interface Caller {
  readonly name: string
  readonly tenant: string
  readonly key: string | undefined
  readonly priority: number
  readonly controller: AbortController
  /** Until when it waits. */
  readonly due: number
  state: 'waiting' | 'served' | 'refused'
  gaveUp: boolean
  /** It has let go of its lease, or has destroyed it. */
  letGo: boolean
  lease: Lease | undefined
  servedAt: number
  error: unknown
}

export type Holder = Caller & { lease: Lease }

/** One request that was made. */
export interface Asked {
  readonly caller: Holder
  readonly controller: AbortController
  readonly at: number
  /** When it gives up by itself. */
  readonly due: number
  /** Its answer is read by somebody; a consumer who has stopped reading hears of nothing. */
  readonly heard: boolean
  /** Bytes its program had said before. */
  readonly bytesRead: number
  settled: boolean
}

export function isHolder(caller: Caller): caller is Holder {
  return caller.lease !== undefined
}
