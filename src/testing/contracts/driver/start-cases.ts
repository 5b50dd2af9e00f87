import type { SpawnSpec } from '../../../contracts/index.ts'
import { becomes, call, outcome, pause, rule, settled, show } from '../rules.ts'
import type { Abilities } from './abilities.ts'
import type { AddDriverCase } from './driver-contract.ts'
import type { DriverSession } from './driver-session.ts'
import type { DriverStage } from './driver-stage.ts'
import type { DriverContract } from './options.ts'
import { EXITING_PROGRAM, MISSING_PROGRAM, NONSENSE_PROGRAM, SILENT_PROGRAM } from './wrong-programs.ts'

/** How long a driver is given to fall for a program that is not its own. */
const TEMPTATION_MS = 500
const SECRET = 'GREENROOM_CONTRACT_SECRET'

export function addStartCases(add: AddDriverCase, contract: DriverContract, { handshake }: Abilities): void {
  add('describes what to run: a command, and no more of the environment than it names', async (_stage, newStage) => {
    const spec = await withSecret(async () => {
      const { driver } = await newStage()
      return call('spawnSpec()', () => driver.spawnSpec(driver.capabilities.bindsAtSpawn ? { tenant: 'acme' } : undefined)) as unknown
    })
    mustBeSpec(spec)
    rule(!(SECRET in (spec.env ?? {})), "spawnSpec() names all of the host's environment, secrets too, in env: set what the program needs, and name the rest in inheritEnv")
  })

  add('is ready when it says so: a request right after is answered', async (stage) => {
    const session = await stage.open()
    rule(session.child.exit === undefined, 'open() resolved, and the program was gone')
    await session.ask(contract)
    session.mustBeOrderly()
  })

  add('gives up when its start is given up', async (stage) => {
    const session = stage.start()
    const opening = session.open()
    session.giveUp()
    await outcome('open(), after context.signal was aborted,', () => opening)
    await session.kill()
    await stage.mustLeaveNothing('after a start that was given up')
  })

  add('survives a program that cannot be started', async (stage) => {
    await outcome('open() of a program that could not be started', () => stage.start(MISSING_PROGRAM).open())
    // What is written to pipes that lead nowhere fails later.
    await pause(50)
  })

  add('gives up when the program ends before it is ready', async (stage) => {
    const session = stage.start(EXITING_PROGRAM)
    const result = await outcome('open() of a program that had ended', () => session.open())
    rule(!handshake || result.status === 'rejected', 'open() resolved, and the program had ended without a word: wait for its answer, and reject when context.signal is aborted')
  })

  if (!handshake) return

  add('takes no program for ready that says nothing, and gives up at its deadline', (stage) => mustNotBeTaken(stage, SILENT_PROGRAM, 'says nothing'))
  add('takes no program for ready that speaks nonsense, and gives up at its deadline', (stage) => mustNotBeTaken(stage, NONSENSE_PROGRAM, 'speaks nonsense'))
}

/** Plants a secret in the host's environment, so that one sees who passes it on. */
async function withSecret<T>(work: () => Promise<T>): Promise<T> {
  process.env[SECRET] = 'secret'
  try {
    return await work()
  } finally {
    delete process.env[SECRET]
  }
}

async function mustNotBeTaken(stage: DriverStage, spec: SpawnSpec, what: string): Promise<void> {
  const session = stage.start(spec)
  const opening = session.open()
  opening.catch(() => undefined)
  const early = await Promise.race([opening.then(() => 'ready', () => 'refused'), tempted(session, spec)])
  rule(early !== 'ready', `open() took a program for ready that ${what}: it must be the program's own answer that makes it ready`)
  session.giveUp()
  const result = await outcome('open(), after context.signal was aborted,', () => opening)
  rule(result.status === 'rejected', `open() resolved after its deadline, of a program that ${what}`)
  await settled('ending the program', () => session.kill())
}

/** Resolves when the driver has had the time to fall for the program. */
async function tempted({ child }: DriverSession, spec: SpawnSpec): Promise<void> {
  if (spec === NONSENSE_PROGRAM) await becomes(() => child.bytesRead > 0)
  await pause(TEMPTATION_MS)
}

function mustBeSpec(spec: unknown): asserts spec is SpawnSpec {
  const { command, args, cwd, env, inheritEnv } = (spec ?? {}) as Partial<Record<keyof SpawnSpec, unknown>>
  const broken = (what: string) => (): string => `spawnSpec() returned ${show(spec)}: ${what}`
  rule(typeof command === 'string' && command !== '', broken('command must be a text that is not empty'))
  rule(args === undefined || areTexts(args), broken('args must be a list of texts'))
  rule(cwd === undefined || typeof cwd === 'string', broken('cwd must be a text'))
  rule(env === undefined || (typeof env === 'object' && env !== null && areTexts(Object.values(env))), broken('env must be an object of texts'))
  rule(inheritEnv === undefined || areTexts(inheritEnv), broken('inheritEnv must be a list of names'))
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
