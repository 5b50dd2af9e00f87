import { GreenroomError, type Clock, type Timer } from '../contracts/index.ts'

/** One time-out that was set. Only {@link Timeouts} changes it. */
export class Timeout {
  /** `Clock.now()` at which it is due; `Infinity` for never. */
  due: number
  readonly callback: (item: unknown) => void
  readonly item: unknown
  /** The list it waits in; `undefined` before, after, and for never. */
  list: TimeoutList | undefined = undefined
  order = 0
  previous: Timeout | undefined = undefined
  next: Timeout | undefined = undefined

  constructor(due: number, callback: (item: unknown) => void, item: unknown) {
    this.due = due
    this.callback = callback
    this.item = item
  }
}

/** All time-outs of one duration, in the order they were set, which is the order they are due in. */
class TimeoutList {
  readonly ms: number
  head: Timeout | undefined = undefined
  tail: Timeout | undefined = undefined
  timer: Timer | undefined = undefined
  firing = false

  constructor(ms: number) {
    this.ms = ms
  }

  append(node: Timeout): void {
    node.list = this
    node.previous = this.tail
    if (this.tail) this.tail.next = node
    else this.head = node
    this.tail = node
  }

  unlink(node: Timeout): void {
    if (node.previous) node.previous.next = node.next
    else this.head = node.next
    if (node.next) node.next.previous = node.previous
    else this.tail = node.previous
    node.previous = node.next = node.list = undefined
  }
}

export interface TimeoutsOptions {
  /** Hears of callbacks that threw. The others are called all the same. */
  onError: (error: unknown) => void
  /** The clock timers do not keep the host alive. Default false. */
  background?: boolean
}

/**
 * Very many time-outs of a few durations. Time-outs of one duration are due in the order they were set, so each duration
 * has one linked list and at most one clock timer, armed for the list's head. Setting, removing and refreshing are O(1), and set no
 * clock timer while their list has one: a removed head leaves the timer as it is, which then finds nothing due and is armed
 * for the new head, or not at all when the list is empty.
 */
export class Timeouts {
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  readonly #timerOptions: { background: boolean }
  readonly #lists = new Map<number, TimeoutList>()
  #order = 0
  #size = 0

  constructor(clock: Clock, { onError, background = false }: TimeoutsOptions) {
    this.#clock = clock
    this.#onError = onError
    this.#timerOptions = { background }
  }

  /** Time-outs pending; those set for never do not count. */
  get size(): number {
    return this.#size
  }

  /**
   * Calls `callback(item)` once, `ms` from `now`. `Infinity`: never.
   * @param now `Clock.now()` when the caller has it at hand.
   * @throws GreenroomError `ARGUMENT_INVALID` for a negative duration.
   */
  add(ms: number, callback: () => void): Timeout
  add<T>(ms: number, callback: (item: T) => void, item: T, now?: number): Timeout
  add(ms: number, callback: (item: never) => void, item?: unknown, now: number = this.#clock.now()): Timeout {
    if (!(ms >= 0)) throw new GreenroomError('ARGUMENT_INVALID', `${ms} is not a duration: give milliseconds from 0 to Infinity`)
    const node = new Timeout(now + ms, callback as (item: unknown) => void, item)
    if (ms === Infinity) return node
    let list = this.#lists.get(ms)
    if (list === undefined) {
      list = new TimeoutList(ms)
      this.#lists.set(ms, list)
    }
    node.order = this.#order++
    list.append(node)
    this.#size++
    // A list that is being fired is armed when that is done.
    if (list.timer === undefined && !list.firing) this.#arm(list, ms)
    return node
  }

  /** Takes a time-out back. Does nothing when it was called or removed already. */
  remove(node: Timeout): void {
    if (node.list === undefined) return
    node.list.unlink(node)
    this.#size--
  }

  /** Lets a pending time-out begin anew. Does nothing when it was called or removed already, or was set for never. */
  refresh(node: Timeout, now: number = this.#clock.now()): void {
    const list = node.list
    if (list === undefined) return
    list.unlink(node)
    node.due = now + list.ms
    node.order = this.#order++
    list.append(node)
  }

  /** Takes all time-outs back and leaves no clock timer. */
  clear(): void {
    for (const list of this.#lists.values()) {
      list.timer?.cancel()
      list.timer = undefined
      while (list.head) list.unlink(list.head)
      if (!list.firing) this.#lists.delete(list.ms)
    }
    this.#size = 0
  }

  #arm(list: TimeoutList, delayMs: number): void {
    list.timer = this.#clock.setTimer(() => this.#fire(list), delayMs, this.#timerOptions)
  }

  #fire(list: TimeoutList): void {
    list.timer = undefined
    list.firing = true
    const now = this.#clock.now()
    // What a callback sets anew waits for the next round, were it due at once: the host gets its turn in between.
    const end = this.#order
    try {
      for (let node = list.head; node !== undefined && node.due <= now && node.order < end; node = list.head) {
        list.unlink(node)
        this.#size--
        this.#call(node)
      }
    } finally {
      list.firing = false
      if (list.head === undefined) this.#lists.delete(list.ms)
      else this.#arm(list, Math.max(0, list.head.due - this.#clock.now()))
    }
  }

  #call(node: Timeout): void {
    try {
      node.callback(node.item)
    } catch (error) {
      this.#onError(error)
    }
  }
}
