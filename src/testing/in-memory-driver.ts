import type { Binding, Birth, Channel, ChannelContext, Child, Driver, DriverCapabilities, SpawnSpec, TurnSink } from '../contracts/index.ts'
import { InMemoryChild } from './in-memory-child.ts'
import { InMemoryProgram } from './in-memory-program.ts'

/** What the driver can do beside turns, cancel and goodbye. All are off by default. */
export interface InMemoryCapabilities extends DriverCapabilities {
  readonly ping?: boolean
  readonly bind?: boolean
  /** Parks and resumes. */
  readonly park?: boolean
}

/** The driver of in-memory sessions: it speaks to the program by calling it. */
export class InMemoryDriver implements Driver {
  readonly capabilities: InMemoryCapabilities
  readonly #opened: (program: InMemoryProgram) => void

  constructor(capabilities: InMemoryCapabilities, opened: (program: InMemoryProgram) => void) {
    this.capabilities = capabilities
    this.#opened = opened
  }

  spawnSpec(birth?: Birth): SpawnSpec {
    if (!birth) return { command: 'in-memory' }
    return { command: 'in-memory', env: { TENANT: birth.tenant, ...(birth.token !== undefined && { TOKEN: birth.token }) } }
  }

  async open(child: Child, context: ChannelContext): Promise<Channel> {
    if (!(child instanceof InMemoryChild)) throw new Error('the in-memory driver needs the in-memory spawner')
    const program = new InMemoryProgram(child, context)
    this.#opened(program)
    const { start, startFailure } = child.behaviour
    const exits = start.fails === true && startFailure === 'exits'
    if (exits) child.after(start.ms, () => child.end({ code: 1, signal: null }))
    await child.step('start', exits ? { ms: Infinity } : start)
    const token = child.spec.env?.['TOKEN']
    if (token !== undefined) program.notes = JSON.parse(token) as string[]
    return this.#channel(program)
  }

  #channel(program: InMemoryProgram): Channel {
    const { ping, bind, park, resumesAtSpawn = false, resetGuarantees } = this.capabilities
    const { child } = program
    const { behaviour } = child
    return {
      turn: (message: unknown, sink: TurnSink) => program.receive(message, sink),
      cancel: (sink: TurnSink) => program.cancel(sink),
      goodbye: () => child.step('goodbye', behaviour.goodbye),
      ...(ping && {
        ping: () => {
          program.pings++
          return child.step('ping', behaviour.ping)
        },
      }),
      ...(resetGuarantees && {
        reset: async () => {
          await child.step('reset', behaviour.reset)
          program.resets++
          program.notes = []
        },
      }),
      ...(bind && {
        bind: (binding: Binding) => {
          program.bindings.push(binding)
          return child.step('bind', behaviour.bind)
        },
      }),
      ...(park && {
        park: async () => {
          await child.step('park', behaviour.park)
          return JSON.stringify(program.notes)
        },
      }),
      ...(park && !resumesAtSpawn && {
        resume: async (token: string) => {
          await child.step('resume', behaviour.resume)
          program.notes = JSON.parse(token) as string[]
        },
      }),
    }
  }
}
