import { isGreenroomError, type SessionMetrics } from '../../src/contracts/index.ts'
import type { Holder } from './caller.ts'
import { TIMEOUTS } from './setting.ts'
import type { Theatre } from './theatre.ts'

/** A silence is found within the time-out and a quarter. */
const SILENCE_FOUND_MS = TIMEOUTS.silence * 1.25

/** Whatever can be said of a pool between two steps, whoever does what in it. */
export function checkStep(theatre: Theatre): void {
  const sessions = theatre.pool.getSessionMetrics()
  checkCounts(theatre, sessions)
  checkHolders(theatre, sessions)
  checkWaiters(theatre)
  checkRequests(theatre)
  checkPrograms(theatre, sessions)
  theatre.observer.check()
}

/** What a caller may find in a session: a one-off nothing but its own, a key what was written for the key. */
export function checkNote(theatre: Theatre, note: string, { name, tenant, key }: { name: string; tenant: string; key: string | undefined }): void {
  if (theatre.communal) return
  const own = key === undefined ? `${tenant}/-/${name}/` : `${tenant}/${key}/`
  theatre.fault(!note.startsWith(own), `${name} (${tenant}/${key ?? '-'}) could read ${note} (INV 2)`)
}

function checkCounts(theatre: Theatre, sessions: readonly SessionMetrics[]): void {
  const { world, pool, setting, observer, communal } = theatre
  const { max, perTenant } = setting.size
  const stats = pool.getPoolStats()
  theatre.fault(world.control.peak > max, `${world.control.peak} processes were live at once, size.max is ${max} (INV 9)`)
  theatre.fault(stats.size < world.control.live, `the pool counts ${stats.size} processes and ${world.control.live} are live (INV 9)`)
  const sum = stats.activeSessions + stats.idleSessions + stats.starting + stats.settling + stats.checking + stats.ending
  theatre.fault(sum !== stats.size || sessions.length !== stats.size, `the counts add up to ${sum}, the list to ${sessions.length}, size is ${stats.size}`)
  theatre.fault(stats.waiting !== observer.waiting, `the pool counts ${stats.waiting} waiting, ${observer.waiting} are`)
  theatre.fault(stats.waiting > setting.queueMax, `${stats.waiting} wait, queue.max is ${setting.queueMax}`)
  const keys = new Set<string>()
  const held = new Map<string, number>()
  for (const { tenant, key, sessionId } of sessions) {
    if (tenant === undefined) continue
    held.set(tenant, (held.get(tenant) ?? 0) + 1)
    if (key === undefined) continue
    theatre.fault(keys.has(`${tenant}/${key}`), `${tenant}/${key} has two live sessions, ${sessionId} is one`)
    keys.add(`${tenant}/${key}`)
  }
  if (communal) return
  for (const [tenant, count] of held) theatre.fault(count > perTenant, `${tenant} holds ${count} sessions, size.perTenant is ${perTenant}`)
}

function checkHolders(theatre: Theatre, sessions: readonly SessionMetrics[]): void {
  const { setting, communal, callers, world } = theatre
  const now = world.clock.now()
  const states = new Map(sessions.map(({ sessionId, status }) => [sessionId, status]))
  const held = new Map<string, Holder[]>()
  for (const holder of theatre.holders) {
    const { sessionId } = holder.lease
    held.set(sessionId, [...(held.get(sessionId) ?? []), holder])
    theatre.fault(!theatre.program(sessionId).child.alive, `${holder.name} holds ${sessionId}, which is gone (INV 6)`)
    theatre.fault(now - holder.servedAt > setting.active, `${holder.name} holds ${sessionId} for ${now - holder.servedAt} ms (INV 6)`)
  }
  for (const [sessionId, holders] of held) {
    const keyed = holders.some(({ key }) => key !== undefined)
    const slots = communal || keyed ? setting.concurrency : 1
    theatre.fault(holders.length > slots, `${sessionId} is held by ${holders.map(({ name }) => name).join(' and ')}, it has ${slots} slots (INV 3)`)
    theatre.fault(states.get(sessionId) !== 'leased', `${sessionId} is held and its state is ${states.get(sessionId)} (INV 3)`)
  }
  for (const { name, lease, letGo } of callers) {
    const reason: unknown = lease?.signal.aborted ? lease.signal.reason : undefined
    theatre.fault(isGreenroomError(reason, 'LEASE_REVOKED') && !letGo, `${name}'s lease was released by somebody else (INV 3)`)
  }
  for (const [sessionId, status] of states) {
    const idleAndBusy = status === 'idle' && theatre.program(sessionId).unanswered > 0
    theatre.fault(idleAndBusy, `${sessionId} is idle and has not answered (INV 1)`)
    const preparing = setting.bind || setting.park || theatre.moods.any || theatre.oneShots > 0
    theatre.fault(status === 'leased' && !held.has(sessionId) && !preparing, `${sessionId} is leased and nobody holds it (INV 10)`)
  }
}

function checkWaiters(theatre: Theatre): void {
  const now = theatre.world.clock.now()
  for (const { name, due, gaveUp } of theatre.waiters) {
    theatre.fault(now > due, `${name} waits on after its time-out (INV 20)`)
    theatre.fault(gaveUp, `${name} was aborted and waits on (INV 11)`)
  }
}

function checkRequests(theatre: Theatre): void {
  const { world, setting } = theatre
  const now = world.clock.now()
  for (const { caller, controller, settled, heard, at, due, bytesRead } of theatre.asked) {
    if (settled || !heard) continue
    const { child } = theatre.program(caller.lease.sessionId)
    theatre.fault(!child.alive, `${caller.name}'s request is open and its process is gone (INV 16)`)
    theatre.fault(caller.lease.signal.aborted, `${caller.name}'s request is open and its lease is over (INV 6)`)
    theatre.fault(controller.signal.aborted, `${caller.name}'s request was aborted and is open (INV 6)`)
    theatre.fault(now > due, `${caller.name}'s request is open after its time-out (INV 20)`)
    const silent = setting.concurrency === 1 && child.bytesRead === bytesRead && now - at > SILENCE_FOUND_MS
    theatre.fault(silent, `${caller.name}'s session said nothing for ${now - at} ms (INV 17)`)
  }
}

function checkPrograms(theatre: Theatre, sessions: readonly SessionMetrics[]): void {
  const { communal, world, measured, moods, setting: { concurrency, resumesAtSpawn } } = theatre
  const states = new Map(sessions.map(({ sessionId, status }) => [sessionId, status]))
  for (const { everWritten, bindings, sessionId, child, unanswered } of world.programs) {
    theatre.fault(unanswered > concurrency, `${sessionId} works on ${unanswered} requests and can on ${concurrency} (INV 1)`)
    theatre.fault(new Set(everWritten).size !== everWritten.length, `${sessionId} was told the same twice (INV 28)`)
    theatre.fault(!communal && new Set(everWritten.map((note) => note.split('/')[0])).size > 1, `${sessionId} served ${everWritten.join(' and ')} (INV 2)`)
    const owner = child.spec.env?.['TENANT']
    const stranger = owner === undefined ? undefined : everWritten.find((note) => !note.startsWith(`${owner}/`))
    theatre.fault(stranger !== undefined, `${sessionId} was started for ${owner} and was told ${stranger} (INV 2)`)
    theatre.fault(bindings.length > 1, `${sessionId} was bound ${bindings.length} times (INV 2)`)
    // Where the process of a session is replaced, the old one ends while the session lives on.
    const left = child.alive && child.signals.length > 0 && states.get(sessionId) !== 'ending'
    theatre.fault(left && !resumesAtSpawn, `${sessionId} got ${child.signals.join(', ')} and is not being ended (INV 15)`)
  }
  if (moods.any) return
  for (const { sessionId, pid, memoryUsage, cpuUsage } of sessions) {
    const usage = measured.get(pid ?? -1)
    theatre.fault(memoryUsage !== usage?.memoryBytes || cpuUsage !== usage?.cpuPercent, `${sessionId}'s usage is told as ${memoryUsage} bytes and ${cpuUsage} % (INV 27)`)
  }
}
