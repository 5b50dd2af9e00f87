import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkStateFolder, checkTrees } from '../../../src/cli/doctor/process-checks.ts'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { ProcessTable } from '../../../src/kit.ts'
import { PsReader } from '../../../src/process/tree/ps-reader.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { table } from '../../support/tree-fixtures.ts'

describe('the check of process trees', () => {
  it.runIf(process.platform === 'linux')('says that descendants are found, and which are not', async () => {
    expect(await checkTrees(table)).toMatchObject({ status: 'ok', message: expect.stringMatching(/found wherever they go; but a descendant that cleared/) as string })
  })

  it('says what is lost where the system tells less, or nothing', async () => {
    const byPs = new ProcessTable({ clock: systemClock, reader: new PsReader(systemClock) })
    expect(await checkTrees(byPs)).toMatchObject({ status: 'note', message: expect.stringContaining('marks in environments can not be read') as string })
    const blind = new ProcessTable({ clock: systemClock, reader: { limitations: [], read: async () => { throw new Error('no /proc') } } })
    expect(await checkTrees(blind)).toMatchObject({ status: 'note', message: 'no /proc' })
  })
})

describe('the check of the state folder', () => {
  it('names the one that will be used, also when it has yet to be made', async () => {
    const folder = join(await tempFolder(), 'a', 'b')
    expect(checkStateFolder(folder, {})).toEqual({ name: 'state folder', status: 'ok', message: folder })
    expect(checkStateFolder(undefined, { GREENROOM_STATE_DIR: folder })).toMatchObject({ status: 'ok', message: folder })
  })

  it('says what is lost without one', () => {
    expect(checkStateFolder(false, {})).toMatchObject({ status: 'note', message: expect.stringContaining('would not end what it leaves behind') as string })
    expect(checkStateFolder('/dev/null/none', {})).toMatchObject({ status: 'note', message: expect.stringContaining("/dev/null/none can't be written (/dev/null is no folder)") as string })
  })
})
