/** A node of a {@link LinkedList}; in at most one list at a time. */
export class LinkedNode<T> {
  readonly value: T
  /** @internal */ list: LinkedList<T> | undefined
  /** @internal */ previous: LinkedNode<T> | undefined
  /** @internal */ next: LinkedNode<T> | undefined

  constructor(value: T) {
    this.value = value
  }

  /** Leaves the list it is in, if any. */
  leave(): void {
    this.list?.remove(this)
  }
}

/** A doubly linked list whose members can leave from anywhere; every operation is O(1). */
export class LinkedList<T> {
  #head: LinkedNode<T> | undefined
  #tail: LinkedNode<T> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  peek(): T | undefined {
    return this.#head?.value
  }

  peekLast(): T | undefined {
    return this.#tail?.value
  }

  push(value: T): LinkedNode<T> {
    const node = new LinkedNode(value)
    node.list = this
    node.previous = this.#tail
    if (this.#tail) this.#tail.next = node
    else this.#head = node
    this.#tail = node
    this.#size++
    return node
  }

  shift(): T | undefined {
    const head = this.#head
    if (head) this.remove(head)
    return head?.value
  }

  /** Takes a node out; one that is not in this list is left alone. */
  remove(node: LinkedNode<T>): boolean {
    if (node.list !== this) return false
    if (node.previous) node.previous.next = node.next
    else this.#head = node.next
    if (node.next) node.next.previous = node.previous
    else this.#tail = node.previous
    node.list = node.previous = node.next = undefined
    this.#size--
    return true
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let node = this.#head; node; ) {
      const next = node.next
      yield node.value
      node = next
    }
  }
}
