/** Something that can be in one {@link IndexedHeap}; the heap keeps `index` up to date, -1 when it is in none. */
export interface Indexed {
  index: number
}

/** A binary heap whose members know their place, so that any of them can leave or move in O(log n). */
export class IndexedHeap<T extends Indexed> {
  readonly #items: T[] = []
  readonly #before: (a: T, b: T) => boolean

  /** @param before True when `a` comes out before `b`. It must be a strict order: no two members are equal. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  /** The first. O(1). */
  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    this.#items.push(item)
    this.#rise(item, this.#items.length - 1)
  }

  /** Takes a member out. */
  remove(item: T): void {
    const { index } = item
    const last = this.#items.pop()!
    item.index = -1
    if (last !== item) this.#settle(last, index)
  }

  /** Finds a member's place anew, after what it is ordered by has changed. */
  moved(item: T): void {
    this.#settle(item, item.index)
  }

  #settle(item: T, index: number): void {
    const parent = (index - 1) >> 1
    if (index > 0 && this.#before(item, this.#items[parent]!)) this.#rise(item, index)
    else this.#sink(item, index)
  }

  #rise(item: T, index: number): void {
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = this.#items[parentIndex]!
      if (!this.#before(item, parent)) break
      this.#put(parent, index)
      index = parentIndex
    }
    this.#put(item, index)
  }

  #sink(item: T, index: number): void {
    for (let childIndex = 2 * index + 1; childIndex < this.#items.length; childIndex = 2 * index + 1) {
      let child = this.#items[childIndex]!
      const right = this.#items[childIndex + 1]
      if (right && this.#before(right, child)) {
        child = right
        childIndex++
      }
      if (!this.#before(child, item)) break
      this.#put(child, index)
      index = childIndex
    }
    this.#put(item, index)
  }

  #put(item: T, index: number): void {
    this.#items[index] = item
    item.index = index
  }
}
