/** A contestant of the scenarios with requests: a pool of processes that answer a message with the same message. */
export interface RequestingPool {
  request(message: unknown): Promise<unknown>
  close(): Promise<unknown> | void
}

export function open(options: { processes: number }): Promise<RequestingPool> | RequestingPool
