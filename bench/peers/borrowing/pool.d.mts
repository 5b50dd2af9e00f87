/** A contestant of the borrowing scenario: a pool of some things in memory. */
export interface BorrowingPool {
  /** `n`: which borrower this is; where there are keys it says which of them. */
  acquire(n: number): Promise<unknown>
  release(borrowed: unknown): void
  /** The thing that was borrowed. */
  thing(borrowed: unknown): unknown
  close(): Promise<void> | void
  /** For those whose own way to run many at once is not promises: each in place of the loop of the scenario. */
  native?: {
    alone(count: number): Promise<void>
    borrowers(borrowers: number, each: number): Promise<void>
    atOnce(count: number): Promise<void>
  }
}

export function open(options: { size: number }): Promise<BorrowingPool> | BorrowingPool
