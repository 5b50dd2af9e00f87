// The program of a node-repl session. It reads lines of JSON from stdin:
//
//   { mark, maxOutput }   once, first: what its own lines on stdout begin with, and how much output a turn may make
//   { code }              one turn
//   { interrupt: true }   ends the running turn, if it waits; one that computes can't read this and is sent SIGINT, a moment later
//   { quiet: true }       the answer to `over`: no SIGINT comes any more
//   { ping: true }        answered as soon as the event loop comes round; with `signalled`, after SIGINTs that have come late are used up
//
// and writes lines of `mark` and JSON to stdout. Whatever else is on stdout was put there by the user's code or its children.
// The mark comes by stdin, so that no trace of it is in the environment (nor in /proc/self/environ) for user code to forge lines with.
// It runs in a process of its own and takes nothing from greenroom.

import { Buffer } from 'node:buffer'
import { readSync, writeSync } from 'node:fs'
import process from 'node:process'
import repl from 'node:repl'
import { PassThrough, Readable, Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { setImmediate } from 'node:timers'
import { inspect, types } from 'node:util'
import { Script } from 'node:vm'

// User code shares these globals, and `let JSON` in it would hide the real one from this file too.
const { Array, Atomics, Number, Object, String } = globalThis
const { parse, stringify } = JSON
const now = performance.now.bind(performance)

/**
 * @typedef {{ name: string, message: string, stack?: string }} Failure
 * @typedef {{ value?: unknown, inspected?: string, error?: Failure, truncated?: boolean }} Outcome
 */

/** The host lets more time pass than this between an interruption and its signal. */
const SAFE_MS = 20
/** How long to wait for the host to say that no signal comes. */
const PATIENCE_MS = 1_000
/** How long a SIGINT that Node keeps may take to strike: a thread has to wake up for it. */
const LATE_MS = 25
/** So many it may keep. */
const MOST_KEPT = 10

const WINDOWS = process.platform === 'win32'

const input = process.stdin
/** @type {{ setBlocking(on: boolean): number } | undefined} */
const handle = /** @type {any} */ (input)._handle
const exit = process.exit.bind(process)
const pause = new Int32Array(new SharedArrayBuffer(4))

/** Lines that are still to be taken. @type {string[]} */
const lines = []
/** When the last of them came. */
let cameAt = 0
/** The begin of one more. */
let begun = ''
const decoder = new StringDecoder('utf8')
/** What was read while code ran. Behind it are zeros, which no line has: so none is lost when an interruption ends the reading. */
const inbox = Buffer.alloc(2 ** 16)

let mark = ''
let maxOutput = 0
/** Bytes of output this turn may still make. */
let room = 0
let truncated = false
/** Ends the running turn with an interruption; `undefined` when none runs. @type {(() => void) | undefined} */
let interrupt

/**
 * Writes synchronously, so that nothing is lost when the user's code exits or kills the process.
 * @param {object} message
 */
function send(message) {
  const bytes = Buffer.from(`${mark}${stringify(message)}\n`)
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(1, bytes, at)
    } catch (error) {
      // Something made the pipe non-blocking: wait until the host has read some. Any other error means that the host is gone.
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EAGAIN') exit(0)
      Atomics.wait(pause, 0, 0, 1)
    }
  }
}

function freshRoom() {
  room = maxOutput
  truncated = false
}

/**
 * @param {'stdout' | 'stderr'} stream
 * @param {string} text
 */
function output(stream, text) {
  if (text === '') return
  const fits = clip(text, room)
  if (fits.length < text.length) truncated = true
  room -= Buffer.byteLength(fits)
  if (fits !== '') send({ type: stream, text: fits })
}

/**
 * As much of the text as fits in so many bytes, in whole characters.
 * @param {string} text
 * @param {number} bytes
 */
function clip(text, bytes) {
  if (text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes) return text
  return new StringDecoder('utf8').write(Buffer.from(text.slice(0, bytes)).subarray(0, bytes))
}

/**
 * What user code sees as process.stdout and process.stderr.
 * @param {'stdout' | 'stderr'} name
 * @param {1 | 2} fd
 */
function captured(name, fd) {
  const decoder = new StringDecoder('utf8')
  const stream = new Writable({
    write(chunk, _encoding, done) {
      output(name, decoder.write(chunk))
      done()
    },
  })
  /**
   * In place of the stream's own, which keeps what comes after a write that an interruption has ended, and waits for that for ever.
   * @param {string | Uint8Array} chunk
   * @param {BufferEncoding | (() => void)} [encoding]
   * @param {() => void} [done]
   */
  const write = (chunk, encoding, done = typeof encoding === 'function' ? encoding : undefined) => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8') : Buffer.from(chunk)
    output(name, decoder.write(bytes))
    if (done) process.nextTick(done)
    return true
  }
  return Object.assign(stream, { fd, write })
}

/**
 * @param {'stdin' | 'stdout' | 'stderr'} name
 * @param {object} stream
 */
function replace(name, stream) {
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream })
}

const INTERRUPTED = { name: 'Error', message: 'Script execution was interrupted by `SIGINT`' }
const CALL = Symbol.for('greenroom.node-repl.call')
const caller = new Script(`globalThis[Symbol.for('${CALL.description}')]()`, { filename: 'node:greenroom' })

/**
 * Calls `work` so that SIGINT interrupts it, however long it computes: throws then. The REPL's own `breakEvalOnSigint` can't be
 * used: with a listener for SIGINT, which an idle session needs, it leaves nobody listening while the code runs.
 * @param {() => void} work
 */
function interruptibly(work) {
  const once = () => {
    Reflect.deleteProperty(globalThis, CALL)
    work()
  }
  Object.defineProperty(globalThis, CALL, { configurable: true, value: once })
  caller.runInThisContext({ breakOnSigint: true, displayErrors: false })
}

/**
 * Uses up what Node keeps of signals: one that comes as interruptible code ends is counted, and then strikes the next code as it begins
 * (seen with 20: the semaphore of its watchdog is not reset). No other is on its way when this is called.
 */
function useUpSignals() {
  for (let kept = 0; kept < MOST_KEPT; kept++) {
    try {
      interruptibly(() => {
        for (const end = now() + LATE_MS; now() < end;) Atomics.wait(pause, 0, 0, 1)
      })
      return
    } catch {
      // It was one of those. There may be more.
    }
  }
}

/**
 * Goes on listening while a signal may be on its way: between this and the listener of an idle session nobody does, and it would end the
 * process. The line that announces it has come long before, so that nobody waits here who was not interrupted.
 */
function letSignalsCome() {
  if (now() - cameAt < SAFE_MS || !hasCome('{"interrupt":true}')) return
  send({ type: 'over' })
  for (const end = now() + PATIENCE_MS; now() < end && !hasCome('{"quiet":true}');) Atomics.wait(pause, 0, 0, 1)
}

/**
 * Whether the line has come while the code ran.
 * @param {string} line
 */
function hasCome(line) {
  // A child that was given this input has made it one that waits. (Windows has no signals to wait for, and no such switch.)
  if (WINDOWS || handle?.setBlocking(false) !== 0) return false
  const end = inbox.indexOf(0)
  try {
    readSync(0, inbox, end, inbox.length - 1 - end, null)
  } catch {
    // There is nothing more, yet.
  }
  return inbox.includes(line)
}

/**
 * Runs one turn's code and sends what came of it.
 * @param {string} code
 */
function run(code) {
  freshRoom()
  let over = false
  let inside = true
  /** @type {Outcome | undefined} */
  let found
  /** @param {Outcome} outcome */
  const finish = (outcome) => {
    if (over) return
    over = true
    interrupt = undefined
    send({ type: 'done', ...outcome, ...((truncated || outcome.truncated) && { truncated: true }) })
    freshRoom()
  }
  interrupt = () => finish({ error: INTERRUPTED })
  try {
    interruptibly(() => {
      session.eval(`${code}\n`, session.context, 'repl', (error, value) => {
        const outcome = error === null ? describe(value) : { error: describeError(error) }
        // An interruption ends whatever is done in here, anywhere: what was begun to be sent would never be sent to its end.
        if (inside) found = outcome
        else finish(outcome)
      })
      letSignalsCome()
    })
  } catch (error) {
    found ??= { error: describeError(error) }
  }
  inside = false
  if (found) finish(found)
}

/**
 * `value` when JSON can carry it as it is, else `inspected`: its text as the REPL would print it.
 * @param {unknown} value
 * @returns {Outcome}
 */
function describe(value) {
  if (value === undefined) return {}
  try {
    if (isJson(value, 0)) {
      const json = stringify(value)
      if (Buffer.byteLength(json) <= maxOutput) return { value }
    }
    const text = inspect(value)
    const inspected = clip(text, maxOutput)
    return inspected.length < text.length ? { inspected, truncated: true } : { inspected }
  } catch (error) {
    return { inspected: `[a value that can't be shown: ${describeError(error).message}]` }
  }
}

/**
 * Plain data only. Fields that are undefined are left out, as JSON does. Too deep counts as not plain, which also ends cycles.
 * @param {unknown} value
 * @param {number} depth
 * @returns {boolean}
 */
function isJson(value, depth) {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || depth > 100 || types.isProxy(value) || 'toJSON' in value) return false
  if (Array.isArray(value)) return value.every((item) => isJson(item, depth + 1)) && Object.keys(value).length === value.length
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Object.values(value).every((item) => item === undefined || isJson(item, depth + 1))
}

/**
 * @param {unknown} thrown
 * @returns {Failure}
 */
function describeError(thrown) {
  // Code that ends too early: the REPL would ask for more lines.
  const error = thrown instanceof repl.Recoverable ? thrown.err : thrown
  try {
    if (!types.isNativeError(error)) {
      return { name: 'NonError', message: clip(typeof error === 'string' ? error : inspect(error), maxOutput) }
    }
    // What is below the code's own frames is this file and the REPL.
    const stack = String(error.stack).split(/\n +at [^\n]*\(node:(?:internal\/)?vm[:)]/, 1).join('')
    return { name: String(error.name), message: clip(String(error.message), maxOutput), stack: clip(stack, maxOutput) }
  } catch {
    return { name: 'NonError', message: "an error that can't be shown" }
  }
}

/** @param {Buffer} chunk */
function receive(chunk) {
  const parts = decoder.write(chunk).split('\n')
  parts[0] = begun + parts[0]
  begun = /** @type {string} */ (parts.pop())
  lines.push(...parts)
}

function takeAll() {
  cameAt = now()
  for (let line; (line = lines.shift()) !== undefined;) {
    take(parse(line))
    const read = inbox.subarray(0, inbox.indexOf(0))
    receive(read)
    read.fill(0)
  }
}

/** @param {any} message */
function take(message) {
  if (message.mark !== undefined) {
    mark = message.mark
    maxOutput = message.maxOutput
    freshRoom()
    send({ type: 'ready' })
  } else if (message.ping) {
    if (message.signalled) useUpSignals()
    // A signal that arrived with this line is looked at before this: after the pong none is on its way any more.
    setImmediate(() => send({ type: 'pong' }))
  } else if (message.interrupt) interrupt?.()
  else if (message.code !== undefined) {
    // What is interrupted already is not begun: while code begins nobody listens either, and the signal may come at once.
    if (lines.some((line) => line === '{"interrupt":true}')) send({ type: 'done', error: INTERRUPTED })
    else run(message.code)
  }
}

replace('stdin', Readable.from([]))
replace('stdout', captured('stdout', 1))
replace('stderr', captured('stderr', 2))

// Without a listener, SIGINT would end the process. While code computes, `interruptibly` listens instead.
process.on('SIGINT', () => interrupt?.())
// What fails in the background is the user's to read, and no reason to lose the session's state.
process.on('uncaughtException', (error) => output('stderr', `Uncaught ${inspect(error)}\n`))
process.on('unhandledRejection', (reason) => output('stderr', `Uncaught (in promise) ${inspect(reason)}\n`))

/** @type {repl.ReplOptions & { domain: object }} */
const settings = {
  // With a domain of its own the REPL prints what the code throws, instead of handing it to the callback of eval().
  domain: { on() {}, bind: (/** @type {unknown} */ evaluate) => evaluate },
  prompt: '',
  input: new PassThrough(),
  // The REPL itself prints nothing but errors of the background.
  output: new Writable({
    write(chunk, _encoding, done) {
      output('stderr', String(chunk))
      done()
    },
  }),
  terminal: false,
  useGlobal: true,
}
const session = repl.start(settings)

input.on('data', (/** @type {Buffer} */ chunk) => {
  receive(chunk)
  takeAll()
})
// The host is gone, or wants this to end: whatever timers and servers the user's code has open.
input.on('end', () => exit(0))
input.on('error', () => exit(0))
