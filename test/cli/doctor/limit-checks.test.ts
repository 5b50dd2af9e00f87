import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Check } from '../../../src/cli/doctor/check.ts'
import { checkLimits } from '../../../src/cli/doctor/limit-checks.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const MOUNT = '30 20 0:25 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n'

/** What is found on a machine with these files. */
async function check(files: Record<string, string>, path = ''): Promise<Record<'measured' | 'cgroup' | 'prlimit', Check>> {
  const root = await tempFolder()
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, file)), { recursive: true })
    await writeFile(join(root, file), text)
  }
  const [measured, cgroup, prlimit] = await checkLimits(root, path, root)
  return { measured: measured!, cgroup: cgroup!, prlimit: prlimit! }
}

describe('what doctor says of the limits', () => {
  it('that are measured: whether trees can be seen, and what they share', async () => {
    expect((await check({})).measured).toMatchObject({ status: 'note', message: 'processes are measured by slower means' })
    expect((await check({ 'proc/self/stat': '1' })).measured).toMatchObject({ status: 'note', advice: expect.stringContaining('4.14') as string })
    expect((await check({ 'proc/self/stat': '1', 'proc/self/smaps_rollup': '' })).measured.status).toBe('ok')
  })

  it('of cgroups: what is missing, and what to do', async () => {
    const said = async (files: Record<string, string>): Promise<string> => {
      const { cgroup } = await check(files)
      expect(cgroup).toMatchObject({ name: 'limits.cgroup', status: 'note', advice: expect.stringContaining('Delegate=yes') as string })
      return cgroup.message
    }
    expect(await said({})).toBe('cgroup v2 is not mounted')
    expect(await said({ 'proc/self/mountinfo': MOUNT, 'proc/self/cgroup': '4:memory:/x\n' })).toBe('this process is in no group of cgroup v2')
    const mounted = { 'proc/self/mountinfo': MOUNT, 'proc/self/cgroup': '9:cpu:/x\n0::/mine\n' }
    expect(await said({ ...mounted, 'sys/fs/cgroup/mine/cgroup.controllers': 'cpu' })).toBe('cgroup v2 is mounted, but not delegated to this user')
    const delegated = { ...mounted, 'sys/fs/cgroup/mine/cgroup.subtree_control': '' }
    expect(await said({ ...delegated, 'sys/fs/cgroup/mine/cgroup.controllers': 'hugetlb\n' })).toContain('it can kill whole trees, not limit them')
    expect(await said({ ...delegated, 'sys/fs/cgroup/mine/cgroup.controllers': 'pids\n' })).toBe('delegated: the system can hold sessions to processes')
  })

  it('of cgroups: that all is there, also where an earlier pool has moved the host down', async () => {
    for (const own of ['/mine', '/mine/greenroom.host']) {
      const { cgroup } = await check({
        'proc/self/mountinfo': MOUNT, 'proc/self/cgroup': `0::${own}\n`,
        'sys/fs/cgroup/mine/cgroup.subtree_control': '', 'sys/fs/cgroup/mine/cgroup.controllers': 'cpu io memory pids\n',
      })
      expect(cgroup).toMatchObject({ status: 'ok', message: 'delegated: the system can hold sessions to memory, CPU, processes' })
    }
  })

  it('of prlimit: whether it is there', async () => {
    expect((await check({})).prlimit).toMatchObject({ name: 'limits.prlimit', status: 'note' })
    if (process.platform === 'linux') expect((await check({}, process.env['PATH'])).prlimit.status).toBe('ok')
  })
})
