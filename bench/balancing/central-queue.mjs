/**
 * Latencies of the optimum, by arithmetic: one queue for all, whoever is first in it goes to the session that is free first.
 * @param {import('./load.mjs').Load} load
 * @param {number} sessions
 */
export function centralQueue({ arrivals, services }, sessions) {
  const freeAt = new Float64Array(sessions)
  return services.map((service, n) => {
    let first = 0
    for (let session = 1; session < sessions; session++) if ((freeAt[session] ?? 0) < (freeAt[first] ?? 0)) first = session
    const arrival = arrivals[n] ?? NaN
    freeAt[first] = Math.max(arrival, freeAt[first] ?? 0) + service
    return (freeAt[first] ?? NaN) - arrival
  })
}
