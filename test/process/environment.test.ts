import { describe, expect, it } from 'vitest'
import { childEnvironment } from '../../src/process/environment.ts'

const host = {
  PATH: '/bin', HOME: '/home/u', LC_ALL: 'C', LC_TIME: 'de', TZ: 'UTC', SECRET_TOKEN: 's', AWS_KEY: 'k', NODE_OPTIONS: '--inspect', SystemRoot: 'C:\\W',
}

describe("a child's environment", () => {
  it('has what every program needs and nothing else of the host', () => {
    expect(childEnvironment({}, host, 'linux')).toEqual({ PATH: '/bin', HOME: '/home/u', LC_ALL: 'C', LC_TIME: 'de', TZ: 'UTC' })
  })

  it('has the host variables that are named, where they exist', () => {
    const environment = childEnvironment({ inheritEnv: ['AWS_KEY', 'ABSENT'] }, host, 'linux')
    expect(environment['AWS_KEY']).toBe('k')
    expect(environment).not.toHaveProperty('ABSENT')
    expect(environment).not.toHaveProperty('SECRET_TOKEN')
  })

  it("lets the spec's own variables win", () => {
    expect(childEnvironment({ env: { PATH: '/mine', AWS_KEY: 'x' }, inheritEnv: ['AWS_KEY'] }, host, 'linux')).toMatchObject({ PATH: '/mine', AWS_KEY: 'x' })
  })

  it('has what Windows programs need, on Windows', () => {
    expect(childEnvironment({}, host, 'win32')['SystemRoot']).toBe('C:\\W')
  })
})
