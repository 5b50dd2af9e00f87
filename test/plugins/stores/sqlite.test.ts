import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import sqlite from '../../../plugins/stores/sqlite.ts'
import { SqliteStore } from '../../../plugins/stores/sqlite/sqlite-store.ts'
import type { ParkedSession, Store } from '../../../src/contracts/index.ts'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { storeContract } from '../../../src/testing/index.ts'
import { greenroomErrorOf } from '../../support/rejection.ts'
import { makeStrategy, problemsWith } from '../../support/strategies.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const parked = (tenant: string, key: string, token = `${tenant}/${key}`): ParkedSession => ({ tenant, key, token, parkedAt: 1 })

async function newPath(): Promise<string> {
  return join(await tempFolder(), 'greenroom.db')
}

async function open(path: string, options: object = {}): Promise<Store> {
  const { strategy } = await makeStrategy('store', 'sqlite', sqlite, { path, ...options }, { clock: systemClock })
  onTestFinished(() => strategy.close?.())
  return strategy
}

describe('the store sqlite keeps the contract of stores:', () => {
  const folder = mkdtempSync(join(tmpdir(), 'greenroom-test-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const cases = storeContract({ use: 'sqlite', options: { path: join(folder, 'greenroom.db') } })
  for (const { title, run } of cases) it(title, run)
})

describe('the store sqlite', () => {
  it('has everything still when it is opened again', async () => {
    const path = await newPath()
    const first = await open(path)
    await first.put(parked('a', 'k'))
    await first.put(parked('a', 'k', 'newer'))
    await first.put(parked('b', 'k'))
    await first.take('b', 'k')
    await first.close?.()
    const second = await open(path)
    expect([second.size, second.has('a', 'k'), second.has('b', 'k')]).toEqual([1, true, false])
    expect(await second.take('a', 'k')).toEqual(parked('a', 'k', 'newer'))
  })

  it('has everything that was put before its host was killed', async () => {
    const path = await newPath()
    await (await open(path)).close?.()
    const program = `
      const db = new (require('libsql'))(process.argv[1])
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
      db.prepare('INSERT INTO parked (tenant, key, token, parked_at) VALUES (?, ?, ?, ?)').run('"a"', '"k"', '"token"', 1)
      console.log('put')
      setInterval(() => undefined, 1000)
    `
    const host = spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(host.stdout, 'data')
    host.kill('SIGKILL')
    await once(host, 'exit')
    expect(await (await open(path)).take('a', 'k')).toEqual(parked('a', 'k', 'token'))
  })

  it('has what was known of a key still when it is opened again', async () => {
    const path = await newPath()
    const first = await open(path)
    const record = { ...parked('a', 'k'), past: { uses: 3, firstUsedAt: 1_700_000_000_000.25, lastUsedAt: 1_700_000_000_001 } }
    await first.put(record)
    await first.close?.()
    expect(await (await open(path)).take('a', 'k')).toEqual(record)
  })

  it('brings a file of an older greenroom up to date, and loses nothing, also when several do it at the same moment', async () => {
    const path = await newPath()
    make(path, `CREATE TABLE parked (tenant TEXT NOT NULL, key TEXT NOT NULL, token TEXT NOT NULL, parked_at REAL NOT NULL, PRIMARY KEY (tenant, key)) WITHOUT ROWID, STRICT;
      INSERT INTO parked VALUES ('"a"', '"k"', '"old"', 1); PRAGMA user_version = 1`)
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    const opening = [open(path, { busyTimeout: '10s' }), open(path, { busyTimeout: '10s' })]
    await new Promise((resolve) => setTimeout(resolve, 20))
    other.exec('COMMIT')
    other.close()
    const [one, two] = await Promise.all(opening)
    const past = { uses: 1, firstUsedAt: 2, lastUsedAt: 3 }
    await one!.put({ ...parked('a', 'new'), past })
    expect([await two!.take('a', 'k'), await two!.take('a', 'new')]).toEqual([parked('a', 'k', 'old'), { ...parked('a', 'new'), past }])
  })

  it('may be shared by hosts: of all who take a record one gets it', async () => {
    const path = await newPath()
    const stores = await Promise.all([open(path), open(path), open(path)])
    await stores[0].put(parked('a', 'k'))
    expect(stores.map((store) => store.has('a', 'k'))).toEqual([true, true, true])
    const got = await Promise.all(stores.map((store) => store.take('a', 'k')))
    expect(got.filter((record) => record !== undefined)).toHaveLength(1)
  })

  it('waits for a lock as long as busyTimeout, without stopping its host, and then says who is in the way', async () => {
    const path = await newPath()
    const store = await open(path, { busyTimeout: '10s' })
    const impatient = await open(path, { busyTimeout: 20 })
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    const error = await greenroomErrorOf(() => impatient.put(parked('a', 'k')))
    expect([error.code, error.message]).toEqual(['STORE_FAILED', expect.stringContaining('locked by another process')])
    let turns = 0
    const ticking = setInterval(() => turns++, 1)
    const put = store.put(parked('a', 'k'))
    while (turns < 10) await new Promise((resolve) => setTimeout(resolve, 1))
    clearInterval(ticking)
    expect(store.has('a', 'k')).toBe(false)
    other.exec('COMMIT')
    other.close()
    await put
    expect(store.has('a', 'k')).toBe(true)
  })

  it.each<[string, (path: string) => void | Promise<void>, string]>([
    ['no database', (path) => writeFile(path, 'these are my notes'.repeat(500)), 'no SQLite database'],
    ['damaged', damage, 'damaged'],
    ['of something else', (path) => make(path, 'CREATE TABLE mine (x)'), 'a database of something else'],
    ['of a newer greenroom', (path) => make(path, 'PRAGMA user_version = 99'), 'newer greenroom'],
  ])('leaves a file that is %s as it is, and says so', async (_what, prepare, message) => {
    const path = await newPath()
    await prepare(path)
    const before = readFileSync(path)
    const error = await greenroomErrorOf(() => open(path))
    expect(error.code).toBe('STORE_FAILED')
    expect(error.message).toContain(message)
    expect(error.message).toContain(path)
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  it('says so when its folder is not there, and makes nothing', async () => {
    const path = join(await tempFolder(), 'none', 'greenroom.db')
    expect((await greenroomErrorOf(() => open(path))).message).toContain("can't be opened")
    expect(existsSync(path)).toBe(false)
  })

  it('loses nothing when the disk is full: the record that could not be put is refused, the others stay', async () => {
    const path = await newPath()
    await (await open(path)).close?.()
    const database = new Database(path)
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number }
    database.exec(`PRAGMA max_page_count = ${pages + 3}`)
    const store = new SqliteStore(database, { path, busyTimeout: 0 }, systemClock)
    await store.put(parked('a', 'small'))
    const error = await greenroomErrorOf(() => store.put(parked('a', 'large', 'x'.repeat(1_000_000))))
    expect([error.code, error.message]).toEqual(['STORE_FAILED', expect.stringContaining('no room left')])
    expect([store.size, await store.take('a', 'small')]).toEqual([1, parked('a', 'small')])
    await store.close()
  })

  it('checks its options', async () => {
    expect(await problemsWith('store', 'sqlite', sqlite, { path: '' })).toHaveLength(1)
    expect(await problemsWith('store', 'sqlite', sqlite, { file: 'x' })).toEqual([expect.stringContaining('file')])
    expect(await problemsWith('store', 'sqlite', sqlite, {})).toEqual([])
  })
})

function make(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

/** It is a database of ours, and half of it is gone. */
async function damage(path: string): Promise<void> {
  make(path, 'PRAGMA user_version = 1; CREATE TABLE parked (tenant, key, token, parked_at)')
  const content = readFileSync(path)
  await writeFile(path, content.subarray(0, content.length / 2))
}
