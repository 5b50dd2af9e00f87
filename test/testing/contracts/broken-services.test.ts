import { createServer, type Server } from 'node:net'
import { describe, it } from 'vitest'
import { type Gateway, GreenroomError, type HealthCheck, type ParkedSession, type ProcessUsage, type Store, type UsageSampler } from 'greenroom/kit'
import { gatewayContract, healthContract, metricsContract, storeContract } from 'greenroom/testing'
import { type Broken, check, checkSome } from './failures.ts'

const stores = (create: () => Store) => () => storeContract({ create })
const checks = (check: HealthCheck['check']) => () => healthContract({ create: () => ({ check }) })
const gateways = (create: () => Gateway) => () => gatewayContract({ create })
/** Says of each process what `usage` makes up; `times` says how often it was asked of it before. */
const samplers = (usage: (pid: number, times: number) => ProcessUsage, more: readonly number[] = []) => () => metricsContract({
  create: (): UsageSampler => {
    const asked = new Map<number, number>()
    const ask = (pid: number): number => {
      const times = asked.get(pid) ?? 0
      asked.set(pid, times + 1)
      return times
    }
    return { sample: async (pids) => new Map([...pids, ...more].map((pid) => [pid, usage(pid, ask(pid))])) }
  },
})

// Some wait for a bound: together they wait no longer than one.
describe.concurrent('the suite for stores finds one that', () => {
  const ONCE = 'gives a record out once, also when many ask for it at the same moment'
  const APART = 'tells tenants and keys apart whatever they are called'
  it.each<Broken>([
    ['joins names by a colon', stores(() => new MapStore({ idOf: (tenant, key) => `${tenant}:${key}` })), [APART], /./],
    ['gives a record to all who ask', stores(() => new MapStore({ slow: true })), [ONCE], /exactly one must/],
    ['tells later what it has', stores(() => new MapStore({ lazyHas: true })), [APART], /must be a boolean, not a promise/],
    ['counts what it was given', stores(() => new MapStore({ countsPuts: true })), ['counts its records'], /size is/],
    ['breaks tokens', stores(() => new MapStore({ trims: true })), ['gives back what was put, as it was'], /gave/],
    ['cannot be closed twice', stores(() => new MapStore({ closesOnce: true })), ['can be closed twice'], /the second close\(\) failed/],
    ['does not outlive its host as it says', stores(() => new MapStore({ persistent: true })), ['has what an earlier one kept, if it says that it outlives its host'], /opening it again/],
    ['hangs', stores(() => new MapStore({ hangs: true })), ['keeps the last of several records of a key'], /put\(\) did not settle/],
  ])('%s', checkSome, 60_000)
})

describe.concurrent('the suite for health checks finds one that', () => {
  const FAILED = 'does not find a session healthy that fails its ping'
  const PINGLESS = 'does not find a session unhealthy because its driver has no ping'
  const ENDS = 'ends when it is told to, though the session says nothing'
  const MIXES = 'can look at many sessions at once, and mixes up none'
  it.each<Broken>([
    ['takes a failed ping for an answer', checks(async ({ ping }, signal) => ({ healthy: true, reason: String(await ping(signal).catch(() => 'no matter')) })), [FAILED, ENDS, MIXES], /let the rejection through/],
    ['takes no ping for a bad sign', checks(async ({ ping }, signal) => ({ healthy: await ping(signal), reason: 'it answered or not' })), [PINGLESS], /healthy: undefined/],
    ['does not pass the signal on', checks(async ({ ping }) => ({ healthy: await ping(new AbortController().signal), reason: 'it answered' })), [PINGLESS, ENDS], /unhealthy/],
    ['gives no reason', checks(async () => ({ healthy: true }) as never), ['gives a verdict with a reason on a session that answers', FAILED, PINGLESS, ENDS, MIXES], /with a reason for people/],
    ['mixes up sessions', () => {
      let last: boolean | undefined = true
      return checks(async ({ ping }, signal) => {
        const verdict = ping(signal).then((answered) => (last = answered || undefined), () => (last = false))
        await verdict
        await Promise.resolve()
        return { healthy: last, reason: 'the last answer' }
      })()
    }, [MIXES], /was found/],
  ])('%s', check, 60_000)
})

describe.concurrent('the suite for gateways finds one that', () => {
  it.each<Broken>([
    ['says nothing of where it listens', gateways(() => ({ listen: async () => ({ url: 'here' }), close: async () => undefined })), ['listens, and says where'], /as people would type it/],
    ['does not listen', gateways(() => ({ listen: async () => ({ url: 'http://127.0.0.1:9' }), close: async () => undefined })), ['listens, and says where'], /Nothing accepts a connection/],
    ['goes on listening', gateways(() => new TcpGateway('stays')), ['does not listen any more when it is closed'], /still after close/],
    ['waits for whoever is connected', gateways(() => new TcpGateway('waits')), ['closes though somebody is connected who says nothing'], /did not settle/],
    ['closes the pool', gateways(() => new TcpGateway('closes the pool')), ['leaves the pool open when it closes: it is not its own'], /refused a request/],
    ['fails when it is closed twice', gateways(() => new TcpGateway('closes once')), ['can be closed twice, and without having listened'], /failed/],
  ])('%s', checkSome, 60_000)
})

describe.concurrent('the suite for usage samplers finds one that', () => {
  const OWN = 'gives each process its own figures'
  const ZERO = 'never gives 0 for what it does not know'
  const GONE = 'leaves out who is gone, and who never was'
  const TIME = 'sees that time goes by: what a process has used never becomes less, and its start stays'
  const TOGETHER = 'gives those who ask at the same moment the same figures'
  it.each<Broken>([
    ['gives constants', samplers(() => ({ memoryBytes: 50_000_000, cpuPercent: 5 })), [GONE, OWN], /leave it out/],
    ['gives 0 for the first share', samplers((_pid, times) => ({ cpuPercent: times === 0 ? 0 : 50 })), [ZERO], /leave it out until it is known/],
    ['gives 0 to the second who asks', samplers((_pid, times) => ({ cpuPercent: times % 2 === 0 ? 100 : 0 })), [TOGETHER], /at the same moment/],
    ['counts backwards', samplers((_pid, times) => ({ cpuMs: 1_000 - times, startTime: 1 })), [TIME], /went back/],
    ['takes the time for the start', samplers((_pid, times) => ({ startTime: times })), [TIME], /names the process/],
    ['gives what is no number', samplers(() => ({ memoryBytes: NaN })), ['measures a process that runs'], /finite number/],
    ['gives 0 bytes', samplers(() => ({ memoryBytes: 0 })), ['measures a process that runs'], /which is no process/],
    ['gives what nobody asked for', samplers(() => ({ memoryBytes: 1 }), [1]), ['says nothing of nobody'], /of which nobody asked/],
    ['never knows anything', samplers(() => ({})), ['measures a process that runs'], /Nothing became known/],
    ['fails when it forgets', () => metricsContract({
      create: () => ({ sample: async () => new Map(), forget: () => { throw new Error('who is that?') } }),
    }), ['forgets, whoever it is told to forget, and measures on'], /forget\(\) threw: who is that/],
    ['gives an object', () => metricsContract({ create: () => ({ sample: async () => ({}) as never }) }), ['says nothing of nobody'], /must be a Map by pid/],
    ['shares what is nobody', () => metricsContract({
      create: () => ({ sample: async () => new Map(), proportional: async (pids) => new Map(pids.map((pid) => [pid, 1])) }),
    }), ['measures proportional memory, if it does, of those who are there'], /leave it out/],
  ])('%s', checkSome, 60_000)
})

interface StoreFaults {
  idOf?: (tenant: string, key: string) => string
  slow?: boolean
  lazyHas?: boolean
  countsPuts?: boolean
  trims?: boolean
  closesOnce?: boolean
  persistent?: boolean
  hangs?: boolean
}

class MapStore implements Store {
  readonly persistent: boolean
  readonly #faults: StoreFaults
  readonly #records = new Map<string, ParkedSession>()
  #puts = 0
  #closed = false

  constructor(faults: StoreFaults) {
    this.#faults = faults
    this.persistent = faults.persistent ?? false
  }

  get size(): number {
    return this.#faults.countsPuts ? this.#puts : this.#records.size
  }

  async put(record: ParkedSession): Promise<void> {
    if (this.#faults.hangs) await new Promise(() => undefined)
    this.#puts++
    this.#records.set(this.#idOf(record.tenant, record.key), this.#faults.trims ? { ...record, token: record.token.trim() } : record)
  }

  async take(tenant: string, key: string): Promise<ParkedSession | undefined> {
    const record = this.#records.get(this.#idOf(tenant, key))
    if (this.#faults.slow) await Promise.resolve()
    if (this.#records.delete(this.#idOf(tenant, key))) this.#puts--
    return record
  }

  has(tenant: string, key: string): boolean {
    const has = this.#records.has(this.#idOf(tenant, key))
    return this.#faults.lazyHas ? (Promise.resolve(has) as unknown as boolean) : has
  }

  async close(): Promise<void> {
    if (this.#closed && this.#faults.closesOnce) throw new GreenroomError('ARGUMENT_INVALID', 'closed already')
    this.#closed = true
  }

  #idOf(tenant: string, key: string): string {
    return this.#faults.idOf?.(tenant, key) ?? JSON.stringify([tenant, key])
  }
}

/** Listens, and says nothing to anybody. */
class TcpGateway implements Gateway {
  readonly #fault: 'stays' | 'waits' | 'closes the pool' | 'closes once'
  readonly #server: Server = createServer()
  #pool: { close(): Promise<void> } | undefined

  constructor(fault: TcpGateway['fault']) {
    this.#fault = fault
  }

  get fault() {
    return this.#fault
  }

  async listen(pool: { close(): Promise<void> }): Promise<{ url: string }> {
    this.#pool = pool
    if (this.#fault !== 'waits') this.#server.on('connection', (socket) => socket.destroy())
    this.#server.unref()
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return { url: `tcp://127.0.0.1:${(this.#server.address() as { port: number }).port}` }
  }

  async close(): Promise<void> {
    if (this.#fault === 'stays') return
    if (this.#fault === 'closes the pool') await this.#pool?.close()
    if (!this.#server.listening && this.#fault === 'closes once') throw new Error('it does not listen')
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve))
  }
}
