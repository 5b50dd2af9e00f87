import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/kernel/system-clock.ts'
import { createSpawner, endChild, type Child, type ProcessEntry, ProcessSnapshot, ProcessTable } from '../../src/kit.ts'
import { until } from './driver-harness.ts'

/** A table of its own, which never rests: tests wait for nothing. */
export const table = new ProcessTable({ clock: systemClock, restless: true })

/** Problems that were reported to `startShell`'s spawner. A test that expects some takes them out. */
export const reported: string[] = []

const spawner = createSpawner({ clock: systemClock, table, report: (problem, where) => void reported.push(`${where}: ${problem.message}`) })

export type MarkedChild = Child & { readonly pid: number; readonly marker: string }

/** A shell that runs `script`, says `ready`, and waits, deaf to the end of its input; ended with all its tree when the test has ended. */
export async function startShell(script: string): Promise<MarkedChild> {
  const child = spawner.spawn({ command: 'sh', args: ['-c', `${script}\necho ready; sleep 1000`] })
  onTestFinished(async () => {
    await endChild(child, { clock: systemClock, stepMs: 10_000, immediate: true })
    await child.endTree!()
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await until(() => text.includes('ready'))
  return child as MarkedChild
}

/** Live processes with this child's mark. */
export async function marked({ marker }: { readonly marker: string }): Promise<readonly ProcessEntry[]> {
  return (await table.look()).marked(marker)
}

/** What a look could have found. */
export function snapshotOf(...entries: (Partial<ProcessEntry> & { pid: number })[]): ProcessSnapshot {
  return new ProcessSnapshot(entries.map((entry) => ({
    startTime: entry.pid, ppid: 1, pgid: entry.pid, sid: entry.pid, alive: true, stopped: false, marker: undefined, ...entry,
  })))
}

/** The path of a program in test/fixtures. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
}
