import { messageOf } from '../contracts/index.ts'

/** Texts remembered at most; a pool that runs for months must not keep every one. */
const REMEMBERED = 1_000

const seen = new Set<string>()

/** Tells the operator, by Node's own warnings (stderr, `process.on('warning')`), of a problem that no caller hears of; each text once. */
export function warnOnce(problem: unknown, where: string): void {
  const text = `${where}: ${messageOf(problem)}`
  if (seen.has(text)) return
  if (seen.size >= REMEMBERED) seen.clear()
  seen.add(text)
  process.emitWarning(text, {
    type: 'GreenroomWarning',
    ...(problem instanceof Error && problem.stack !== undefined && { detail: problem.stack }),
  })
}
