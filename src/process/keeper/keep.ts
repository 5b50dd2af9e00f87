import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Child, SpawnSpec } from '../../contracts/child.ts'
import { childEnvironment } from '../environment.ts'
import { SESSION_MARKER } from '../marker.ts'
import { spawnProblem } from '../spawn-problem.ts'
import type { DelegateContext } from '../spawner.ts'
import type { Keeper } from './keeper.ts'
import { KeptChild } from './kept-child.ts'
import { TOKEN_LENGTH } from './protocol.ts'

let count = 0

/**
 * Has a process started by the keeper.
 * @throws Error of the system when the current working directory is gone.
 */
export function keep(spec: SpawnSpec, keeper: Keeper, context: DelegateContext): Child {
  const order = {
    id: ++count,
    token: randomBytes(TOKEN_LENGTH / 2).toString('hex'),
    command: spec.command,
    args: spec.args ?? [],
    // The keeper is somewhere else.
    cwd: resolve(spec.cwd ?? '.'),
    env: { ...childEnvironment(spec), [SESSION_MARKER]: context.marker },
  }
  const child = new KeptChild({ order, explain: (thrown) => spawnProblem(thrown, spec), ...context })
  keeper.spawn(child)
  return child
}
