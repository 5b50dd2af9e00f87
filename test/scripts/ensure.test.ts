import { readFileSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Project, ROOT, type Ran } from '../support/project.ts'

const { version } = JSON.parse(readFileSync(join(ROOT, 'node_modules/typescript/package.json'), 'utf8')) as { version: string }
const LOCK = JSON.stringify({ packages: { '': {}, 'node_modules/typescript': { version } } })

describe('scripts/ensure.mjs', () => {
  let project: Project
  const ensure = (...args: string[]): Promise<Ran> => project.run(process.execPath, ['scripts/ensure.mjs', ...args])
  const built = (): Promise<string> => readFile(project.at('dist/src/cli/bin.js'), 'utf8')

  beforeEach(async () => {
    project = await Project.empty()
    await cp(join(ROOT, 'scripts'), project.at('scripts'), { recursive: true })
    await mkdir(project.at('node_modules'))
    await symlink(join(ROOT, 'node_modules/typescript'), project.at('node_modules/typescript'))
    await project.write('package-lock.json', LOCK)
    await project.write('node_modules/.package-lock.json', LOCK)
    await project.write('tsconfig.json', JSON.stringify({
      // As little as a compiler can do.
      compilerOptions: { strict: true, rootDir: '.', target: 'es2015', lib: ['es5'], types: [], skipLibCheck: true, noEmitOnError: true },
    }))
    await project.write('tsconfig.build.json', JSON.stringify({ extends: './tsconfig.json', include: ['src'] }))
    await project.write('src/cli/bin.ts', 'export const answer: number = 42\n')
  })
  afterEach(() => project[Symbol.asyncDispose]())

  it('builds once, says so in one line, and does nothing the second time', async () => {
    expect(await ensure()).toEqual({ code: 0, stdout: '', stderr: 'greenroom: building dist/\n' })
    expect(await built()).toContain('42')
    expect((await stat(project.at('dist/src/cli/bin.js'))).mode & 0o111).toBe(0o111)
    expect(await ensure()).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('brings along the programs that are not compiled', async () => {
    await project.write('plugins/drivers/mine/worker.py', 'print(42)\n')
    await ensure()
    expect(await readFile(project.at('dist/plugins/drivers/mine/worker.py'), 'utf8')).toBe('print(42)\n')
  })

  it('builds again when a source has changed, is new or is gone, and when asked to', async () => {
    await ensure()
    await project.write('src/cli/bin.ts', 'export const answer: number = 43\n')
    expect((await ensure()).stderr).toContain('building')
    expect(await built()).toContain('43')
    await project.write('src/more.ts', 'export const more = 1\n')
    expect((await ensure()).stderr).toContain('building')
    expect((await ensure('--build')).stderr).toContain('building')
    expect((await ensure()).stderr).toBe('')
  })

  it('keeps the last good build, and leaves nothing behind, when a source does not compile', async () => {
    await ensure()
    await project.write('src/cli/bin.ts', "export const answer: number = 'forty-two'\n")
    const { code, stdout, stderr } = await ensure()
    expect(code).toBe(1)
    expect(stdout).toContain('TS2322')
    expect(stderr).toContain('the build failed')
    expect(await built()).toContain('42')
    expect((await readdir(project.path)).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it('builds once when two ask at the same time', async () => {
    const both = await Promise.all([ensure(), ensure()])
    expect(both.map(({ code }) => code)).toEqual([0, 0])
    expect(both.map(({ stderr }) => stderr).sort()).toEqual(['', 'greenroom: building dist/\n'])
  })

  it('takes the lock over from a process that died with it', async () => {
    const dead = await project.run(process.execPath, ['-p', 'process.pid'])
    await project.write('.ensure.lock', dead.stdout.trim())
    expect((await ensure()).code).toBe(0)
    expect(await built()).toContain('42')
    expect(await readdir(project.path)).not.toContain('.ensure.lock')
  })

  it('installs, with the dev dependencies, when node_modules is not of this lock file', async () => {
    // npm refuses to install what the lock file does not have: that it was asked is what counts here.
    await project.write('package.json', JSON.stringify({ name: 'p', version: '1.0.0', dependencies: { 'not-locked': '1.0.0' } }))
    await project.write('package-lock.json', JSON.stringify({
      name: 'p', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'p', version: '1.0.0' }, 'node_modules/other': { version: '1.0.0' } },
    }))
    const { code, stderr } = await ensure()
    expect(stderr).toContain('installing the dependencies')
    expect(stderr).toContain('npm ci failed')
    expect(code).toBe(1)
  })

  it('says what to do when the lock file is missing', async () => {
    await project.write('package-lock.json', '{')
    const { code, stderr } = await ensure()
    expect(code).toBe(1)
    expect(stderr).toContain('git checkout package-lock.json')
  })
})
