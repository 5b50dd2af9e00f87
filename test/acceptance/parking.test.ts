import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PoolConfig } from 'greenroom'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/testing/index.ts'
import { startHost } from '../support/host-process.ts'
import { openPool, until } from '../support/real-pool.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** More of them, for those who have the time: GREENROOM_KEYS=1000. */
const KEYS = Number(process.env['GREENROOM_KEYS'] ?? 60)
const PROCESSES = Math.max(4, KEYS / 50)
const VISITS = 5

/** A program that notes the visits it gets: a shell, so that many can be started. */
const driver = {
  use: 'json-lines', command: 'sh', args: [fileURLToPath(new URL('../fixtures/counter.sh', import.meta.url))], ready: { match: { ready: true } },
  park: { send: { do: 'park' }, field: 'token' }, resume: { send: { do: 'resume' }, field: 'token' },
} as const satisfies PoolConfig['driver']

const visit = (n: string) => ({ do: 'visit', n })

/** Each key as often as there are visits, in an order of chance. */
function rounds(): { tenant: string; key: string }[] {
  const random = seededRandom(7)
  const all = Array.from({ length: KEYS * VISITS }, (_, n) => ({ tenant: `tenant-${n % 3}`, key: `key-${n % KEYS}` }))
  for (let n = all.length - 1; n > 0; n--) {
    const other = Math.floor(random.next() * (n + 1))
    ;[all[n], all[other]] = [all[other]!, all[n]!]
  }
  return all
}

describe('many keys over few processes', () => {
  it(`each find their own state again, at each of ${VISITS} visits in any order`, async () => {
    const { pool } = await openPool({ driver, size: { max: PROCESSES, spare: 0 } })
    const expected = new Map<string, string>()
    const order = rounds()
    const visitNext = async (): Promise<void> => {
      for (let next = order.pop(); next; next = order.pop()) {
        const { tenant, key } = next
        const place = `${tenant}/${key}`
        await pool.use({ tenant, key }, async (lease) => {
          const number = String(expected.get(place)?.length ?? 0)
          expected.set(place, `${expected.get(place) ?? ''}${place}-${number} `)
          expect(await lease.request(visit(`${place}-${number}`))).toEqual({ visits: expected.get(place) })
        })
      }
    }
    await Promise.all(Array.from({ length: PROCESSES }, visitNext))
    expect([...expected.values()].flatMap((visits) => visits.trim().split(' ')).length).toBe(KEYS * VISITS)
    expect(pool.getPoolStats()).toMatchObject({ crashes: 0, refusals: 0 })
  }, 600_000)

  it('find it again after the host was killed, when the store is sqlite; another tenant finds nothing', async () => {
    const folder = await tempFolder()
    const store = { use: 'sqlite', path: join(folder, 'greenroom.db') } as const
    const stateDir = join(folder, 'state')
    const host = startHost({ driver, size: { max: 1, spare: 0 }, store, stateDir })
    await host.has('ready')
    for (let n = 0; n < 5; n++) host.tell(`visit acme key-${n} ${JSON.stringify(visit(`first-${n}`))}`)
    // The fifth is live when the host dies: nobody has parked it.
    await until(() => host.messages.filter(({ answer }) => answer !== undefined).length === 5)
    expect(host.messages.at(-1)).toMatchObject({ parked: 4 })
    await host.kill()

    const { pool } = await openPool({ driver, size: { max: 2, spare: 0 }, store, stateDir })
    for (let n = 0; n < 4; n++) {
      expect(await pool.request(visit('again'), { tenant: 'acme', key: `key-${n}` })).toEqual({ visits: `first-${n} again ` })
      expect(await pool.request(visit('mine'), { tenant: 'other', key: `key-${n}` })).toEqual({ visits: 'mine ' })
    }
    expect(await pool.request(visit('new'), { tenant: 'acme', key: 'key-4' })).toEqual({ visits: 'new ' })
  })
})
