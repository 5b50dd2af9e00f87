import { afterEach, expect } from 'vitest'
import { definePlugin, type GreenroomError, isGreenroomError, type Kernel, type Pool, type PoolConfig } from '../../src/contracts/index.ts'
import { createInMemoryWorld, type Behaviour, type InMemoryAnswer, type InMemoryCapabilities, type InMemoryWorld } from '../../src/testing/index.ts'

export interface Scene extends InMemoryWorld {
  readonly pool: Pool
  /** What the pool reported through its `problem` hook. */
  readonly problems: { problem: unknown; where: string }[]
}

export interface SceneOptions {
  readonly capabilities?: InMemoryCapabilities
  /** How sessions behave from the first on. */
  readonly behaviour?: Partial<Behaviour>
  /** Taps hooks and registers strategies. */
  readonly apply?: (kernel: Kernel) => void
}

const open: Scene[] = []

/** A pool in an in-memory world. After the test it is closed, and nothing may be left of it: no process, no timer. */
export async function scene(config: Omit<PoolConfig, 'driver'> = {}, { capabilities, behaviour, apply }: SceneOptions = {}): Promise<Scene> {
  const world = createInMemoryWorld(capabilities ? { capabilities } : {})
  Object.assign(world.control.behaviour, behaviour)
  const problems: Scene['problems'] = []
  const plugin = definePlugin({
    name: 'scene',
    apply(kernel) {
      kernel.hooks.problem.tap('scene', (problem, where) => void problems.push({ problem, where }))
      apply?.(kernel)
    },
  })
  const pool = await world.createPool({ ...config, plugins: [plugin] })
  await world.clock.settle()
  const made = { ...world, pool, problems }
  open.push(made)
  return made
}

afterEach(async () => {
  for (const { pool, clock, control } of open.splice(0)) {
    const closed = watched(pool.close({ grace: 0 }))
    await clock.advance(60_000)
    expect(closed.state, 'the pool is closed').toBe('resolved')
    expect(control.live, 'processes left').toBe(0)
    expect(clock.pending, 'timers left').toBe(0)
  }
})

export interface Watched<T> {
  readonly state: 'pending' | 'resolved' | 'rejected'
  readonly value: T | undefined
  readonly error: unknown
  /** The code of the GreenroomError it was rejected with. */
  readonly code: string | undefined
}

/** A promise whose state can be looked at. */
export function watched<T>(promise: Promise<T>): Watched<T> {
  const seen: { state: 'pending' | 'resolved' | 'rejected'; value: T | undefined; error: unknown; code: string | undefined } = {
    state: 'pending', value: undefined, error: undefined, code: undefined,
  }
  promise.then(
    (value) => Object.assign(seen, { state: 'resolved', value }),
    (error: unknown) => Object.assign(seen, { state: 'rejected', error, code: isGreenroomError(error) ? error.code : undefined }),
  )
  return seen
}

/** The GreenroomError a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<GreenroomError> {
  const error: unknown = await promise.then(() => undefined, (problem: unknown) => problem)
  if (!isGreenroomError(error)) throw new Error(`expected a GreenroomError, and there was ${String(error)}`)
  return error
}

/** What the session remembers. */
export async function notesOf(lease: { request<T>(message: unknown): Promise<T> }): Promise<string[]> {
  return (await lease.request<InMemoryAnswer>({ op: 'read' })).notes
}

export function write(value: string): { op: 'write'; value: string } {
  return { op: 'write', value }
}

/** The states of the live sessions, sorted. */
export function states(pool: Pool): string[] {
  return pool.getSessionMetrics().map(({ status }) => status).sort()
}
