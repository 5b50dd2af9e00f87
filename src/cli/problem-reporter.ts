import { definePlugin, type Plugin } from '../contracts/index.ts'
import type { RateLimitedLog } from './rate-limited-log.ts'
import { errorText } from './report-error.ts'

/** Tells the operator what no caller hears of, a line each: problems, and what the breaker does. */
export function problemReporter(log: RateLimitedLog): Plugin {
  return definePlugin({
    name: 'greenroom:cli-problems',
    apply({ hooks }) {
      hooks.problem.tap('cli', (problem, where) => log.log(oneLine(`${where}: ${errorText(problem)}`)))
      hooks.decision.tap('cli', ({ kind, reason }) => {
        if (kind === 'breaker') log.log(oneLine(`breaker: ${reason}`))
      })
    },
  })
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' | ')
}
