import type Libsql from 'libsql'
import { GreenroomError, type Clock } from 'greenroom/kit'
import { explain } from './fault.ts'
import { patiently } from './patiently.ts'
import { SqliteStore, type SqliteOptions } from './sqlite-store.ts'

/** The layout of the file, as its `user_version`. */
const LAYOUT = 2

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS parked (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    token TEXT NOT NULL,
    parked_at REAL NOT NULL,
    uses INTEGER,
    first_used_at REAL,
    last_used_at REAL,
    PRIMARY KEY (tenant, key)
  ) WITHOUT ROWID, STRICT;
`
/** What the layout before this one lacks. */
const SINCE_LAYOUT_1 = `
  ALTER TABLE parked ADD COLUMN uses INTEGER;
  ALTER TABLE parked ADD COLUMN first_used_at REAL;
  ALTER TABLE parked ADD COLUMN last_used_at REAL;
`

/**
 * Opens the file, and makes its table when it is new; one of an older greenroom is brought up to date, and loses nothing. A file that
 * can't be used is left as it is.
 * @throws GreenroomError `STORE_FAILED`, with what is wrong with the file and what to do.
 */
export async function openStore(Database: typeof Libsql, options: SqliteOptions, clock: Clock): Promise<SqliteStore> {
  let database: Libsql.Database | undefined
  try {
    const opened = (database = new Database(options.path))
    // Not a wait of SQLite's own: that would stop the whole host.
    await patiently(() => prepare(opened, options.path), options.busyTimeout, clock)
    return new SqliteStore(opened, options, clock)
  } catch (problem) {
    database?.close()
    throw problem instanceof GreenroomError ? problem : explain(problem, options.path)
  }
}

function prepare(database: Libsql.Database, path: string): void {
  const layout = layoutOf(database)
  const { count: tables } = database.prepare("SELECT count(*) AS count FROM sqlite_schema WHERE type = 'table'").get() as { count: number }
  const isNew = layout === 0 && tables === 0
  if (!isNew && layout !== LAYOUT && layout !== 1) {
    const whose = layout > LAYOUT ? `was written by a newer greenroom (layout ${layout}, this one knows ${LAYOUT})` : 'is a database of something else'
    throw new GreenroomError('STORE_FAILED', `${path} ${whose}: it was left as it is. Give another store.path`)
  }
  // Readers and a writer don't wait for each other, and what was committed survives a crash of the host.
  database.exec('PRAGMA journal_mode = WAL')
  database.exec('PRAGMA synchronous = NORMAL')
  if (layout === LAYOUT) return
  database.exec('BEGIN IMMEDIATE')
  // Another host may have made it, or brought it up to date, in this moment.
  const now = layoutOf(database)
  if (now !== LAYOUT) database.exec(`${now === 1 ? SINCE_LAYOUT_1 : SCHEMA} PRAGMA user_version = ${LAYOUT};`)
  database.exec('COMMIT')
}

function layoutOf(database: Libsql.Database): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
}
