import { type Ending, REST_MS, TIMEOUTS } from './setting.ts'
import type { Theatre } from './theatre.ts'

/** Nobody moves any more: all that can be served is (INV 12), and the pool comes down to what it should keep (INV 22). */
export async function rest(theatre: Theatre): Promise<void> {
  const { world: { clock }, pool, setting } = theatre
  theatre.behave()
  await clock.advance(REST_MS)
  theatre.check()
  checkRest(theatre)

  pool.autoScale(true)
  for (let round = 0; round < 60 && (theatre.waiters.length > 0 || theatre.holders.length > 0); round++) {
    for (const holder of theatre.holders) theatre.release(holder)
    await clock.advance(1_000)
    theatre.check()
  }
  theatre.fault(theatre.waiters.length > 0, 'not everybody is served in the end (INV 12)')
  theatre.fail()

  // Within the idle time-out and one sweep.
  await clock.advance(TIMEOUTS.idle + REST_MS)
  theatre.check()
  const { min, spare } = setting.size
  const { size, idleSessions, limits } = pool.getPoolStats()
  const wanted = Math.min(Math.max(min, spare), Math.max(1, min, limits.affordable ?? Infinity))
  // Sessions of a limited life are born and end at any time; and tenants for whom spares are started may have as many as they may.
  const steady = setting.total === undefined
  const right = setting.bindAtSpawn ? size <= wanted : size === wanted
  theatre.fault(steady && !(right && idleSessions === size), `at rest there are ${idleSessions} idle ones of ${size}, and should be ${wanted} (INV 22)`)
  theatre.fail()
}

/** The pool is being drained, or closed: nobody new comes in from here on. */
export function begin(theatre: Theatre, { how }: Ending): void {
  if (how === 'drain') theatre.promise('drain', theatre.pool.drain())
  else if (how !== 'rest') {
    theatre.promise('close', theatre.pool.close(how === 'close at once' ? { grace: 0 } : {}))
    theatre.closed = true
  }
}

/** Nothing outlives the pool: no process, no timer, no promise. */
export async function close(theatre: Theatre, { how }: Ending): Promise<void> {
  const { pool, world } = theatre
  const { clock } = world
  if (how === 'drain') {
    for (let round = 0; round < 80; round++) {
      for (const holder of theatre.holders) theatre.release(holder)
      await clock.advance(1_000)
      theatre.check()
    }
    theatre.fault(theatre.waiters.length > 0, 'a drain serves everybody or lets them time out')
    theatre.fault(theatre.promised.some(({ what, settled }) => what === 'drain' && !settled), 'the drain is never over')
    theatre.fail()
  }
  theatre.promise('close', pool.close())
  // The grace, and the steps of an ending; foreign code that is told of the end, and is in a mood.
  await clock.advance(TIMEOUTS.close * 5 + 1)
  theatre.check()
  for (const { what, settled } of theatre.promised) theatre.fault(!settled, `${what} is left open`)
  theatre.fault(theatre.asked.some(({ settled, heard }) => heard && !settled), 'requests are left open (INV 16)')
  theatre.fault(theatre.waiters.length > 0, 'callers are left waiting')
  theatre.fault(world.control.live > 0, 'processes are left (INV 18)')
  theatre.fault(clock.pending > 0, `${clock.pending} timers are left`)
  theatre.fail()
}

/** When all deadlines have passed and everybody behaves: who still waits could not have been served. */
function checkRest(theatre: Theatre): void {
  const { pool, setting, communal } = theatre
  const stats = pool.getPoolStats()
  const sessions = pool.getSessionMetrics()
  const count = (holds: (session: (typeof sessions)[number]) => boolean): number => sessions.filter(holds).length
  for (const { tenant, key, name } of theatre.waiters) {
    if (key !== undefined && count((session) => session.tenant === tenant && session.key === key && session.status === 'leased') > 0) continue
    const own = count((session) => session.tenant === tenant)
    if (!communal && own >= setting.size.perTenant && count((session) => session.tenant === tenant && session.status === 'leased') === own) continue
    const affordable = Math.max(1, setting.size.min, stats.limits.affordable ?? Infinity)
    const limit = Math.min(affordable, stats.scaling.automatic ? setting.size.max : stats.scaling.target)
    if (sessions.length >= limit && count(({ status }) => status === 'leased') === sessions.length) continue
    theatre.faults.push(`${name} (${tenant}/${key}) waits at rest, and could be served (INV 12)`)
  }
  theatre.fail()
}
