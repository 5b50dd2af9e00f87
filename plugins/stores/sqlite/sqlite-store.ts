import type Libsql from 'libsql'
import type { Clock, ParkedSession, Store } from 'greenroom/kit'
import { explain } from './fault.ts'
import { patiently } from './patiently.ts'

export interface SqliteOptions {
  readonly path: string
  /** Milliseconds. */
  readonly busyTimeout: number
}

interface Row {
  token: string
  parked_at: number
  uses: number | null
  first_used_at: number | null
  last_used_at: number | null
}

/**
 * Parked sessions in an SQLite file. Several hosts may share it: each operation is one statement, so that of two who take the same record one
 * gets it. A statement takes some microseconds, and a write of WAL does not wait for the disk.
 */
export class SqliteStore implements Store {
  readonly persistent = true
  readonly #database: Libsql.Database
  readonly #options: SqliteOptions
  readonly #clock: Clock
  readonly #put: Libsql.Statement<unknown[]>
  readonly #take: Libsql.Statement<unknown[]>
  readonly #has: Libsql.Statement<unknown[]>
  readonly #count: Libsql.Statement<unknown[]>
  #closed = false

  constructor(database: Libsql.Database, options: SqliteOptions, clock: Clock) {
    this.#database = database
    this.#options = options
    this.#clock = clock
    this.#put = database.prepare(
      `INSERT INTO parked (tenant, key, token, parked_at, uses, first_used_at, last_used_at) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (tenant, key) DO UPDATE SET token = excluded.token, parked_at = excluded.parked_at,
         uses = excluded.uses, first_used_at = excluded.first_used_at, last_used_at = excluded.last_used_at`,
    )
    this.#take = database.prepare('DELETE FROM parked WHERE tenant = ? AND key = ? RETURNING token, parked_at, uses, first_used_at, last_used_at')
    this.#has = database.prepare('SELECT 1 AS found FROM parked WHERE tenant = ? AND key = ?')
    this.#count = database.prepare('SELECT count(*) AS count FROM parked')
  }

  get size(): number {
    return this.#now(() => (this.#count.get() as { count: number }).count)
  }

  has(tenant: string, key: string): boolean {
    return this.#now(() => this.#has.get(nameOf(tenant), nameOf(key)) !== undefined)
  }

  put({ tenant, key, token, parkedAt, past }: ParkedSession): Promise<void> {
    const { uses = null, firstUsedAt = null, lastUsedAt = null } = past ?? {}
    return this.#patiently(() => void this.#put.run(nameOf(tenant), nameOf(key), nameOf(token), parkedAt, uses, firstUsedAt, lastUsedAt))
  }

  take(tenant: string, key: string): Promise<ParkedSession | undefined> {
    return this.#patiently(() => {
      const row = this.#take.get(nameOf(tenant), nameOf(key)) as Row | undefined
      return row && { tenant, key, token: JSON.parse(row.token) as string, parkedAt: row.parked_at, ...pastOf(row) }
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#database.close()
  }

  #now<T>(action: () => T): T {
    try {
      return action()
    } catch (problem) {
      throw explain(problem, this.#options.path)
    }
  }

  async #patiently<T>(action: () => T): Promise<T> {
    try {
      return await patiently(action, this.#options.busyTimeout, this.#clock)
    } catch (problem) {
      throw explain(problem, this.#options.path)
    }
  }
}

function pastOf({ uses, first_used_at: firstUsedAt, last_used_at: lastUsedAt }: Row): Pick<ParkedSession, 'past'> {
  return uses === null || firstUsedAt === null || lastUsedAt === null ? {} : { past: { uses, firstUsedAt, lastUsedAt } }
}

/** As JSON text: SQLite's own ends at a null character, and lone surrogates would be lost in UTF-8. */
function nameOf(text: string): string {
  return JSON.stringify(text)
}
