/** A timer of the virtual clock. */
export interface VirtualTimer {
  readonly due: number
  /** Timers that are due together fire in the order they were set. */
  readonly order: number
  readonly background: boolean
  readonly callback: () => void
  cancelled: boolean
}

/** A binary heap of timers; who is due first is on top. Push and pop are O(log n). */
export class TimerHeap {
  readonly #heap: VirtualTimer[] = []

  peek(): VirtualTimer | undefined {
    return this.#heap[0]
  }

  push(timer: VirtualTimer): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(timer)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(timer, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = timer
  }

  pop(): VirtualTimer | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (heap.length === 0 || last === undefined) return top
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return top
  }
}

function isBefore(one: VirtualTimer, other: VirtualTimer): boolean {
  return one.due < other.due || (one.due === other.due && one.order < other.order)
}
