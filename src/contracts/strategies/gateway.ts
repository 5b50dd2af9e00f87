import type { Pool } from '../pool.ts'

/** A server through which other programs use a pool. */
export interface Gateway {
  /**
   * Starts to listen; resolves to the address as people would type it.
   * @throws GreenroomError `GATEWAY_FAILED`
   */
  listen(pool: Pool): Promise<{ readonly url: string }>
  /** Stops to listen, lets answers under way finish for at most `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>
}
