import { ERROR_CODES, type Limit, type LimitVerdict, type SessionOutput, type Usage } from '../../contracts/index.ts'
import { type StrategySource, suiteOf } from './bench.ts'
import type { ContractCase } from './contract-case.ts'
import { call, rule, show } from './rules.ts'
import { session } from './sessions.ts'

const SEVERITY: Readonly<Record<LimitVerdict['action'], number>> = { ok: 0, report: 1, throttle: 2, recycle: 3, end: 4 }
const CODES: readonly string[] = Object.keys(ERROR_CODES).filter((code) => /^SESSION_(\w+_)?LIMIT$/.test(code))
const SILENT: SessionOutput = { stdoutBytes: 0 }
/** More than anybody may use. */
const EXCESS: Usage = { memoryBytes: 2 ** 44, proportionalBytes: 2 ** 44, cpuPercent: 100_000, processes: 100_000 }
const EXCESSIVE_OUTPUT: SessionOutput = { stdoutBytes: 2 ** 44, stderrBytes: 2 ** 44 }
const MODEST: Usage = { memoryBytes: 1, cpuPercent: 0.001, processes: 1 }

/** Each alone, from little to a lot. */
const RISING: readonly (readonly { readonly usage: Usage; readonly output: SessionOutput }[])[] = [
  powersOfTwo(44).map((memoryBytes) => ({ usage: { memoryBytes }, output: SILENT })),
  powersOfTwo(16).map((cpuPercent) => ({ usage: { cpuPercent }, output: SILENT })),
  powersOfTwo(16).map((processes) => ({ usage: { processes }, output: SILENT })),
  powersOfTwo(44).map((stdoutBytes) => ({ usage: {}, output: { stdoutBytes } })),
]

/** The cases that every limit must pass. */
export function limitContract(source: StrategySource<'limit'>): ContractCase[] {
  const { cases, add } = suiteOf('limit', source, 'virtual')

  add('gives a verdict that the pool knows, whatever was measured', async (bench) => {
    for (const steps of RISING) {
      const limit = await bench.make()
      for (const { usage, output } of steps) {
        judge(limit, usage, output)
        await bench.clock.advance(1_000)
      }
      for (let second = 0; second < 120; second++) {
        judge(limit, EXCESS, EXCESSIVE_OUTPUT)
        await bench.clock.advance(1_000)
      }
    }
  })

  // INV 27
  add('finds nothing wrong where nothing is known', async (bench) => {
    const limit = await bench.make()
    mustBeOk(judge(limit, {}, SILENT), 'nothing at all was measured')
    for (let second = 0; second < 600; second++) {
      judge(limit, EXCESS, EXCESSIVE_OUTPUT)
      await bench.clock.advance(1_000)
      mustBeOk(judge(limit, {}, SILENT), 'nothing at all was measured this time')
    }
  })

  add('finds nothing wrong in little, where the rest is not known', async (bench) => {
    for (const [name, figure] of Object.entries(MODEST)) {
      const verdict = judge(await bench.make(), { [name]: figure as unknown }, SILENT)
      mustBeOk(verdict, `only ${name} was known, and it was ${figure as number}`)
    }
  })

  add('is no milder on more than on less', async (bench) => {
    for (const steps of RISING) {
      let severest = 0
      for (const { usage, output } of steps) {
        const verdict = judge(await bench.make(), usage, output)
        rule(SEVERITY[verdict.action] >= severest, () => `Its verdict on ${show({ ...usage, ...output })} is '${verdict.action}', milder than on less`)
        severest = SEVERITY[verdict.action]
      }
    }
  })

  add('judges each session by what that session used', async (bench) => {
    const fresh = judge(await bench.make(), MODEST, SILENT, session(2))
    const limit = await bench.make()
    const glutton = session(1)
    for (let second = 0; second < 600; second++) {
      judge(limit, EXCESS, EXCESSIVE_OUTPUT, glutton)
      await bench.clock.advance(1_000)
    }
    const verdict = judge(limit, MODEST, SILENT, session(2))
    rule(
      verdict.action === fresh.action,
      `Its verdict on one session is '${verdict.action}', and would be '${fresh.action}' if another had not used a lot before: keep what is remembered in a WeakMap by session`,
    )
  })
  return cases
}

/** The verdict, which must be one. */
function judge(limit: Limit, usage: Usage, output: SessionOutput, of = ANYBODY): LimitVerdict {
  const verdict = call(`judge() of ${show(usage)}`, () => limit.judge(of, Object.freeze({ ...usage }), Object.freeze({ ...output })))
  const given = verdict as Partial<Record<'action' | 'reason' | 'code' | 'share' | 'percent', unknown>> | undefined
  const broken = (what: string) => (): string => `judge() returned ${show(verdict)} for ${show(usage)}: ${what}`
  const actions = Object.keys(SEVERITY)
  rule(typeof given?.action === 'string' && actions.includes(given.action), broken(`action must be one of ${actions.join(', ')}; it must not be a promise`))
  if (given.action === 'ok') return { action: 'ok' }
  rule(typeof given.reason === 'string' && given.reason !== '', broken('reason must say, with the figures, what is wrong'))
  if (given.action === 'end') rule(typeof given.code === 'string' && CODES.includes(given.code), broken(`code must be one of ${CODES.join(', ')}`))
  if (given.action === 'throttle') {
    const { share, percent } = given
    rule(typeof share === 'number' && share >= 0 && share <= 1, broken('share must be from 0 to 1'))
    rule(typeof percent === 'number' && percent >= 0 && percent < Infinity, broken('percent must be a finite number of percent of one core'))
  }
  return verdict
}

const ANYBODY = session(0)

function mustBeOk(verdict: LimitVerdict, when: string): void {
  rule(verdict.action === 'ok', () => `Its verdict is ${show(verdict)} although ${when}: what is not known must lead to { action: 'ok' }`)
}

function powersOfTwo(count: number): number[] {
  return Array.from({ length: count }, (_, exponent) => 2 ** exponent)
}
