import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { guard } from '../../src/compat/handle.ts'
import { isGreenroomError } from '../../src/contracts/index.ts'

class Account {
  #balance = 0
  owner = 'nobody'

  get balance(): number {
    return this.#balance
  }

  add(amount: number): this {
    this.#balance += amount
    return this
  }

  self(): { me: Account } {
    return { me: this }
  }
}

describe('a handle', () => {
  it('behaves as its resource: private fields, accessors, inheritance, identity of methods', () => {
    const account = new Account()
    const { value } = guard(account)
    expect(value.add(5).add(2)).toBe(value)
    expect(value.balance).toBe(7)
    expect(value).toBeInstanceOf(Account)
    expect(value.constructor).toBe(Account)
    expect(value.add).toBe(value.add)
    value.owner = 'acme'
    expect([account.owner, Object.keys(value), 'owner' in value]).toEqual(['acme', ['owner'], true])
    expect(Object.getOwnPropertyDescriptor(value, 'owner')).toMatchObject({ value: 'acme' })
    Object.defineProperty(value, 'limit', { value: 3, configurable: true })
    expect(Reflect.deleteProperty(value, 'limit')).toBe(true)
    expect(account).not.toHaveProperty('limit')
  })

  it('lets native objects work', () => {
    const map = guard(new Map([['a', 1]])).value
    expect(map.set('b', 2)).toBe(map)
    expect([map.size, [...map.keys()], map.get('b')]).toEqual([2, ['a', 'b'], 2])
    expect(guard(new Date(0)).value.getTime()).toBe(0)
  })

  it('lets a resource that emits events be listened to', () => {
    const emitter = new EventEmitter()
    const { value } = guard(emitter)
    const heard: unknown[] = []
    expect(value.on('news', (text) => heard.push(text))).toBe(value)
    emitter.emit('news', 'from the resource')
    value.emit('news', 'from the handle')
    expect(heard).toEqual(['from the resource', 'from the handle'])
  })

  it('lets a method be called on something else', () => {
    const { value } = guard({ name: 'resource', say(this: { name: string }) { return this.name } })
    expect([value.say(), value.say.call({ name: 'other' })]).toEqual(['resource', 'other'])
  })

  it('gives what cannot be replaced as it is', () => {
    const work = (): string => 'done'
    const frozen = Object.freeze({ work })
    expect(guard(frozen).value.work).toBe(work)
  })

  it('stands for a property that is the resource itself', () => {
    const resource: { me?: unknown } = {}
    resource.me = resource
    const { value } = guard(resource)
    expect(value.me).toBe(value)
  })

  it('stands for a function', () => {
    const { value, revoke } = guard((a: number, b: number) => a + b)
    expect(value(1, 2)).toBe(3)
    revoke()
    expect(() => value(1, 2)).toThrow(/given back/)
  })

  it('can do nothing when it is over', () => {
    const account = new Account()
    const { value, revoke } = guard(account)
    const { add } = value
    revoke()
    const uses: [string, () => unknown][] = [
      ['"balance"', () => value.balance],
      ['"add"', () => value.add(1)],
      ['"add"', () => add.call(value, 1)],
      ['"owner"', () => (value.owner = 'acme')],
      ['"owner"', () => 'owner' in value],
      ['"owner"', () => Reflect.deleteProperty(value, 'owner')],
      ['"owner"', () => Object.defineProperty(value, 'owner', { value: 'acme' })],
      ['"owner"', () => Object.getOwnPropertyDescriptor(value, 'owner')],
      ['it was used', () => Object.keys(value)],
      ['it was used', () => ({ ...value })],
    ]
    for (const [what, use] of uses) {
      let error: unknown
      try {
        use()
      } catch (thrown) {
        error = thrown
      }
      expect(isGreenroomError(error, 'LEASE_REVOKED'), what).toBe(true)
      expect((error as Error).message).toContain(what)
    }
    expect([account.balance, account.owner]).toEqual([0, 'nobody'])
  })

  it('can still be printed, and be what a promise resolves to, when it is over', async () => {
    const { value, revoke } = guard(new Account())
    revoke()
    expect(await Promise.resolve(value).then((same) => same === value)).toBe(true)
    expect(inspect(value)).toContain('Account')
  })

  it('says nothing for the resource: what was lent anew is another handle', () => {
    const account = new Account()
    const first = guard(account)
    first.revoke()
    const second = guard(account)
    expect(second.value.add(1).balance).toBe(1)
    expect(() => first.value.balance).toThrow()
  })
})
