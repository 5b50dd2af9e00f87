import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import memory from '../../../plugins/stores/memory.ts'
import type { ParkedSession, Store } from '../../../src/contracts/index.ts'
import { makeStrategy, problemsWith } from '../../support/strategies.ts'

const make = async (): Promise<Store> => (await makeStrategy('store', 'memory', memory)).strategy
const parked = (tenant: string, key: string, token = `${tenant}/${key}`): ParkedSession => ({ tenant, key, token, parkedAt: 1 })

describe('the store memory', () => {
  it('gives back what was put, once', async () => {
    const store = await make()
    await store.put(parked('a', 'k'))
    expect([store.has('a', 'k'), store.size]).toEqual([true, 1])
    expect(await store.take('a', 'k')).toEqual(parked('a', 'k'))
    expect([store.has('a', 'k'), store.size]).toEqual([false, 0])
    expect(await store.take('a', 'k')).toBeUndefined()
  })

  it('gives a record to one of two who ask at once', async () => {
    const store = await make()
    await store.put(parked('a', 'k'))
    const got = await Promise.all([store.take('a', 'k'), store.take('a', 'k'), store.take('a', 'k')])
    expect(got.filter((record) => record !== undefined)).toEqual([parked('a', 'k')])
  })

  it('keeps the last state of a key', async () => {
    const store = await make()
    await store.put(parked('a', 'k', 'first'))
    await store.put(parked('a', 'k', 'second'))
    expect(store.size).toBe(1)
    expect((await store.take('a', 'k'))?.token).toBe('second')
    expect(await store.take('a', 'k')).toBeUndefined()
  })

  it('has nothing of one tenant for another, whatever their names and keys', async () => {
    const store = await make()
    // Names that a store with one flat name for tenant and key would mix up.
    for (const [tenant, key] of [['a', 'b:c'], ['a:b', 'c'], ['a', 'b\0c'], ['a\0b', 'c'], ['__proto__', 'constructor']] as const) {
      await store.put(parked(tenant, key))
    }
    expect(store.size).toBe(5)
    for (const [tenant, key] of [['b', 'c'], ['a:b:c', ''], ['a', 'c'], ['constructor', '__proto__'], ['toString', 'name']] as const) {
      expect([store.has(tenant, key), await store.take(tenant, key)]).toEqual([false, undefined])
    }
    expect(await store.take('a:b', 'c')).toEqual(parked('a:b', 'c'))
    expect(await store.take('a', 'b:c')).toEqual(parked('a', 'b:c'))
  })

  it('does what a list of records would do, whatever is asked in whatever order', async () => {
    const name = fc.constantFrom('a', 'b', 'a/b', '')
    const step = fc.record({ do: fc.constantFrom('put', 'take'), tenant: name, key: name, token: fc.string() })
    await fc.assert(fc.asyncProperty(fc.array(step), async (steps) => {
      const store = await make()
      let records: ParkedSession[] = []
      for (const { do: action, tenant, key, token } of steps) {
        const known = records.find((record) => record.tenant === tenant && record.key === key)
        expect(store.has(tenant, key)).toBe(known !== undefined)
        records = records.filter((record) => record !== known)
        if (action === 'take') expect(await store.take(tenant, key)).toEqual(known)
        else {
          records.push(parked(tenant, key, token))
          await store.put(parked(tenant, key, token))
        }
        expect(store.size).toBe(records.length)
      }
    }))
  })

  it('has no options', async () => {
    expect(await problemsWith('store', 'memory', memory, { path: 'x' })).toEqual([expect.stringContaining('path')])
  })
})
