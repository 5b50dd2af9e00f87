import { GreenroomError, type Clock, type Timer } from '../contracts/index.ts'

/** Something that expires when its time is out, unless it is removed before. Only {@link Timeouts} changes the fields. */
export interface Timed {
  /** `Clock.now()` when it was set. */
  since: number
  /** The list it waits in; `undefined` before, after, and for never. */
  list: TimeoutList | undefined
  order: number
  previous: Timed | undefined
  next: Timed | undefined
  /** The time is out. */
  expire(): void
}

/** Calls back when the time is out. */
export class Timeout implements Timed {
  since = NaN
  list: TimeoutList | undefined = undefined
  order = 0
  previous: Timed | undefined = undefined
  next: Timed | undefined = undefined
  readonly #callback: (item: unknown) => void
  readonly #item: unknown

  constructor(callback: (item: unknown) => void, item: unknown) {
    this.#callback = callback
    this.#item = item
  }

  expire(): void {
    this.#callback(this.#item)
  }
}

/** All time-outs of one duration, in the order they were set, which is the order they are due in. */
export class TimeoutList {
  readonly ms: number
  head: Timed | undefined = undefined
  tail: Timed | undefined = undefined
  timer: Timer | undefined = undefined
  firing = false

  constructor(ms: number) {
    this.ms = ms
  }

  append(node: Timed): void {
    node.list = this
    node.previous = this.tail
    if (this.tail) this.tail.next = node
    else this.head = node
    this.tail = node
  }

  unlink(node: Timed): void {
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
  /** The list that was asked for last: nearly always the same again. */
  #latest: TimeoutList | undefined
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
    const node = new Timeout(callback as (item: unknown) => void, item)
    this.set(node, ms, now)
    return node
  }

  /**
   * Has `node`, which is not set yet, expire `ms` from `now`, as {@link add} does: for what is a time-out itself, of which there may be very many.
   * @throws GreenroomError `ARGUMENT_INVALID` for a negative duration.
   */
  set(node: Timed, ms: number, now: number = this.#clock.now()): void {
    if (!(ms >= 0)) throw new GreenroomError('ARGUMENT_INVALID', `${ms} is not a duration: give milliseconds from 0 to Infinity`)
    if (ms === Infinity) return
    node.since = now
    const list = this.#latest?.ms === ms ? this.#latest : this.#list(ms)
    node.order = this.#order++
    list.append(node)
    this.#size++
    // A list that is being fired is armed when that is done.
    if (list.timer === undefined && !list.firing) this.#arm(list, ms)
  }

  /** Takes a time-out back. Does nothing when it was called or removed already. */
  remove(node: Timed): void {
    if (node.list === undefined) return
    node.list.unlink(node)
    this.#size--
  }

  /** Lets a pending time-out begin anew. Does nothing when it was called or removed already, or was set for never. */
  refresh(node: Timed, now: number = this.#clock.now()): void {
    const list = node.list
    if (list === undefined) return
    list.unlink(node)
    node.since = now
    node.order = this.#order++
    list.append(node)
  }

  /** Takes all time-outs back and leaves no clock timer. */
  clear(): void {
    for (const list of this.#lists.values()) {
      list.timer?.cancel()
      list.timer = undefined
      while (list.head) list.unlink(list.head)
      if (!list.firing) this.#forget(list)
    }
    this.#size = 0
  }

  #list(ms: number): TimeoutList {
    let list = this.#lists.get(ms)
    if (list === undefined) this.#lists.set(ms, (list = new TimeoutList(ms)))
    return (this.#latest = list)
  }

  /** There may be very many durations in the life of a pool. */
  #forget(list: TimeoutList): void {
    this.#lists.delete(list.ms)
    if (this.#latest === list) this.#latest = undefined
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
      for (let node = list.head; node !== undefined && node.since + list.ms <= now && node.order < end; node = list.head) {
        list.unlink(node)
        this.#size--
        this.#call(node)
      }
    } finally {
      list.firing = false
      if (list.head === undefined) this.#forget(list)
      else this.#arm(list, Math.max(0, list.head.since + list.ms - this.#clock.now()))
    }
  }

  #call(node: Timed): void {
    try {
      node.expire()
    } catch (error) {
      this.#onError(error)
    }
  }
}
