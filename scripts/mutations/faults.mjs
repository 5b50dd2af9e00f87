// Deliberate faults: each breaks one invariant (INVARIANTS in test/properties are named by number). `find` stands in its file exactly once.
// A fault is caught by the random schedules, or by the unit test that is named where the invariant cannot be seen from outside the pool.

/**
 * @typedef {object} Edit
 * @property {string} file
 * @property {string} find
 * @property {string} replace
 */

/**
 * @typedef {object} Fault
 * @property {string} what
 * @property {string} breaks the invariant, as the suite names it
 * @property {readonly Edit[]} edits
 * @property {string} [test] a test file that catches it; default: the random schedules
 */

/** @returns {Fault} */
const fault = (/** @type {string} */ breaks, /** @type {string} */ what, /** @type {Edit[]} */ ...edits) => ({ what, breaks, edits })

/** @returns {Fault} */
const unitFault = (/** @type {string} */ breaks, /** @type {string} */ test, /** @type {string} */ what, /** @type {Edit[]} */ ...edits) =>
  ({ what, breaks, edits, test })

/** @returns {Edit} */
const edit = (/** @type {string} */ file, /** @type {string} */ find, /** @type {string} */ replace) => ({ file, find, replace })

/** @type {readonly Fault[]} */
export const FAULTS = [
  fault('INV 1', 'a session that has not answered is offered again',
    edit('src/pool/settler.ts', '(session.turnCount > 0 || this.#needsReset(session))', 'this.#needsReset(session)')),
  fault('INV 1', 'who never settles is forgiven',
    edit('src/pool/settler.ts', "return session.turnCount === 0 ? undefined : 'unsettled'", 'return undefined')),
  fault('INV 1', 'requests whose caller gave up take up no place',
    edit('src/pool/session.ts', 'return this.#turns.size + this.#resting', 'return this.turns.filter(({ owner }) => !owner.over).length + this.#resting')),
  fault('INV 1', 'a lease that ends while it is asked frees the place of its request',
    edit('src/pool/session.ts', 'if (this.#leases.delete(lease) && lease.turnCount === 0) this.#resting--', 'if (this.#leases.delete(lease)) this.#resting--')),
  unitFault('INV 1', 'test/pool/requests.test.ts', 'the next request is sent before what follows an answer has been read',
    edit('src/pool/errand.ts', 'void NOW.then(() => this.#lease!.release())', 'this.#lease!.release()')),
  unitFault('INV 1', 'test/pool/isolation.test.ts', 'the place of a second request is offered to others',
    edit('src/pool/settler.ts', '    if (owner.turnCount > 1) this.#roster.refreshOpen(session)\n', '')),
  fault('INV 2', 'a failed reset is forgiven',
    edit('src/pool/settler.ts', "return 'reset-failed'", 'return undefined')),
  fault('INV 2', 'one-offs are not reset',
    edit('src/pool/settler.ts', 'return session.key === undefined && !session.communal', 'return false')),
  fault('INV 2', 'a program that cannot be reset is offered as it is',
    edit('src/pool/settler.ts', "if (!this.#resettable || !reset) return 'released'", 'if (!this.#resettable || !reset) return undefined')),
  fault('INV 2', 'sessions of one tenant are open to all',
    edit('src/pool/roster.ts', 'if (session.tenant !== undefined && session.tenant !== tenant.name) {', 'if (false) {'),
    edit('src/pool/roster.ts', 'return session.tenant === undefined ? this.spares : this.tenant(session.tenant).open', 'return this.spares')),
  fault('INV 2', 'what nobody asked for is ignored',
    edit('src/pool/settler.ts', "if (session.state !== 'starting' && !harmless) void this.#retirer.retire(session, 'contaminated')", '')),
  fault('INV 3', "a stale release ends the holder's lease",
    edit('src/pool/lease.ts', 'release(): void {\n    if (this.#over !== undefined) return\n', 'release(): void {\n'),
    edit('src/pool/settler.ts', 'session.returned(lease)', 'for (const other of session.leases) session.returned(other)')),
  fault('INV 3', 'a lease that is over can still send',
    edit('src/pool/lease.ts', '    if (this.over) throw this.over\n    const session = this.#session', '    const session = this.#session')),
  fault('INV 4', 'a session ends before its leases',
    edit('src/pool/retirer.ts', `    this.#roster.move(session, 'ending', reason)\n`, ''),
    edit('src/pool/retirer.ts', '    session.revokeAll(', "    this.#roster.move(session, 'ending', reason)\n    session.revokeAll(")),
  fault('INV 5', 'a session that becomes ready is not given to those who wait',
    edit('src/pool/allocator.ts', "changed(session: Session, _from: SessionState | undefined, to: SessionState): void {\n    if (to === 'idle'", "changed(session: Session, _from: SessionState | undefined, to: SessionState): void {\n    if (_from === 'starting') return\n    if (to === 'idle'")),
  fault('INV 6', 'the exit of a leased session goes unnoticed',
    edit('src/pool/retirer.ts', "if (session.state === 'starting' ||", "if (session.state === 'leased' || session.state === 'starting' ||")),
  fault('INV 6', 'a lease may last for ever',
    edit('src/pool/granter.ts', 'this.#listener.granted(', 'if (now < 0) this.#listener.granted(')),
  fault('INV 6', 'who aborts a request hears of it when the program has stopped',
    edit('src/pool/turn.ts', '    this.abandon(error, outcome)\n    this.cancel()', '    void [error, outcome]\n    this.cancel()')),
  fault('INV 7', 'nobody waits for the end of a back-off',
    edit('src/pool/start-gate.ts', '    if (this.#timer) return 0\n', '')),
  fault('INV 8', 'a balancer that throws ends in an exception of the host',
    edit('src/pool/allocator.ts', "      this.#env.report(problem, 'choosing a session for a caller who waited')\n      return undefined", '      throw problem')),
  fault('INV 8', 'a strategy that rejects where it may not ends in an unhandled rejection',
    edit('src/kernel/disown.ts', 'Promise.resolve(answer).catch(() => undefined)', 'void answer')),
  fault('INV 8', 'the pool trusts its queue to know who waits',
    edit('src/pool/waiting-line.ts', 'return this.#earliest(tenant)', 'return undefined')),
  fault('INV 9', 'processes that are dying are not counted',
    edit('src/pool/launcher.ts', 'max - this.#roster.live', 'max - this.#roster.staying')),
  fault('INV 10', 'who gave up stays in the queue',
    edit('src/pool/waiting-line.ts', 'waiter.forgetSignal?.()\n    this.takeOut(waiter)', 'waiter.forgetSignal?.()')),
  fault('INV 11', 'a signal is not listened to by those who wait',
    edit('src/pool/waiting-line.ts', '    if (signal) {\n', '    if (signal && this.size < 0) {\n')),
  fault('INV 12', 'a session that comes back serves nobody',
    edit('src/pool/allocator.ts', "    if (to === 'idle' || to === 'leased') this.#serve(session)", "    if (to === 'leased') this.#serve(session)"),
    edit('src/pool/allocator.ts', 'if (next) this.#hand(session, servedTo(next, session), next, session.lastUsedAt)', 'void next')),
  fault('INV 12', 'a session that nobody waits for is open to nobody',
    edit('src/pool/allocator.ts', "    return session.state !== 'idle'", '    return true')),
  fault('INV 13', 'no room is made for other tenants',
    edit('src/pool/room-maker.ts', "      this.#evict(victim, 'made room for another caller')", '      return')),
  fault('INV 13', 'no room is made within a tenant',
    edit('src/pool/room-maker.ts', "    if (victim) this.#evict(victim, \"made room within its tenant's limit\")", '    void victim')),
  fault('INV 13', 'nobody comes through the gate when a session of its tenant is gone',
    edit('src/pool/allocator.ts', 'this.#promote(tenant, session.key!, record)\n    this.#openGate(tenant)', 'this.#promote(tenant, session.key!, record)')),
  fault('INV 14', 'nobody stands for a key after who did has given up',
    edit('src/pool/allocator.ts', '      this.#promote(tenant, waiter.key!, record)\n', '')),
  fault('INV 16', 'requests in flight are left open when their lease ends',
    edit('src/pool/lease.ts', "if (turn.owner === this) turn.abandon(this.over!, 'lost')", 'void turn')),
  fault('INV 17', 'silent sessions are found and left alone',
    edit('src/watch/silence.ts', "    void this.#retirer.retire(session, 'silent', error)\n", '    void error\n')),
  fault('INV 20', 'a reset may take for ever',
    edit('src/pool/settler.ts', 'await runWithDeadline(reset, this.#env.settings.timeouts.settle,', 'await runWithDeadline(reset, Infinity,')),
  fault('INV 20', 'preparing a session may take for ever',
    edit('src/pool/preparer.ts', 'Math.min(settings.timeouts.start, patience),', 'Infinity,')),
  fault('INV 20', 'parking may take for ever',
    edit('src/pool/retirer.ts', '        (signal) => channel.park!(signal),\n        settings.timeouts.settle,', '        (signal) => channel.park!(signal),\n        Infinity,')),
  fault('INV 21', 'worn sessions are lent once more',
    edit('src/pool/granter.ts', '++session.leaseCount >= settings.maxUses', '++session.leaseCount > settings.maxUses')),
  fault('INV 21', 'aged sessions are lent on',
    edit('src/watch/lifetimes.ts', "    this.#settler.retireAtRelease(session, 'aged')\n", '    void session\n')),
  fault('INV 22', 'sessions that lie idle stay',
    edit('src/watch/lifetimes.ts', "return void this.#retirer.park(session, 'idle')", 'return')),
  unitFault('INV 23', 'test/watch/watches.test.ts', 'all sessions live equally long',
    edit('src/watch/lifetimes.ts', 'const span = total * (1 - LIFE_JITTER * this.#env.random.next())', 'const span = total')),
  unitFault('INV 25', 'test/plugins/balancers/least-loaded.test.ts', 'the first of equals is always chosen',
    edit('plugins/balancers/selectors/best-of-all.ts', 'randomInt(this.#random, this.#equals) === 0', 'this.#equals < 0'),
    edit('plugins/balancers/selectors/best-of-all.ts', 'Math.ceil(candidates.length / CANDIDATES_A_TRY)', '0')),
  fault('INV 26', 'a probe counts as use',
    edit('src/watch/lifetimes.ts', "    else if (from === 'checking' && to === 'idle') this.#look(session)\n",
      "    else if (from === 'checking' && to === 'idle') {\n      session.lastUsedAt = this.#env.clock.now()\n      this.#look(session)\n    }\n")),
  fault('INV 27', 'an old measurement is told when there is no new one',
    edit('src/watch/usage.ts', 'usage.cpuPercent === undefined ? undefined : usage', 'usage.cpuPercent === undefined ? session.usage : usage')),
  fault('INV 28', 'requests are sent twice',
    edit('src/pool/turn.ts', 'session.channel!.turn(message, turn)', 'session.channel!.turn(message, turn)\n      session.channel!.turn(message, turn)')),
  unitFault('INV 30', 'test/pool/breaker.test.ts', 'sessions that die together count as so many failures',
    edit('src/pool/start-gate.ts', '    if (session.failuresBefore < this.#failures) return\n    this.#failures++', '    this.#failures++')),
  fault('keys', 'a key whose session is being started is free for the next caller',
    edit('src/pool/allocator.ts', 'if (record.session || record.claimant) {', 'if (record.session) {'),
    edit('src/pool/finder.ts', "return lendable ? { session, served: 'same-key' } : undefined", "if (lendable) return { session, served: 'same-key' }\n        if (session) return undefined")),
  fault('keys', "a key's line is not woken when its session is gone",
    edit('src/pool/allocator.ts', '    if (record) this.#promote(tenant, session.key!, record)\n', '')),
  fault('tenants', 'who waits is not counted against size.perTenant',
    edit('src/pool/tenant.ts', 'return this.bound - this.starting + Math.max(this.starting, this.queued)', 'return this.bound')),
  fault('queue.max', 'any number may wait',
    edit('src/pool/waiting-line.ts', 'return this.size >= this.#env.settings.queueMax', 'return false')),
]
