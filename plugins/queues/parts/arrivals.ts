import { IndexedHeap, type Indexed } from './indexed-heap.ts'

/** Something that can be in one {@link Arrivals}, which alone changes these fields. */
export interface Arrival extends Indexed {
  /** Its neighbours, while it is in the line. */
  previous: Arrival | undefined
  next: Arrival | undefined
  inLine: boolean
}

/**
 * Members that mostly come in the order in which they leave. Who comes in order is appended to a line, in O(1); only who should have been earlier
 * (of a higher priority, or back at an old place) goes into a heap, in O(log n) of those in it.
 */
export class Arrivals<T extends Arrival> {
  #first: T | undefined = undefined
  #last: T | undefined = undefined
  #inLine = 0
  readonly #others: IndexedHeap<T>
  readonly #before: (a: T, b: T) => boolean

  /** @param before True when `a` leaves before `b`. It must be a strict order: no two members are equal. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before
    this.#others = new IndexedHeap(before)
  }

  get size(): number {
    return this.#inLine + this.#others.size
  }

  /** The first. O(1). */
  peek(): T | undefined {
    const first = this.#first
    const other = this.#others.peek()
    if (first === undefined || other === undefined) return first ?? other
    return this.#before(first, other) ? first : other
  }

  push(item: T): void {
    const last = this.#last
    if (last !== undefined && !this.#before(last, item)) return this.#others.push(item)
    item.inLine = true
    item.previous = last
    if (last === undefined) this.#first = item
    else last.next = item
    this.#last = item
    this.#inLine++
  }

  has(item: T): boolean {
    return item.inLine || item.index >= 0
  }

  /** Takes a member out. */
  remove(item: T): void {
    if (!item.inLine) return this.#others.remove(item)
    const { previous, next } = item as { previous: T | undefined; next: T | undefined }
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    item.previous = item.next = undefined
    item.inLine = false
    this.#inLine--
  }
}
