import type { ParkedSession } from 'greenroom/kit'
import { describe, expect, it } from 'vitest'
import { DriverStore } from '../../src/pool/driver-store.ts'
import { plainStore } from '../support/plain-store.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

function parked(token: string): ParkedSession {
  return { tenant: 'acme', key: 'chat', token, parkedAt: 17, past: { uses: 3, firstUsedAt: 1, lastUsedAt: 9 } }
}

describe("a driver's own store", () => {
  it.each(['token', '', '{"json":[1]}', '["greenroom","acp","x"]', ' two\nlines ', '\u0000 \ud800'])('gives back what was parked, as it was: %j', async (token) => {
    const store = new DriverStore(plainStore(), 'json-lines')
    await store.put(parked(token))
    expect([store.has('acme', 'chat'), store.size]).toEqual([true, 1])
    expect(await store.take('acme', 'chat')).toEqual(parked(token))
    expect([store.has('acme', 'chat'), store.size, await store.take('acme', 'chat')]).toEqual([false, 0, undefined])
  })

  it('leaves what another driver has parked where it is, and says whose it is', async () => {
    const shared = plainStore()
    const [mine, theirs] = [new DriverStore(shared, 'claude-code'), new DriverStore(shared, 'acp')]
    await theirs.put(parked('token'))
    const error = await greenroomErrorOf(() => mine.take('acme', 'chat'))
    expect([error.code, error.message]).toEqual(['STORE_FAILED', expect.stringMatching(/acp.*claude-code.*store\.path/)])
    expect(await theirs.take('acme', 'chat')).toEqual(parked('token'))
  })

  it('takes what was kept before that was said', async () => {
    const old = plainStore()
    old.records.set('chat', parked('["old"]'))
    expect(await new DriverStore(old, 'json-lines').take('acme', 'chat')).toEqual(parked('["old"]'))
  })

  it('is as lasting as the store that it is kept in, and closes it', async () => {
    let closed = 0
    const lasting = new DriverStore({ ...plainStore(), persistent: true, close: async () => void closed++ }, 'acp')
    await lasting.close()
    const passing = new DriverStore(plainStore(), 'acp')
    await passing.close()
    expect([lasting.persistent, passing.persistent, closed]).toEqual([true, false, 1])
  })
})
