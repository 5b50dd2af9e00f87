import pidusage from 'pidusage'
import { definePlugin, z, type Usage, type UsageSampler } from 'greenroom/kit'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface MetricsOptions {
    pidusage: z.input<typeof options>
  }
}

/**
 * Memory and CPU of the sessions' own processes by the pidusage package. Its ways are taken into account: the CPU share needs two
 * samples, so the first is unknown; a process that is gone may come back as an error for all, as null, or not at all; one that
 * has ended but not been collected reads as zero memory, which no live process has.
 */
class PidusageSampler implements UsageSampler {
  readonly #seen = new Set<number>()

  async sample(pids: readonly number[]): Promise<ReadonlyMap<number, Usage>> {
    const usages = new Map<number, Usage>()
    const found = await readAll(pids)
    for (const pid of pids) {
      const status = found.get(pid)
      if (!status || status.memory === 0) {
        this.#seen.delete(pid)
        continue
      }
      const first = !this.#seen.has(pid)
      this.#seen.add(pid)
      usages.set(pid, { memoryBytes: status.memory, ...(!first && Number.isFinite(status.cpu) && { cpuPercent: status.cpu }) })
    }
    return usages
  }

  forget(pid: number): void {
    this.#seen.delete(pid)
  }
}

/** All in one reading; when one that is gone spoils it, one by one. */
async function readAll(pids: readonly number[]): Promise<Map<number, pidusage.Status>> {
  try {
    return present(Object.entries(await pidusage([...pids])))
  } catch {
    const each = await Promise.all(pids.map(async (pid) => [pid, await pidusage(pid).catch(() => undefined)] as const))
    return present(each)
  }
}

function present(entries: readonly (readonly [string | number, pidusage.Status | null | undefined])[]): Map<number, pidusage.Status> {
  const found = new Map<number, pidusage.Status>()
  for (const [pid, status] of entries) {
    if (status) found.set(Number(pid), status)
  }
  return found
}

export default definePlugin({
  name: 'pidusage',
  apply(kernel) {
    kernel.strategy('metrics', 'pidusage', {
      description: "Memory (RSS) and CPU of each session's process, by the pidusage package.",
      options,
      create: () => new PidusageSampler(),
    })
  },
})
