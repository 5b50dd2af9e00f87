import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findProgram } from '../../../src/cli/doctor/find-program.ts'
import { tempFolder } from '../../support/temp-folder.ts'

describe('findProgram', () => {
  it('finds a program on PATH, the first folder first', async () => {
    const [first, second] = [await tempFolder(), await tempFolder()]
    for (const folder of [first, second]) {
      await writeFile(join(folder, 'tool'), '')
      await chmod(join(folder, 'tool'), 0o755)
    }
    expect(await findProgram('tool', `${first}:${second}`, '/')).toBe(join(first, 'tool'))
    expect(await findProgram('tool', `:/nowhere:${second}`, '/')).toBe(join(second, 'tool'))
  })

  it('takes a path from the working directory', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'tool'), '')
    await chmod(join(folder, 'tool'), 0o755)
    expect(await findProgram('./tool', '', folder)).toBe(join(folder, 'tool'))
  })

  it('does not find a file that may not be run, nor a folder', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'text'), '')
    await mkdir(join(folder, 'folder'))
    expect(await findProgram('text', folder, '/')).toBe(undefined)
    expect(await findProgram('folder', folder, '/')).toBe(undefined)
    expect(await findProgram('tool', undefined, '/')).toBe(undefined)
  })
})
