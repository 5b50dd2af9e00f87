// Each caller has a tenant and a key, and gets its own session: as many keys as sessions, of two tenants.
import { openGreenroom } from './greenroom-world.mjs'

/** @type {typeof import('./pool.d.mts').open} */
export const open = ({ size }) => {
  const callers = Array.from({ length: size }, (_, n) => ({ tenant: `tenant-${n % 2}`, key: `key-${n}` }))
  return openGreenroom(size, { isolation: 'tenant' }, (n) => callers[n % size])
}
