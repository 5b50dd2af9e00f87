import { lstatSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../contracts/clock.ts'
import { endTree, type TreeEnd } from '../tree/end-tree.ts'
import type { ProcessTable } from '../tree/process-table.ts'
import { canJudge, formatHostId, type HostId, isSameHost, parseHostId } from './host-id.ts'
import { DRAFT, readRecord } from './host-record.ts'

/** How long the end of one host's leftovers may take. What is left then is tried again at the next round. */
const BOUND_MS = 10_000
/** A record of another machine or container is left alone while its host says that it is alive. */
const FOREIGN_MS = 3_600_000
/** Between the record's name and who has claimed it. */
const CLAIMED_BY = '~'

export interface ReaperOptions {
  readonly folder: string
  readonly self: HostId
  /** What this host's own marks begin with. */
  readonly marker: string
  readonly table: ProcessTable
  readonly clock: Clock
  /** Hears of what could not be reaped. */
  readonly report: (problem: unknown, where: string) => void
}

interface FoundRecord {
  readonly name: string
  /** The name without who claimed it. */
  readonly base: string
  /** Who has to answer for it: its host, or who claimed it last. */
  readonly owner: HostId
}

/**
 * Ends what dead hosts have left behind: every process that carries their mark, and the trees of the processes on their record; nothing
 * else, and never to be used again (INV 24). A record is claimed by renaming it, which only one can do; a reaper that dies meanwhile leaves
 * the record to the next. Resolves to how many processes there were. Never rejects.
 */
export async function reap(options: ReaperOptions): Promise<number> {
  const { folder, table, self, report } = options
  let reaped = 0
  try {
    const names = readdirSync(folder)
    for (const name of names) if (name.endsWith(DRAFT)) removeStale(name, options)
    const records = names.map(parseName).filter((record) => record !== undefined)
    const others = records.filter(({ owner }) => !isSameHost(owner, self))
    if (others.length === 0) return 0
    const snapshot = await table.look()
    for (const record of others) {
      if (!canJudge(record.owner, self)) removeStale(record.name, options)
      else if (!snapshot.find(record.owner)) reaped += await reapHost(record, options)
    }
  } catch (problem) {
    report(problem, 'looking for what earlier hosts have left behind')
  }
  return reaped
}

async function reapHost(record: FoundRecord, { folder, self, marker: own, table, clock, report }: ReaperOptions): Promise<number> {
  const path = claim(record, folder, self)
  if (path === undefined) return 0
  const content = readRecord(path)
  // A host that runs inside of a session of the dead one, and was forgotten with it, would end itself.
  if (!content || own === content.marker || own.startsWith(`${content.marker}/`)) {
    renameSync(path, join(folder, record.base))
    return 0
  }
  const end = await endTree(() => ({ marker: content.marker }), { table, clock, boundMs: BOUND_MS, known: content.roots })
  if (end.left.length === 0 && end.problem === undefined) rmSync(path, { force: true })
  else {
    // Its host is dead still: whoever looks next tries again.
    renameSync(path, join(folder, record.base))
    report(describe(end), 'ending what an earlier host has left behind')
  }
  return end.ended
}

/** The path under its new name; `undefined` when another was faster, or it is not ours to read. */
function claim({ name, base }: FoundRecord, folder: string, self: HostId): string | undefined {
  const path = join(folder, name)
  const claimed = join(folder, `${base}${CLAIMED_BY}${formatHostId(self)}`)
  try {
    // Whoever may write to the folder could make us end any process by a record of his own making.
    const { uid } = lstatSync(path)
    if (process.getuid !== undefined && uid !== process.getuid()) return undefined
    renameSync(path, claimed)
    return claimed
  } catch {
    return undefined
  }
}

/** A record of another machine, of another container, or of before the last start of this machine; or one that was never completed. */
function removeStale(name: string, { folder, clock }: ReaperOptions): void {
  const path = join(folder, name)
  try {
    if (clock.wallTime() - lstatSync(path).mtimeMs > FOREIGN_MS) rmSync(path, { force: true })
  } catch {
    // Another has removed it.
  }
}

function parseName(name: string): FoundRecord | undefined {
  const [base = '', claimant] = name.split(CLAIMED_BY)
  const owner = parseHostId(claimant ?? base)
  return owner && { name, base, owner }
}

function describe({ left, problem }: TreeEnd): Error {
  if (left.length > 0) return new Error(`processes that an earlier host has left behind do not end: ${left.map(({ pid }) => pid).join(', ')}`)
  return new Error("it can't be said whether an earlier host has left processes behind", { cause: problem })
}
