import { type AcquireRequest, type Random, randomInt, type SessionView } from '../../contracts/index.ts'

/** Far above any number that a system gives to a process. */
export const NO_PID = 2_000_000_000

/** A session as strategies see it: idle and of nobody, unless told otherwise. It cannot be written to. */
export function session(n: number, fields: Partial<SessionView> = {}): SessionView {
  return Object.freeze({
    id: `session-${n}`, pid: NO_PID + n, state: 'idle', tenant: undefined, key: undefined, startedAt: 1_000, readyAt: 1_200, lastUsedAt: 1_200,
    leaseCount: 0, requestCount: 0, outstanding: 0, load: fields.outstanding ?? 0, usage: undefined, ...fields,
  })
}

/** Any session that a pool could offer: fresh or used, measured or not, of somebody or of nobody. */
export function anySession(n: number, random: Random): SessionView {
  const leaseCount = randomInt(random, 3) === 0 ? 0 : randomInt(random, 1_000)
  const outstanding = randomInt(random, 2) === 0 ? 0 : randomInt(random, 5)
  const startedAt = randomInt(random, 100_000)
  const readyAt = startedAt + randomInt(random, 1_000)
  const tenant = leaseCount === 0 ? undefined : `tenant-${randomInt(random, 5)}`
  const usages = [undefined, {}, { memoryBytes: 1 + randomInt(random, 2 ** 30) }, { cpuPercent: randomInt(random, 400) }]
  return session(n, {
    state: outstanding > 0 ? 'leased' : 'idle',
    tenant,
    key: tenant === undefined || randomInt(random, 2) === 0 ? undefined : `key-${n}`,
    startedAt,
    readyAt,
    lastUsedAt: readyAt + (leaseCount === 0 ? 0 : randomInt(random, 100_000)),
    leaseCount,
    requestCount: leaseCount * randomInt(random, 4),
    outstanding,
    usage: usages[randomInt(random, usages.length)],
  })
}

/** Any request; the `n`th has a key, if any, that no other has. */
export function anyRequest(n: number, random: Random): AcquireRequest {
  return Object.freeze({
    tenant: `tenant-${randomInt(random, 5)}`,
    key: randomInt(random, 3) === 0 ? undefined : `key-${n}`,
    priority: randomInt(random, 3) - 1,
  })
}

/** Names that are easily mixed up with others, or with what a store or a queue writes around them. */
export const ODD_NAMES: readonly string[] = [
  'a', 'b', 'a:b', 'a/b', 'a\u0000b', 'a b', 'a.b', 'a%3Ab', 'a%2Fb', '../a', "a'; --", 'A', 'é', 'e\u0301', '名前', '🎭', '__proto__', 'constructor', 'toString',
  'undefined', 'null', '0', ' ', '', 'x'.repeat(1_000),
]

/** Counts how often any of their fields is read. `tooMany` is called, and may throw, when that is more than `most` times. */
export function watched<T extends object>(
  members: readonly T[], most = Infinity, tooMany: () => void = () => undefined,
): { members: T[]; looks: () => number } {
  let looks = 0
  const counted = members.map((member) => {
    const copy: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(member)) {
      Object.defineProperty(copy, name, {
        enumerable: true,
        get: () => {
          if (++looks > most) tooMany()
          return value as unknown
        },
      })
    }
    return copy as T
  })
  return { members: counted, looks: () => looks }
}
