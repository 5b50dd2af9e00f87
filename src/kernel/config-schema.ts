import { availableParallelism } from 'node:os'
import { duration, GUARANTEES, optionalDuration, size, z, type Guarantee } from '../contracts/index.ts'

const GUARANTEE_NAMES = [...GUARANTEES] as [Guarantee, ...Guarantee[]]

/** A strategy by name, or an object with its options and, save for defaults, its name. What is in it is checked when its schema is known. */
const choice = z.custom<string | Record<string, unknown>>(isChoice, { error: 'expected the name of a strategy, or an object { use: name, …options }' })

const switchable = z.custom<string | false | Record<string, unknown>>((value) => value === false || isChoice(value), {
  error: 'expected the name of a strategy, an object { use: name, …options }, or false',
})

function isChoice(value: unknown): boolean {
  return typeof value === 'string' || isRecord(value)
}

/** True for objects with named fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Above 0 and below 100 percent. */
const SHARE = /^(?=.*[1-9])\d{1,2}(\.\d+)?%$/

/** `size`: counts of sessions. `perTenant` has no default of its own: it is `max`. */
export const sizeSchema = z.strictObject({
  min: z.int().min(0).default(0).describe('Sessions kept at all times. Default 0.'),
  max: z.int().min(1).default(10).describe('Live processes at most, starting and ending ones included. Default 10.'),
  spare: z.union([z.int().min(0), z.string().regex(SHARE, "expected a share such as '20%', above 0% and below 100%")]).default(1)
    .describe("Sessions kept warm ahead of demand, within max; or a share such as '20%' of those that are busy or spare, 1 at least. Default 1."),
  perTenant: z.int().min(1).optional().describe('Sessions one tenant may hold at most. Default: max.'),
  starting: z.int().min(1).default(() => Math.max(4, 2 * availableParallelism()))
    .describe('Processes that may be starting at the same time. Default: twice the cores, at least 4.'),
  memory: size({ min: 1 }).optional()
    .describe("For all sessions together, in bytes or as text such as '8GB': no more are started than it carries, and idle ones leave. Default: no budget."),
})

/** `timeouts`: durations, in milliseconds or as text such as '30s'. */
export const timeoutsSchema = z.strictObject({
  start: duration({ min: 1 }).default(30_000).describe('From spawn to ready. Default 30s.'),
  acquire: optionalDuration().default(30_000).describe('Waiting for a session; false: for ever. Default 30s.'),
  idle: optionalDuration().default(15 * 60_000).describe('How long a session may lie idle; false: for ever. Default 15m.'),
  active: optionalDuration({ min: 1 }).default(10 * 60_000).describe('One lease; false: no limit. Default 10m.'),
  silence: optionalDuration({ min: 1 }).default(2 * 60_000).describe('No output (stdout or stderr) while a request is under way; false: no limit. Default 2m.'),
  answer: optionalDuration({ min: 1 }).default(5 * 60_000)
    .describe("A caller's handler that answers a request of the session; false: no limit. Default 5m."),
  total: optionalDuration({ min: 1 }).default(4 * 3_600_000).describe("A session's life; false: no limit. Default 4h."),
  settle: duration().default(5_000).describe('Between a release and the proof that the session may be offered again. Default 5s.'),
  close: duration().default(5_000).describe('Each step of ending a process. Default 5s.'),
})

/** The pool's own options of three kinds of strategies; the rest of what is given there are the strategy's. */
export const healthLoopSchema = z.strictObject({
  every: duration({ min: 10 }).default(30_000).describe('How often each idle session is looked at. Default 30s.'),
  timeout: duration({ min: 1 }).default(5_000).describe('Time for one look. Default 5s.'),
  failures: z.int().min(1).default(1).describe('Failed looks in a row until the session is ended. Default 1.'),
  successes: z.int().min(1).default(1).describe('Good looks in a row until earlier failed ones are forgotten. Default 1.'),
})
export const metricsLoopSchema = z.strictObject({
  every: duration({ min: 10 }).default(1_000).describe('How often all processes are measured. Default 1s.'),
  pssEvery: optionalDuration({ min: 10 }).default(30_000)
    .describe('How often the proportional memory of each session is measured, five a second at most; false: never, memory limits then judge resident memory. Default 30s.'),
})
export const queueLoopSchema = z.strictObject({
  max: z.int().min(0).default(10_000).describe('Callers who may wait. Default 10000.'),
})

/** The shape of a whole configuration; options of strategies are checked by the strategies' own schemas. */
export const configSchema = z.strictObject({
  driver: choice.describe('The protocol and the program. Required.'),
  size: sizeSchema.prefault({}).describe('How many sessions.'),
  isolation: z.enum(['tenant', 'none']).default('tenant')
    .describe("'tenant': a session that served one tenant never serves another. 'none': sessions hold nothing of their user, you vouch for it. Default 'tenant'."),
  bindAtSpawn: z.boolean().default(false)
    .describe('Starts every session for one tenant, so that the spawn hook knows whose it is. Default: only where the driver must.'),
  resetRequires: z.array(z.enum(GUARANTEE_NAMES)).default(GUARANTEE_NAMES)
    .describe('What a reset must remove before a session goes to another key of its tenant. Default: everything.'),
  maxUses: z.int().min(1).or(z.literal(Infinity)).default(Infinity).describe('Leases after which a session is ended. Default: no limit.'),
  timeouts: timeoutsSchema.prefault({}).describe('Durations.'),
  balancer: choice.optional().describe('Chooses among sessions that would serve equally well. Default least-loaded.'),
  scaler: choice.optional().describe('Decides how many sessions there should be. Default demand.'),
  health: switchable.optional().describe('Looks at idle sessions. Default ping; false: never.'),
  metrics: switchable.optional().describe('Measures processes. Default pidusage; false: nothing is measured.'),
  limits: z.custom<Record<string, unknown>>(isRecord, { error: 'expected an object { name of a limit: its options }' })
    .optional().describe('Limits by name. Default: none.'),
  admission: choice.optional().describe('Whether one more caller is let in, or refused at once. Default: everybody is let in.'),
  queue: choice.optional().describe('The order in which waiting callers are served. Default fair.'),
  evictor: choice.optional().describe('Chooses which idle session is worth least. Default lru.'),
  restart: choice.optional().describe('What to do after failures in a row. Default backoff.'),
  store: choice.optional().describe('Keeps parked sessions. Default memory.'),
  gateway: choice.optional().describe('The server of `greenroom serve`. Default http.'),
  stateDir: z.string().min(1).or(z.literal(false)).optional()
    .describe('Where the register of live sessions is kept; false: nowhere. Default: GREENROOM_STATE_DIR, else the user\'s folder for state.'),
  keeper: z.boolean().default(() => process.platform !== 'win32')
    .describe('Whether sessions are started by the keeper, a small process that ends them all when this one is killed. Default true; on Windows false.'),
  plugins: z.array(z.unknown()).default([]).describe('Plugins, made with definePlugin. Default: none.'),
})
