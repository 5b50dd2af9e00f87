import {
  definePlugin, formatDuration, GreenroomError, isGreenroomError, messageOf, type Clock, type EndReason, type Plugin, type PoolConfig,
} from '../../contracts/index.ts'
import { createPool } from '../../create-pool.ts'
import { withDeadline } from '../../kernel/deadline.ts'
import { fail, note, ok, type Check } from './check.ts'

/** Time for one start, with the tries that the pool makes of it, and for one probe. */
const START_MS = 60_000
const PROBE_MS = 10_000

type Fate = { readonly end: EndReason | undefined } | { readonly healthy: boolean; readonly ms: number }

/** What is looked at while the session lives. */
interface Watched {
  plugin: Plugin
  readyMs(): number | undefined
  /** Settles with the first probe, or with the session's end when that comes first. */
  fate: Promise<Fate>
  problems: string[]
}

/** Checks the config by making a pool of it, and the program by really starting one session and probing it. */
export async function trySession(config: PoolConfig, clock: Clock): Promise<Check[]> {
  const watched = watch(clock)
  let pool
  try {
    pool = await createPool(forOneSession(config, watched.plugin))
  } catch (error) {
    if (!isGreenroomError(error)) throw error
    return [fail('config', `${error.code}: ${withCause(error)}`, 'correct it; `greenroom init` writes one in which every field is explained')]
  }
  const checks = [ok('config', 'valid')]
  try {
    const late = () => new GreenroomError('START_TIMEOUT', `no session was ready after ${formatDuration(START_MS)}`)
    await withDeadline(pool.ready(), START_MS, clock, late)
    const session = ok('session', `ready ${formatDuration(watched.readyMs() ?? 0)} after its start`)
    if (config.health === false) checks.push(session, note('probe', 'health is off', 'idle sessions that hang are not found: remove `health: false`'))
    else checks.push(session, await probe(watched, clock))
  } catch (error) {
    checks.push(fail('session', [withCause(error), ...watched.problems].join('; '), "run the driver's command by hand and see what it says"))
  } finally {
    await pool.close({ grace: 0 })
  }
  return checks
}

async function probe(watched: Watched, clock: Clock): Promise<Check> {
  const late = () => new GreenroomError('SESSION_SILENT', `no verdict after ${formatDuration(PROBE_MS)}`)
  const fate = await withDeadline(watched.fate, PROBE_MS, clock, late)
  // Some programs count as ready as soon as they are spawned: their failure to start shows only now.
  if ('end' in fate) throw new GreenroomError('START_FAILED', `it ended before its first health check (${fate.end ?? 'reason unknown'})`)
  return fate.healthy
    ? ok('probe', `passed its health check in ${formatDuration(fate.ms)}`)
    : fail('probe', 'it failed its health check', "see the driver's `ping`: idle sessions would be ended again and again")
}

function forOneSession(config: PoolConfig, plugin: Plugin): PoolConfig {
  const health = (typeof config.health === 'string' ? { use: config.health } : config.health) as Exclude<PoolConfig['health'], string>
  return {
    ...config,
    size: { min: 1, max: 1, spare: 0 },
    ...(health !== false && { health: { ...health, every: 100, failures: 1 } }),
    plugins: [...(config.plugins ?? []), plugin],
  }
}

function watch(clock: Clock): Watched {
  let startedAt: number | undefined
  let readyAt: number | undefined
  let probedAt = 0
  let settle!: (fate: Fate) => void
  const fate = new Promise<Fate>((resolve) => (settle = resolve))
  const problems: string[] = []
  const plugin = definePlugin({
    name: 'greenroom:cli-doctor',
    apply({ hooks }) {
      hooks.problem.tap('doctor', (problem, where) => problems.length < 3 && problems.push(`${where}: ${messageOf(problem)}`))
      hooks.state.tap('doctor', (_session, from, to, reason) => {
        const now = clock.now()
        if (to === 'starting') startedAt = now
        if (from === 'starting' && to === 'idle') readyAt ??= now
        if (to === 'checking') probedAt = now
        if (from === 'checking') settle({ healthy: to === 'idle' || to === 'leased', ms: now - probedAt })
        if (to === 'ending' && readyAt !== undefined) settle({ end: reason })
      })
    },
  })
  const readyMs = () => (startedAt === undefined || readyAt === undefined ? undefined : readyAt - startedAt)
  return { plugin, readyMs, fate, problems }
}

function withCause(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : undefined
  const message = messageOf(error)
  return cause && !message.includes(cause.message) ? `${message} (${cause.message})` : message
}
