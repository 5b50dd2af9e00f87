import {
  type Balancer, type Channel, type ChannelContext, type Child, type Driver, GreenroomError, type Kernel, LinkedList, type LinkedNode, type Plugin,
  type Served, type SessionState, type SessionView, type Spawner, z,
} from '../contracts/index.ts'
import { ResourceChild, type ResourceMaker } from './resource-child.ts'

/** Far above any process's. */
const FIRST_ID = 2_000_000_000

/** An idle resource and `Clock.now()` since when. */
export interface IdleResource {
  readonly session: SessionView
  readonly since: number
}

export interface ResourcesOptions<T> {
  readonly maker: ResourceMaker<T>
  /** Which of the idle ones is lent first: the longest idle, or the last released. */
  readonly order: 'fifo' | 'lifo'
  /** Between a failed start and the next, for who chooses the restart policy `fixed`. */
  readonly retryMs: number
  /** Looks at a resource that was just made. True: it is good; false: it was not looked at. Rejects when it is no good. */
  welcome(resource: T, signal: AbortSignal): Promise<boolean>
  /** Called after every change. */
  changed(): void
  granted(session: SessionView, served: Served): void
  problem(problem: unknown, where: string): void
}

/**
 * The plugin that lets a pool lend a program's own objects: a spawner and a driver whose "processes" are what create() makes; a balancer
 * that takes the idle ones in the order of their release; and the books of who is in which state.
 */
export class Resources<T> implements Spawner, Driver, Balancer, Plugin {
  readonly name = 'resources'
  readonly capabilities = {}
  /** Longest idle first. */
  readonly idle = new LinkedList<IdleResource>()
  readonly starting = new Set<SessionView>()
  readonly counts: Record<SessionState, number> = { starting: 0, idle: 0, leased: 0, settling: 0, checking: 0, ending: 0, gone: 0 }
  readonly #options: ResourcesOptions<T>
  readonly #nodes = new Map<string, LinkedNode<IdleResource>>()
  readonly #made = new Map<string, { readonly resource: T; readonly isWelcome: boolean }>()
  #count = 0

  constructor(options: ResourcesOptions<T>) {
    this.#options = options
  }

  apply({ hooks, strategy }: Kernel): void {
    const { changed, granted, problem, retryMs } = this.#options
    const options = z.strictObject({})
    strategy('driver', 'resources', { description: "A program's own objects.", options, create: () => this })
    strategy('balancer', 'idle-order', { description: 'In the order of their release.', options, create: () => this })
    strategy('restart', 'fixed', {
      description: 'Again after a fixed time.',
      options,
      create: () => ({ failed: () => ({ action: 'retry', delayMs: retryMs }), ready() {} }),
    })
    hooks.state.tap(this.name, (session, from, to) => {
      this.#move(session, from, to)
      changed()
    })
    hooks.acquired.tap(this.name, (session, _request, { served }) => granted(session, served))
    hooks.problem.tap(this.name, problem)
  }

  spawnSpec(): { command: string } {
    return { command: 'create()' }
  }

  spawn(): ResourceChild<T> {
    return new ResourceChild(FIRST_ID + this.#count++, this.#options.maker)
  }

  async open(child: Child, { sessionId, signal }: ChannelContext): Promise<Channel> {
    const resource = await (child as ResourceChild<T>).make(signal)
    const isWelcome = await this.#options.welcome(resource, signal)
    // One that comes too late is not lent: it is destroyed.
    if (!signal.aborted) this.#made.set(sessionId, { resource, isWelcome })
    return {
      turn() {
        throw new GreenroomError('MESSAGE_INVALID', 'resources are lent, they take no messages')
      },
    }
  }

  pick(candidates: readonly SessionView[]): SessionView {
    const best = this.#options.order === 'fifo' ? this.idle.peek() : this.idle.peekLast()
    return best?.session ?? candidates[0]!
  }

  /** What a session's create() made. */
  of(sessionId: string): T {
    return this.#made.get(sessionId)!.resource
  }

  /** True when the resource was found good in the moment in which it was lent, as it was just made for whoever has it now. */
  isProven(sessionId: string, served: Served): boolean {
    return served === 'started' && this.#made.get(sessionId)!.isWelcome
  }

  #move(session: SessionView, from: SessionState | undefined, to: SessionState): void {
    if (from) this.counts[from]--
    if (to !== 'gone') this.counts[to]++
    if (to === 'starting') this.starting.add(session)
    if (from === 'starting') this.starting.delete(session)
    if (from === 'idle') {
      this.#nodes.get(session.id)?.leave()
      this.#nodes.delete(session.id)
    }
    if (to === 'idle') this.#nodes.set(session.id, this.idle.push({ session, since: this.#options.maker.clock.now() }))
    if (to === 'gone') this.#made.delete(session.id)
  }
}
