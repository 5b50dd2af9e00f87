/**
 * The keeper: a small process beside the host that starts the sessions for it, and ends them all when the host is gone, however it
 * went. The host starts it; nobody else has a use for it.
 *
 * @module
 */
import { setFlagsFromString } from 'node:v8'
import { systemClock } from './kernel/system-clock.ts'
import { KeeperProgram } from './process/keeper/keeper-program.ts'
import { KEEPER_MARKER, type ToKeeper } from './process/keeper/protocol.ts'
import { ProcessTable } from './process/tree/process-table.ts'

// What it allocates is soon garbage: room for more of it is 5 MB for nothing.
setFlagsFromString('--semi-space-growth-factor=1')

/** It leaves in any case this long after its host. */
const LEAVE_MS = 6_000

const marker = process.env[KEEPER_MARKER]
if (!process.send || marker === undefined || marker === '') {
  process.stderr.write('This program is a part of greenroom, which starts it by itself.\n')
  process.exit(2)
}

const program = new KeeperProgram({
  clock: systemClock,
  table: new ProcessTable({ clock: systemClock, restless: true }),
  marker,
  send: (message) => {
    // To a host that is gone nothing can be said; that it is gone is told by 'disconnect'.
    if (process.connected) process.send?.(message, () => undefined)
  },
})

// A stop of the whole service signals the keeper, too: the host decides what ends when, and the keeper leaves after it.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
process.on('message', (message) => {
  if (program.receive(message as ToKeeper) === 'leave') void program.close().then(() => process.exit())
})
process.once('disconnect', () => {
  systemClock.setTimer(() => process.exit(), LEAVE_MS)
  void program.endAll().then(() => program.close()).then(() => process.exit())
})
await program.listen()
