import { randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { isSame, type ProcessId } from '../tree/process-entry.ts'

/** Which host process, of which run of which system. */
export interface HostId extends ProcessId {
  /** Changes when the machine is started anew. */
  readonly boot: string
  /** Process ids are the same only within one pid namespace (a container has its own). */
  readonly namespace: string
  /** Hosts within one process: threads. */
  readonly serial: string
}

/** This host, whose process is `self`. */
export function newHostId(self: ProcessId): HostId {
  return { ...self, boot: bootId(), namespace: pidNamespace(), serial: randomBytes(4).toString('hex') }
}

/** True when both live under one numbering of processes, so that the one can say whether the other is alive. */
export function canJudge(a: HostId, b: HostId): boolean {
  return a.boot === b.boot && a.namespace === b.namespace
}

export function isSameHost(a: HostId, b: HostId): boolean {
  return canJudge(a, b) && isSame(a, b) && a.serial === b.serial
}

/** As part of a file name. */
export function formatHostId({ boot, namespace, pid, startTime, serial }: HostId): string {
  return [boot, namespace, pid, startTime, serial].join('.')
}

/** `undefined` for what is no such name. */
export function parseHostId(text: string): HostId | undefined {
  const found = /^([0-9a-z]+)\.([0-9a-z]+)\.(\d+)\.(\d+)\.([0-9a-f]+)$/.exec(text)
  if (!found) return undefined
  const [, boot, namespace, pid, startTime, serial] = found as unknown as [string, string, string, string, string, string]
  return { boot, namespace, pid: Number(pid), startTime: Number(startTime), serial }
}

function bootId(): string {
  // Elsewhere start times are those of the calendar, which no two starts of a machine share.
  return readOr('none', () => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().replaceAll('-', ''))
}

function pidNamespace(): string {
  return readOr('none', () => /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 'none')
}

function readOr(otherwise: string, read: () => string): string {
  try {
    return read()
  } catch {
    return otherwise
  }
}
