import type { ParkedSession, Store } from '../../contracts/index.ts'
import { type Bench, type StrategySource, suiteOf } from './bench.ts'
import type { ContractCase } from './contract-case.ts'
import { call, rule, settled, show } from './rules.ts'
import { ODD_NAMES } from './sessions.ts'

const MANY = 10_000
const AT_ONCE = 500
const MANY_MS = 120_000

/**
 * The cases that every store must pass. A store that keeps its records somewhere must have that place to itself meanwhile, and nothing in
 * it at the beginning.
 */
export function storeContract(source: StrategySource<'store'>): ContractCase[] {
  const { cases, add } = suiteOf('store', source, 'real')
  const test = (title: string, work: (store: CheckedStore, bench: Bench<'store'>) => Promise<void>): void => add(title, async (bench) => {
    const store = new CheckedStore(await bench.make())
    try {
      await work(store, bench)
      await store.empty()
    } finally {
      await store.close()
    }
  })

  test('gives back what was put, as it was', async (store) => {
    for (const token of ['token', '', ' two\nlines\r\n', '{"json":[1]}', '🎭 é e\u0301 \u0000', 'x'.repeat(1_000_000)]) {
      await store.put({ tenant: 'acme', key: 'chat', token, parkedAt: 1_700_000_000_123 })
      await store.take('acme', 'chat')
    }
  })

  test('gives back what was known of a key, too, unless it leaves that out', async (store) => {
    const past = { uses: 17, firstUsedAt: 1_600_000_000_000.5, lastUsedAt: 1_700_000_000_000 }
    await store.put({ ...record('acme', 'chat'), past })
    const got = (await store.takeUnchecked('acme', 'chat'))?.past
    store.forget('acme', 'chat')
    const { uses, firstUsedAt, lastUsedAt } = got ?? past
    rule(
      uses === past.uses && firstUsedAt === past.firstUsedAt && lastUsedAt === past.lastUsedAt,
      () => `take() gave the past ${show(got)}, and ${show(past)} was put: it may be left out, and must not be another`,
    )
    await store.put({ ...record('acme', 'chat'), past })
    await store.put(record('acme', 'chat'))
    const last = (await store.takeUnchecked('acme', 'chat'))?.past
    store.forget('acme', 'chat')
    rule(last === undefined, () => `take() gave the past ${show(last)}, of a record that was replaced by one without`)
  })

  test('has nothing of whom nothing was put', async (store) => {
    store.has('acme', 'never')
    await store.take('acme', 'never')
    await store.put(record('acme', 'chat'))
    store.has('acme', 'never')
    store.has('other', 'chat')
    await store.take('other', 'chat')
    await store.take('acme', 'never')
  })

  test('gives a record out once, also when many ask for it at the same moment', async (store) => {
    for (let round = 0; round < 10; round++) {
      await store.put(record('acme', 'chat'))
      const answers = await Promise.all(Array.from({ length: 20 }, () => store.takeUnchecked('acme', 'chat')))
      const got = answers.filter((answer) => answer !== undefined).length
      store.forget('acme', 'chat')
      rule(got === 1, `Of 20 who asked for one record at the same moment ${got} got it: exactly one must, or two sessions resume the same state`)
      await store.take('acme', 'chat')
    }
  })

  test('keeps the last of several records of a key', async (store) => {
    await store.put(record('acme', 'chat', 'first'))
    await store.put(record('acme', 'chat', 'second'))
    await store.take('acme', 'chat')
    await store.take('acme', 'chat')
  })

  test('tells tenants and keys apart whatever they are called', async (store) => {
    const names = ODD_NAMES.flatMap((name) => [[name, 'b'], ['b', name], [name, name]] as const)
    for (const [tenant, key] of [...names, ['a:b', 'c'], ['a', 'b:c'], ['a/', 'b'], ['a', '/b'], ['', 'ab'], ['ab', '']] as const) {
      store.has(tenant, key)
      await store.put(record(tenant, key, `token of ${tenant} ${key}`))
    }
    store.has('A:b', 'c')
    for (const { tenant, key } of store.records) {
      store.has(tenant, key)
      await store.take(tenant, key)
    }
  })

  test('counts its records', async (store) => {
    for (let n = 0; n < 20; n++) await store.put(record(`tenant-${n % 2}`, `key-${n % 10}`))
    for (let n = 0; n < 20; n += 3) await store.take(`tenant-${n % 2}`, `key-${n % 10}`)
  })

  test(`holds ${MANY.toLocaleString('en')} records`, async (store) => {
    const records = Array.from({ length: MANY }, (_, n) => record(`tenant-${n % 100}`, `key-${n}`))
    for (let from = 0; from < MANY; from += AT_ONCE) {
      const some = records.slice(from, from + AT_ONCE)
      await settled(`putting ${AT_ONCE} records`, () => Promise.all(some.map((one) => store.putUnchecked(one))), MANY_MS)
    }
    store.checkSize('putting many')
    for (const { tenant, key } of records) store.has(tenant, key)
    for (let from = 0; from < MANY; from += AT_ONCE) {
      const some = records.slice(from, from + AT_ONCE)
      const taken = await settled(`taking ${AT_ONCE} records`, () => Promise.all(some.map(({ tenant, key }) => store.takeUnchecked(tenant, key))), MANY_MS)
      for (const [n, { tenant, key }] of some.entries()) {
        rule(taken[n]?.key === key && taken[n].tenant === tenant, () => `take() of ${tenant}, ${key} gave ${show(taken[n])}`)
        store.forget(tenant, key)
      }
    }
    store.checkSize('taking all')
  })

  add('can be closed twice', async (bench) => {
    const store = await bench.make()
    await settled('close()', () => store.close?.())
    await settled('the second close()', () => store.close?.())
  })

  add('has what an earlier one kept, if it says that it outlives its host', async (bench) => {
    const first = await bench.make()
    const earlier = new CheckedStore(first)
    for (const key of ['one', 'two', 'three']) await earlier.put(record('acme', key))
    await earlier.take('acme', 'two')
    if (first.persistent !== true) return earlier.close()
    await earlier.close()
    const later = new CheckedStore(await bench.make(), earlier.records)
    try {
      for (const key of ['one', 'two', 'three']) later.has('acme', key)
      await later.empty()
    } finally {
      await later.close()
    }
  })
  return cases
}

/** A store and what must be in it. Every operation is checked against that. */
class CheckedStore {
  readonly #store: Store
  readonly #records = new Map<string, ParkedSession>()

  constructor(store: Store, records: readonly ParkedSession[] = []) {
    this.#store = store
    for (const one of records) this.#records.set(idOf(one.tenant, one.key), one)
    this.checkSize(records.length > 0 ? 'opening it again' : 'making it: it must be empty when the suite begins')
  }

  get records(): readonly ParkedSession[] {
    return [...this.#records.values()]
  }

  async put(one: ParkedSession): Promise<void> {
    await settled('put()', () => this.putUnchecked(one))
    this.checkSize('put()')
    this.has(one.tenant, one.key)
  }

  async putUnchecked(one: ParkedSession): Promise<void> {
    this.#records.set(idOf(one.tenant, one.key), one)
    await this.#store.put({ ...one })
  }

  async take(tenant: string, key: string): Promise<void> {
    const kept = this.#records.get(idOf(tenant, key))
    const got = await settled('take()', () => this.takeUnchecked(tenant, key))
    this.forget(tenant, key)
    rule(
      got?.tenant === kept?.tenant && got?.key === kept?.key && got?.token === kept?.token && got?.parkedAt === kept?.parkedAt,
      () => `take(${show(tenant)}, ${show(key)}) gave ${show(got)}, and ${kept ? show(kept) : 'nothing'} was kept`,
    )
    this.checkSize('take()')
    this.has(tenant, key)
  }

  async takeUnchecked(tenant: string, key: string): Promise<ParkedSession | undefined> {
    return this.#store.take(tenant, key)
  }

  /** Somebody has taken it. */
  forget(tenant: string, key: string): void {
    this.#records.delete(idOf(tenant, key))
  }

  has(tenant: string, key: string): void {
    const said: unknown = call('has()', () => this.#store.has(tenant, key))
    const kept = this.#records.has(idOf(tenant, key))
    const advice = 'it must be a boolean, not a promise (keep an index in memory), and right as soon as put() or take() has resolved'
    rule(said === kept, () => `has(${show(tenant)}, ${show(key)}) is ${show(said)}, and a record is ${kept ? 'there' : 'not there'}: ${advice}`)
  }

  checkSize(after: string): void {
    const { size } = this.#store
    rule(size === this.#records.size, () => `size is ${show(size)} after ${after}, and ${this.#records.size} records are kept`)
  }

  async empty(): Promise<void> {
    for (const { tenant, key } of this.records) await this.take(tenant, key)
  }

  async close(): Promise<void> {
    await settled('close()', () => this.#store.close?.())
  }
}

function record(tenant: string, key: string, token = 'token'): ParkedSession {
  return { tenant, key, token, parkedAt: 1_700_000_000_000 }
}

function idOf(tenant: string, key: string): string {
  return JSON.stringify([tenant, key])
}
