import { describe, expect, it } from 'vitest'
import { RateLimitedLog } from '../../src/cli/rate-limited-log.ts'
import { ManualClock } from '../support/manual-clock.ts'

function logged() {
  const lines: string[] = []
  const clock = new ManualClock()
  return { lines, clock, log: new RateLimitedLog((text) => lines.push(text), clock) }
}

describe('RateLimitedLog', () => {
  it('writes five lines of a flood, and one more each second with the number it kept back', () => {
    const { lines, clock, log } = logged()
    for (let line = 1; line <= 20; line++) log.log(`line ${line}`)
    expect(lines).toEqual(['line 1', 'line 2', 'line 3', 'line 4', 'line 5'])
    clock.advance(1_000)
    log.log('later')
    log.log('too soon')
    expect(lines.slice(5)).toEqual(['(15 more not shown)', 'later'])
  })

  it('never saves up more than five', () => {
    const { lines, clock, log } = logged()
    clock.advance(3_600_000)
    for (let line = 1; line <= 20; line++) log.log(`line ${line}`)
    expect(lines).toHaveLength(5)
  })

  it('says at the end how many it kept back', () => {
    const { lines, log } = logged()
    for (let line = 1; line <= 7; line++) log.log('x')
    log.flush()
    log.flush()
    expect(lines.slice(5)).toEqual(['(2 more not shown)'])
  })
})
