// An interpreter per notebook, in JavaScript or Python: each keeps its variables, none sees another's, and a runaway one harms nobody.
import { createPool, isGreenroomError, type Pool } from 'greenroom'
import config from './greenroom.config.ts'
import pythonConfig from './python.config.ts'

/** What both interpreters answer with. */
interface Answer {
  value?: unknown
  stdout: string
  error?: { name: string; message: string }
  timedOut?: boolean
}

/** Evaluates `code` in the interpreter of one tenant's notebook. */
async function evaluate(pool: Pool, tenant: string, key: string, code: string): Promise<unknown> {
  const { value, stdout, error, timedOut } = await pool.request<Answer>({ code }, { tenant, key, timeout: '4s' })
  if (timedOut) return `interrupted; until then it had printed ${JSON.stringify(stdout)}`
  return error ? `${error.name}: ${error.message} (thrown in there)` : value ?? stdout.trimEnd()
}

async function show(pool: Pool, tenant: string, key: string, code: string): Promise<void> {
  const answer = await evaluate(pool, tenant, key, code).catch((error: unknown) => {
    if (isGreenroomError(error, 'REQUEST_TIMEOUT')) return `${error.code}: the interpreter did not answer in time`
    throw error
  })
  console.log(`${tenant}/${key}`.padEnd(14), code.replaceAll('\n', '; ').padEnd(44), '→', answer)
}

function summary(language: string, pool: Pool): void {
  const { acquires, started, reuseRatio } = pool.getPoolStats()
  console.log(`\n${started} ${language} interpreters were started; ${Math.round((reuseRatio ?? 0) * 100)} % of the requests found one ready:`, acquires, '\n')
}

const javascript = await createPool(config)
try {
  // Not needed, a request would wait: it shows that nobody pays for a start when the spares are there first.
  await javascript.ready()
  await show(javascript, 'ada', 'primes', 'const first = [2, 3, 5, 7]')
  await show(javascript, 'ada', 'primes', 'first.push(11); first.length')
  await show(javascript, 'ada', 'scratch', 'typeof first')
  await show(javascript, 'bob', 'primes', 'typeof first')
  await show(javascript, 'bob', 'primes', 'while (true) {}')
  await show(javascript, 'ada', 'primes', 'first.at(-1)')
  summary('JavaScript', javascript)
} finally {
  await javascript.close()
}

const python = await createPool(pythonConfig)
try {
  await python.ready()
  await show(python, 'ada', 'squares', 'import math\nroot = math.isqrt(1764)')
  await show(python, 'ada', 'squares', 'root')
  await show(python, 'bob', 'squares', 'root')
  await show(python, 'ada', 'squares', 'print("counting")\nwhile True: root += 1')
  await show(python, 'ada', 'squares', 'root > 42')
  summary('Python', python)
} catch (error) {
  if (!isGreenroomError(error)) throw error
  console.log(`Python was left out: ${error.message}`)
} finally {
  await python.close()
}
