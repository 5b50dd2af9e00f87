// A JavaScript interpreter per notebook: each keeps its variables, none sees another's, and a runaway one harms nobody.
import { createPool, isGreenroomError } from 'greenroom'
import config from './greenroom.config.ts'

const pool = await createPool(config)

/** Evaluates `code` in the interpreter of one tenant's notebook. */
async function evaluate(tenant: string, key: string, code: string): Promise<unknown> {
  const { value, error } = await pool.request<{ value?: unknown; error?: { message: string } }>({ code }, { tenant, key, timeout: '2s' })
  return error ? `${error.message} (thrown in there)` : value
}

async function show(tenant: string, key: string, code: string): Promise<void> {
  const answer = await evaluate(tenant, key, code).catch((error: unknown) => {
    if (isGreenroomError(error)) return `${error.code}: the interpreter did not answer in time`
    throw error
  })
  console.log(`${tenant}/${key}`.padEnd(14), code.padEnd(34), '→', answer)
}

try {
  // Not needed, a request would wait: it shows that nobody pays for a start when the spares are there first.
  await pool.ready()
  await show('ada', 'primes', 'const first = [2, 3, 5, 7]')
  await show('ada', 'primes', 'first.push(11); first.length')
  await show('ada', 'scratch', 'typeof first')
  await show('bob', 'primes', 'typeof first')
  await show('bob', 'primes', 'while (true) {}')
  await show('ada', 'primes', 'first.at(-1)')

  const { acquires, started, reuseRatio } = pool.getPoolStats()
  console.log(`\n${started} interpreters were started; ${Math.round((reuseRatio ?? 0) * 100)} % of the requests found one ready:`, acquires)
} finally {
  await pool.close()
}
