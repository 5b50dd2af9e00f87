import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { endChild, ProcessTable } from '../../../src/kit.ts'
import { formatHostId, newHostId, type HostId } from '../../../src/process/register/host-id.ts'
import { reap, type ReaperOptions } from '../../../src/process/register/reaper.ts'
import type { ProcessReader } from '../../../src/process/tree/proc-reader.ts'
import { marked, startShell, table, type MarkedChild } from '../../support/tree-fixtures.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const ALIVE = newHostId(table.identify(process.pid)!)
/** This process's id, but of one that started earlier: its id has become another's. */
const DEAD: HostId = { ...newHostId({ pid: process.pid, startTime: 1 }) }

const PATIENT = { timeout: 20_000, interval: 5 }

interface Setting {
  readonly folder: string
  readonly problems: string[]
  readonly reap: (more?: Partial<ReaperOptions>) => Promise<number>
  readonly put: (owner: HostId, text: string, suffix?: string) => string
}

async function setting(): Promise<Setting> {
  const folder = await tempFolder()
  const problems: string[] = []
  const self = newHostId(table.identify(process.pid)!)
  const report = (problem: unknown, where: string): void => void problems.push(`${where}: ${String(problem)}`)
  return {
    folder,
    problems,
    reap: (more) => reap({ folder, self, marker: 'own', table, clock: systemClock, report, ...more }),
    put(owner, text, suffix = '') {
      const path = join(folder, formatHostId(owner) + suffix)
      writeFileSync(path, text)
      return path
    },
  }
}

/** A record as its host would have left it. */
function recordOf(child: MarkedChild): string {
  return `greenroom 1 ${child.marker}\n+${child.pid} ${table.identify(child.pid)!.startTime}\n`
}

async function alive(child: MarkedChild): Promise<number> {
  return (await marked(child)).length
}

describe.runIf(process.platform === 'linux')('what a dead host has left behind', () => {
  it('is ended: all with its mark, and the trees of what is on its record; then the record is removed', async () => {
    const { put, reap, folder, problems } = await setting()
    const child = await startShell('(setsid sleep 1000 &); setsid env -i sleep 1000 &')
    // The one without a mark may have been seen before it cleared its environment.
    await expect.poll(() => alive(child), PATIENT).toBeGreaterThanOrEqual(3)
    put(DEAD, recordOf(child))
    expect(await reap()).toBe(4)
    expect([await alive(child), readdirSync(folder), problems]).toEqual([0, [], []])
    expect((await child.exited).signal).toBe('SIGKILL')
  })

  it('is found by the mark alone, when the host died before it could put anything on record', async () => {
    const { put, reap, folder } = await setting()
    const child = await startShell('sleep 1000 &')
    put(DEAD, `greenroom 1 ${child.marker}\n`)
    await reap()
    expect([await alive(child), readdirSync(folder)]).toEqual([0, []])
  })

  it('is found by id and start time where the mark is gone', async () => {
    const { put, reap } = await setting()
    const child = await startShell('exec env -i sh -c "echo ready; sleep 1000; true"')
    put(DEAD, recordOf(child).replace(child.marker, 'nobody-has-this-mark'))
    expect(await reap()).toBe(2)
    expect((await child.exited).signal).toBe('SIGKILL')
  })

  it('is left alone while its host is alive', async () => {
    const { put, reap, folder } = await setting()
    const child = await startShell('sleep 1000 &')
    put(ALIVE, recordOf(child))
    expect(await reap()).toBe(0)
    expect([await alive(child), readdirSync(folder).length]).toEqual([3, 1])
  })

  it('is never another process that got one of its ids', async () => {
    const { put, reap, folder } = await setting()
    const innocent = await startShell('sleep 1000 &')
    put(DEAD, `greenroom 1 nobody\n+${innocent.pid} 1\n`)
    expect(await reap()).toBe(0)
    expect([await alive(innocent), readdirSync(folder)]).toEqual([3, []])
  })

  it('is reaped by one, when two start at the same time', async () => {
    const { put, reap, folder, problems } = await setting()
    const children = await Promise.all([1, 2, 3].map(() => startShell('sleep 1000 &')))
    for (const child of children) put({ ...DEAD, serial: newHostId(DEAD).serial }, recordOf(child))
    const counts = await Promise.all([1, 2, 3].map(() => reap({ self: newHostId(table.identify(process.pid)!) })))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(9)
    expect([readdirSync(folder), problems]).toEqual([[], []])
  })

  it('is taken over from a reaper that died, and not from one that lives', async () => {
    const { put, reap, folder } = await setting()
    const child = await startShell('sleep 1000 &')
    const path = put(DEAD, recordOf(child), `~${formatHostId(ALIVE)}`)
    expect([await reap(), await alive(child)]).toEqual([0, 3])
    renameSync(path, join(folder, `${formatHostId(DEAD)}~${formatHostId({ ...DEAD, serial: 'abc' })}`))
    expect([await reap(), await alive(child)]).toEqual([3, 0])
    expect(readdirSync(folder)).toEqual([])
  })

  it('is kept on record, and reported, while it does not end or can not be seen', async () => {
    const { put, folder, reap, problems } = await setting()
    put(DEAD, 'greenroom 1 m\n')
    let looks = 0
    const reader: ProcessReader = {
      limitations: [],
      read: async () => {
        if (looks++ > 0) throw new Error('EMFILE')
        return []
      },
    }
    let now = 0
    const clock = { ...systemClock, now: () => (now += 3_000) }
    const failing = { table: new ProcessTable({ clock, reader, restless: true }), clock }
    expect(await reap(failing)).toBe(0)
    expect(problems).toEqual([expect.stringContaining("it can't be said whether an earlier host has left processes behind")])
    expect(readdirSync(folder)).toEqual([formatHostId(DEAD)])

    const stuck = { pid: 2 ** 22 + 1, startTime: 1, ppid: 1, pgid: 2 ** 22 + 1, sid: 1, alive: true, stopped: false, marker: 'm' }
    const blocked = { table: new ProcessTable({ clock, reader: { limitations: [], read: async () => [stuck] }, restless: true }), clock }
    expect(await reap(blocked)).toBe(0)
    expect(problems[1]).toContain(`do not end: ${stuck.pid}`)
    expect(readdirSync(folder)).toEqual([formatHostId(DEAD)])
    expect(await reap()).toBe(0)
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('a record', () => {
  it('of another machine or container is removed when nobody has touched it for an hour', async () => {
    const { put, reap, folder } = await setting()
    const [old, fresh] = [put({ ...DEAD, boot: 'other' }, 'greenroom 1 m\n'), put({ ...DEAD, namespace: '7' }, 'greenroom 1 m\n')]
    const draft = put(DEAD, '', '.new')
    const longAgo = new Date(Date.now() - 2 * 3_600_000)
    for (const path of [old, draft]) utimesSync(path, longAgo, longAgo)
    expect(await reap()).toBe(0)
    expect([existsSync(old), existsSync(draft), existsSync(fresh)]).toEqual([false, false, true])
    expect(readdirSync(folder).length).toBe(1)
  })

  it('that can not be read, or that would end the reader, stays', async () => {
    const { put, reap, folder } = await setting()
    put(DEAD, 'greenroom 9 from the future\n')
    put({ ...DEAD, serial: 'abc' }, 'greenroom 1 outer\n')
    expect(await reap({ marker: 'outer/1/2/own' })).toBe(0)
    expect(readdirSync(folder).sort()).toEqual([formatHostId(DEAD), formatHostId({ ...DEAD, serial: 'abc' })].sort())
    expect(readFileSync(join(folder, formatHostId(DEAD)), 'utf8')).toContain('future')
  })

  it.runIf(process.getuid?.() === 0)('that another user has written is not believed', async () => {
    const { put, reap } = await setting()
    const child = await startShell('sleep 1000 &')
    chownSync(put(DEAD, recordOf(child)), 12_345, 12_345)
    expect([await reap(), await alive(child)]).toEqual([0, 3])
    await endChild(child, { clock: systemClock, stepMs: 10_000, immediate: true })
  })

  it('is not looked for among what else lies in the folder', async () => {
    const { reap, folder, problems } = await setting()
    mkdirSync(join(folder, 'folder'))
    writeFileSync(join(folder, 'notes.txt'), 'x')
    expect([await reap(), problems]).toEqual([0, []])
    expect(await reap({ folder: join(folder, 'absent') })).toBe(0)
    expect(problems).toEqual([expect.stringContaining('ENOENT')])
  })
})
