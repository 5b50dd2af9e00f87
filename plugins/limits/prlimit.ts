import { readFile } from 'node:fs/promises'
import { definePlugin, duration, GreenroomError, messageOf, size, z, type Limit, type LimitVerdict, type SessionView, type StrategyContext } from 'greenroom/kit'
import { runPrlimit } from './prlimit/command.ts'

const options = z
  .strictObject({
    data: size({ min: 1 }).optional()
      .describe('Bytes of data that the process may have beside what it has when it is ready; its allocations fail beyond that.'),
    cpuTime: duration({ min: 1_000 }).optional().describe('CPU time that the process may use in its life; it is killed then.'),
    files: z.int().min(16).optional().describe('Files and sockets that the process may have open.'),
    fileSize: size({ min: 1 }).optional().describe('Bytes of the largest file that it may write.'),
  })
  .refine((limits) => Object.values(limits).some((value) => value !== undefined), { error: 'give data, cpuTime, files or fileSize' })

type Options = z.output<typeof options>

declare module 'greenroom/kit' {
  interface LimitOptions {
    prlimit: z.input<typeof options>
  }
}

/**
 * The system's limits for one process (setrlimit), set when a session is ready: only then is it known how much data its program takes to
 * begin with. Processes that it starts afterwards each have the same limits of their own.
 */
class PrlimitLimit implements Limit {
  readonly #options: Options
  readonly #context: StrategyContext
  readonly #set = new WeakSet<SessionView>()

  constructor(given: Options, context: StrategyContext) {
    this.#options = given
    this.#context = context
  }

  /** Where setting them failed, it is tried again. */
  judge(session: SessionView): LimitVerdict {
    if (session.readyAt !== undefined) void this.limit(session)
    return { action: 'ok' }
  }

  /** Sets the limits, once. Never rejects. */
  async limit(session: SessionView): Promise<void> {
    const { pid } = session
    if (pid === undefined || this.#set.has(session)) return
    this.#set.add(session)
    try {
      await runPrlimit([`--pid=${pid}`, ...await this.#args(pid)], this.#context.clock)
    } catch (problem) {
      // A session that is on its way out needs none.
      if (session.state === 'ending' || session.state === 'gone') return
      this.#set.delete(session)
      this.#context.report(new Error(`the limits of session ${session.id} could not be set: ${messageOf(problem)}`, { cause: problem }), 'limits.prlimit')
    }
  }

  async #args(pid: number): Promise<string[]> {
    const { data, cpuTime, files, fileSize } = this.#options
    return [
      ...(data === undefined ? [] : [`--data=${await dataOf(pid) + data}`]),
      ...(cpuTime === undefined ? [] : [`--cpu=${Math.ceil(cpuTime / 1_000)}`]),
      ...(files === undefined ? [] : [`--nofile=${files}`]),
      ...(fileSize === undefined ? [] : [`--fsize=${fileSize}`]),
    ]
  }
}

export default definePlugin({
  name: 'prlimit',
  apply(kernel) {
    let limit: PrlimitLimit | undefined
    kernel.strategy('limit', 'prlimit', {
      description: "Has Linux hold each session's process to limits of data, CPU time and files (setrlimit), where there is no cgroup.",
      options,
      create: async (given, context) => {
        try {
          await runPrlimit(['--version'], context.clock)
        } catch (problem) {
          throw new GreenroomError('CONFIG_INVALID', `limits.prlimit needs the program prlimit of Linux, which can not be run here (${messageOf(problem)}): `
            + 'install util-linux, or leave limits.prlimit out', { cause: problem })
        }
        return (limit = new PrlimitLimit(given, context))
      },
    })
    kernel.hooks.state.tap('prlimit', (session, from, to) => {
      if (from === 'starting' && to === 'idle') void limit?.limit(session)
    })
  },
})

/** Bytes of private, writable memory: what RLIMIT_DATA counts. */
async function dataOf(pid: number): Promise<number> {
  const kilobytes = /^VmData:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'latin1'))?.[1]
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status does not tell how much data it has`)
  return Number(kilobytes) * 1_024
}
