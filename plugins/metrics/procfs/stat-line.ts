/** What one line of /proc/PID/stat says of a process, in the system's units. */
export interface StatLine {
  /** It has ended and only waits to be collected, or is on its last way out: it has no memory any more. */
  readonly ended: boolean
  readonly ownTicks: number
  /** Of its descendants that have ended and were waited for. */
  readonly endedTicks: number
  /** Ticks from boot to its start. */
  readonly startTime: number
  readonly residentPages: number
}

const BRACKET = 0x29
const SPACE = 0x20
const ZERO = 0x30
const NINE = 0x39
const STATES_OF_THE_ENDED: ReadonlySet<number> = new Set(['Z', 'X', 'x'].map((state) => state.charCodeAt(0)))

/** Fields by proc(5); the state, which follows the name, is the third. */
const UTIME = 14
const STIME = 15
const CUTIME = 16
const CSTIME = 17
const STARTTIME = 22
const VSIZE = 23
const RSS = 24

const fields = new Float64Array(RSS + 1)

/** Reads the line's bytes: a thousand of them are read every second, and text would be made for each. `undefined`: it is no such line. */
export function parseStat(bytes: Buffer, length: number): StatLine | undefined {
  // "pid (name) state ppid …": the name may hold spaces and brackets.
  let at = bytes.lastIndexOf(BRACKET, length - 1) + 2
  const state = bytes[at]
  if (at < 2 || state === undefined) return undefined
  at += 2
  let field = 4
  while (field < UTIME && at < length) if (bytes[at++] === SPACE) field++
  let value = 0
  for (; field <= RSS && at < length; at++) {
    const byte = bytes[at]!
    if (byte >= ZERO && byte <= NINE) value = value * 10 + byte - ZERO
    else if (byte === SPACE) {
      fields[field++] = value
      value = 0
    }
  }
  if (field <= RSS) return undefined
  return {
    ended: STATES_OF_THE_ENDED.has(state) || fields[VSIZE] === 0,
    ownTicks: fields[UTIME]! + fields[STIME]!,
    endedTicks: fields[CUTIME]! + fields[CSTIME]!,
    startTime: fields[STARTTIME]!,
    residentPages: fields[RSS]!,
  }
}
