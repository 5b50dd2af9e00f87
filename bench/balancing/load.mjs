// What callers ask of the sessions: when they come, and how long each request takes. Times are milliseconds.
import { seededRandom } from 'greenroom/testing'

/** @typedef {import('greenroom').Random} Random */
/** @typedef {{ readonly arrivals: Float64Array, readonly services: Float64Array, readonly users: Int32Array }} Load */

/** The mean request. */
export const MEAN_MS = 1_000
/** Users come by Zipf's law: the nth most frequent one 1/n as often as the first. */
const USERS = 1_000

/** @type {Readonly<Record<string, (random: Random) => number>>} Service times in means. */
const SERVICE = {
  // σ = 1.5: the 99th percentile is eleven times the mean, as with the turns of agents.
  lognormal: (random) => Math.exp(1.5 * normal(random) - 1.5 ** 2 / 2),
  // α = 1.5: so heavy a tail that it has no variance.
  pareto: (random) => (0.5 / 1.5) * (1 - random.next()) ** (-1 / 1.5),
}

/**
 * Poisson arrivals that keep `sessions` busy for a share `utilisation` of the time.
 * @param {{ service: string, utilisation: number, sessions: number, requests: number, seed: number }} given
 * @returns {Load}
 */
export function createLoad({ service, utilisation, sessions, requests, seed }) {
  const random = seededRandom(seed)
  const draw = SERVICE[service]
  if (!draw) throw new Error(`service times are ${Object.keys(SERVICE).join(' or ')}`)
  const shares = Array.from({ length: USERS }, (_, n) => 1 / (n + 1))
  const total = shares.reduce((sum, share) => sum + share, 0)
  const arrivals = new Float64Array(requests)
  const services = new Float64Array(requests)
  const users = new Int32Array(requests)
  let now = 0
  for (let n = 0; n < requests; n++) {
    now += (-Math.log(1 - random.next()) * MEAN_MS) / (sessions * utilisation)
    arrivals[n] = now
    services[n] = draw(random) * MEAN_MS
    let left = random.next() * total
    let user = 0
    while (user < USERS - 1 && (left -= shares[user] ?? 0) > 0) user++
    users[n] = user
  }
  return { arrivals, services, users }
}

/** Box and Muller's transform. */
function normal(/** @type {Random} */ random) {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}
