import type { SpawnSpec } from '../../../contracts/index.ts'

const LIVES_ON = 'process.stdin.resume(); setInterval(() => {}, 1000)'

const program = (code: string): SpawnSpec => ({ command: process.execPath, args: ['-e', code] })

/** Reads, and says nothing. */
export const SILENT_PROGRAM = program(LIVES_ON)
/** Speaks no protocol there is. */
export const NONSENSE_PROGRAM = program(`for (let n = 0; n < 20; n++) process.stdout.write('%@ this is not the protocol ' + n + '\\n'); ${LIVES_ON}`)
/** Ends before it has said anything. */
export const EXITING_PROGRAM = program('process.exit(3)')
/** Is not there. */
export const MISSING_PROGRAM: SpawnSpec = { command: '/there/is/no/such/program' }
