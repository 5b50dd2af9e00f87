import type { Behaviour } from '../../src/testing/index.ts'
import { MEMORY } from './setting.ts'

/** Ways to misbehave, for sessions that are started from now on or for one that is live. */
export const MANNERS: Readonly<Record<string, Partial<Behaviour>>> = {
  'starts slowly': { start: { ms: 120 } },
  'fails to start': { start: { ms: 0, fails: true } },
  'fails to start late': { start: { ms: 40, fails: true }, startFailure: 'exits' },
  'cannot be spawned': { start: { ms: 0, fails: true }, startFailure: 'unstartable' },
  'never starts': { start: { ms: Infinity } },
  'answers late': { answerMs: 150 },
  'never answers': { answerMs: Infinity, cancelMs: Infinity },
  'ignores cancel': { answerMs: 150, cancelMs: Infinity },
  'settles late': { cancelMs: 100 },
  'ends slowly': { eofMs: 90 },
  'refuses to end': { eofMs: Infinity, termMs: Infinity, goodbye: { ms: Infinity }, killMs: 20 },
  'fails in reset': { reset: { ms: 10, fails: true } },
  'hangs in reset': { reset: { ms: Infinity } },
  'resets slowly': { reset: { ms: 50 } },
  'fails in bind': { bind: { ms: 10, fails: true }, resume: { ms: 10, fails: true } },
  'hangs in bind': { bind: { ms: Infinity }, resume: { ms: Infinity } },
  'binds slowly': { bind: { ms: 30 }, resume: { ms: 30 } },
  'fails its ping': { ping: { ms: 5, fails: true } },
  'hangs in ping': { ping: { ms: Infinity } },
  'pings slowly': { ping: { ms: 150 } },
  'fails to park': { park: { ms: 10, fails: true } },
  'hangs in park': { park: { ms: Infinity } },
  'parks slowly': { park: { ms: 60 } },
  'is small': { usage: { memoryBytes: 50_000_000, cpuPercent: 3 } },
  'grows': { usage: { memoryBytes: MEMORY.soft + 1 } },
  'grows beyond measure': { usage: { memoryBytes: MEMORY.hard + 1 } },
  'uses nothing that can be measured': { usage: { cpuPercent: 1 } },
}

export type Mood = 'throws' | 'hangs' | 'rejects' | 'answers nonsense'
export const MOODS: readonly Mood[] = ['throws', 'hangs', 'rejects', 'answers nonsense']

/** The foreign code that may have a mood: methods of strategies, and taps of hooks. */
export const MOODY: readonly string[] = [
  'balancer.pick', 'scaler.decide', 'health.check', 'metrics.sample', 'metrics.forget', 'limit.judge', 'queue.push', 'queue.next', 'queue.nextOf',
  'queue.remove', 'evictor.choose', 'restart.failed', 'restart.ready', 'store.put', 'store.take', 'store.has', 'hook.admit', 'hook.spawn',
  'hook.state', 'hook.acquired', 'hook.released', 'hook.request', 'hook.refused', 'hook.decision', 'hook.usage', 'hook.closed',
]
