import type { HealthCheck, HealthSubject, HealthVerdict } from '../../contracts/index.ts'
import { type StrategySource, suiteOf } from './bench.ts'
import type { ContractCase } from './contract-case.ts'
import { outcome, pause, rule, show } from './rules.ts'
import { session } from './sessions.ts'

/** How long the session is left without an answer before the check is told to end. */
const SILENCE_MS = 50
/** What the check is told of how long it may take. */
const LOOK_MS = 5_000

/** The cases that every health check must pass. */
export function healthContract(source: StrategySource<'health'>): ContractCase[] {
  const { cases, add } = suiteOf('health', source, 'real')

  add('gives a verdict with a reason on a session that answers', async (bench) => {
    const { verdict } = await examine(await bench.make(), answering)
    rule(verdict.healthy !== false, () => `Its verdict on an idle session that has just answered is ${show(verdict)}`)
  })

  add('does not find a session healthy that fails its ping', async (bench) => {
    const { asked, healthy } = await examineAny(await bench.make(), failing)
    // It may look at something else than the ping.
    rule(!asked || healthy !== true, 'It asked for a ping, the ping failed, and its verdict was healthy: let the rejection through, or make it { healthy: false }')
  })

  // INV 27
  add('does not find a session unhealthy because its driver has no ping', async (bench) => {
    const { asked, healthy } = await examineAny(await bench.make(), pingless)
    rule(!asked || healthy !== false, 'ping() resolved to false, which says that the driver has none, and the verdict was unhealthy: make it { healthy: undefined } when nothing could be found out')
  })

  add('ends when it is told to, though the session says nothing', async (bench) => {
    const check = await bench.make()
    const controller = new AbortController()
    const running = examineAny(check, silent, controller)
    running.catch(() => undefined)
    await pause(SILENCE_MS)
    controller.abort(new Error('the time for this check is over'))
    const { asked, healthy } = await running
    rule(!asked || healthy !== true, 'The session said nothing until the check was told to end, and its verdict was healthy')
  })

  add('can look at many sessions at once, and mixes up none', async (bench) => {
    const check = await bench.make()
    const results = await Promise.all(Array.from({ length: 20 }, (_, n) => examineAny(check, n % 2 === 0 ? answering : failing, new AbortController(), n)))
    for (const [n, { asked, healthy }] of results.entries()) {
      const right = n % 2 === 0 ? healthy !== false : !asked || healthy !== true
      rule(right, `Of sessions looked at at once, every other of which answered, number ${n} was found ${String(healthy)}`)
    }
  })
  return cases
}

type Ping = (signal: AbortSignal) => Promise<boolean>

interface Examined {
  /** Whether it asked for a ping. */
  readonly asked: boolean
  /** A rejection is a verdict, too: unhealthy. */
  readonly healthy: boolean | undefined
}

const answering: Ping = async () => true
const pingless: Ping = async () => false
const failing: Ping = async () => {
  throw new Error('the program gave no answer')
}
const silent: Ping = (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))

async function examineAny(check: HealthCheck, ping: Ping, controller: AbortController = new AbortController(), n = 0): Promise<Examined> {
  let asked = false
  const subject: HealthSubject = {
    // A process that is there, for checks that look at it.
    session: session(n, { pid: process.pid, leaseCount: 1, requestCount: 1, tenant: 'acme', usage: { memoryBytes: 50 * 2 ** 20, cpuPercent: 1 } }),
    timeoutMs: LOOK_MS,
    ping: (signal) => {
      asked = true
      return ping(signal)
    },
  }
  const result = await outcome('check()', () => check.check(subject, controller.signal))
  if (result.status === 'rejected') return { asked, healthy: false }
  mustBeVerdict(result.value)
  return { asked, healthy: result.value.healthy }
}

async function examine(check: HealthCheck, ping: Ping): Promise<{ verdict: HealthVerdict }> {
  const subject: HealthSubject = { session: session(0, { pid: process.pid }), timeoutMs: LOOK_MS, ping }
  const result = await outcome('check()', () => check.check(subject, new AbortController().signal))
  rule(result.status === 'fulfilled', () => `check() failed on an idle session that answers its ping: ${show((result as PromiseRejectedResult).reason)}`)
  mustBeVerdict(result.value)
  return { verdict: result.value }
}

function mustBeVerdict(verdict: unknown): asserts verdict is HealthVerdict {
  const { healthy, reason } = (verdict ?? {}) as Partial<Record<keyof HealthVerdict, unknown>>
  const right = (healthy === undefined || typeof healthy === 'boolean') && typeof reason === 'string' && reason !== ''
  rule(right, () => `check() came to ${show(verdict)}: it must be { healthy: true, false or undefined, reason }, with a reason for people`)
}
