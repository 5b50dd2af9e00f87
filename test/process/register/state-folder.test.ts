import { homedir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { stateFolder } from '../../../src/process/register/state-folder.ts'

describe('the folder for state', () => {
  it.each([
    [{ HOME: '/home/u' }, 'linux', '/home/u/.local/state/greenroom'],
    [{ HOME: '/home/u', XDG_STATE_HOME: '/x' }, 'linux', '/x/greenroom'],
    [{ HOME: '/home/u', XDG_STATE_HOME: 'relative' }, 'linux', '/home/u/.local/state/greenroom'],
    [{ HOME: '/Users/u' }, 'darwin', '/Users/u/Library/Application Support/greenroom'],
    [{ LOCALAPPDATA: '/local' }, 'win32', '/local/greenroom'],
    [{}, 'win32', undefined],
    [{}, 'linux', `${homedir()}/.local/state/greenroom`],
    [{ HOME: '/home/u', GREENROOM_STATE_DIR: '/named' }, 'linux', '/named'],
    [{ HOME: '/home/u', GREENROOM_STATE_DIR: '' }, 'linux', '/home/u/.local/state/greenroom'],
  ] as const)('with %j on %s is %s', (env, platform, folder) => {
    expect(stateFolder(undefined, env, platform)).toBe(folder)
  })

  it('is the one that was configured, or none', () => {
    expect(stateFolder('/mine', { GREENROOM_STATE_DIR: '/named' })).toBe('/mine')
    expect(stateFolder(false, { GREENROOM_STATE_DIR: '/named' })).toBeUndefined()
  })
})
