import { readFileSync } from 'node:fs'
import { definePlugin, GreenroomError, messageOf, z } from 'greenroom/kit'
import { ProcfsSampler } from './procfs/sampler.ts'

const options = z.strictObject({
  descriptors: z.int().min(0).optional()
    .describe('Files kept open at most, one for each process that is measured. Default: a quarter of what the host may open, at most 4096.'),
})

declare module 'greenroom/kit' {
  interface MetricsOptions {
    procfs: z.input<typeof options>
  }
}

const MOST_DESCRIPTORS = 4_096
/** What most systems give a process at least. */
const USUAL_FILES = 1_024

export default definePlugin({
  name: 'procfs',
  apply(kernel) {
    kernel.strategy('metrics', 'procfs', {
      description: 'Memory and CPU of the sessions read straight from /proc (Linux): for many sessions, or to count the CPU time of what has ended.',
      options,
      create: ({ descriptors = defaultDescriptors() }, { clock, report }) => {
        try {
          return new ProcfsSampler({ clock, report, descriptors })
        } catch (problem) {
          throw new GreenroomError('CONFIG_INVALID', `metrics: "procfs" needs the /proc of Linux, which can not be read here (${messageOf(problem)}): use "pidusage"`, {
            cause: problem,
          })
        }
      },
    })
  },
})

function defaultDescriptors(): number {
  return Math.min(MOST_DESCRIPTORS, Math.floor(openFilesLimit() / 4))
}

function openFilesLimit(): number {
  try {
    const soft = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return soft === 'unlimited' ? Infinity : Number(soft ?? USUAL_FILES)
  } catch {
    return USUAL_FILES
  }
}
