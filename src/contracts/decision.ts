/** One decision of the pool and its reason. */
export interface Decision {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  readonly kind: 'start' | 'choose' | 'evict' | 'scale' | 'refuse' | 'end' | 'breaker' | 'limit' | 'reconfigure' | 'strategy'
  readonly reason: string
  readonly sessionId?: string
  readonly tenant?: string
  readonly key?: string
}
