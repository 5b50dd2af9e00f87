import { DEFAULT_TENANT } from '../contracts/index.ts'
import type { PoolEnvironment } from './environment.ts'
import type { Roster } from './roster.ts'
import type { Tenant } from './tenant.ts'

/**
 * For whom the next session is started, where sessions are bound at their spawn. Those who wait come first, and of them the tenant that has
 * least; what is started ahead of demand is for the tenants that called last, one after the other. While nobody has called,
 * it is for the default tenant: so a program that does not start is noticed before the first caller is.
 */
export class Births {
  readonly #env: PoolEnvironment
  readonly #roster: Roster
  /** Tenants that called, the last at the end; no more than there can be sessions. */
  readonly #recent = new Set<string>()

  constructor(env: PoolEnvironment, roster: Roster) {
    this.#env = env
    this.#roster = roster
  }

  /** Notes that a tenant has asked for a session. */
  called(tenant: string): void {
    this.#recent.delete(tenant)
    this.#recent.add(tenant)
    if (this.#recent.size <= this.#env.settings.size.max) return
    const [oldest] = this.#recent
    this.#recent.delete(oldest!)
  }

  /** The tenant of the next session; `undefined` when nobody may have one more. O(tenants that are here). */
  next(): string | undefined {
    let poorest: Tenant | undefined
    for (const tenant of this.#roster.tenants.values()) {
      if (tenant.unserved > 0 && (!poorest || tenant.bound < poorest.bound)) poorest = tenant
    }
    return poorest?.name ?? this.#nextSpare()
  }

  #nextSpare(): string | undefined {
    const lastFirst = [...this.#recent].reverse()
    const allowed = (lastFirst.length === 0 ? [DEFAULT_TENANT] : lastFirst).filter((name) => this.mayHaveOneMore(name))
    return allowed.find((name) => (this.#roster.tenants.get(name)?.unclaimed ?? 0) === 0) ?? allowed[0]
  }

  mayHaveOneMore(name: string): boolean {
    return (this.#roster.tenants.get(name)?.bound ?? 0) < this.#env.settings.size.perTenant
  }
}
