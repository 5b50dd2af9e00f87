import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { onAbort } from '../../src/kernel/abort-callbacks.ts'

describe('callbacks of an abort signal', () => {
  it('are each called once, in the order they came, and share one listener', () => {
    const controller = new AbortController()
    const called: number[] = []
    for (let i = 0; i < 50; i++) onAbort(controller.signal, () => void called.push(i))
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    controller.abort()
    expect(called).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  it('that were called off are not called, and the last to go takes the listener with it', () => {
    const controller = new AbortController()
    const called: string[] = []
    const offA = onAbort(controller.signal, () => void called.push('a'))
    const offB = onAbort(controller.signal, () => void called.push('b'))
    offA()
    offA()
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    offB()
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    onAbort(controller.signal, () => void called.push('c'))
    controller.abort()
    expect(called).toEqual(['c'])
  })

  it('may call one another off while they are called', () => {
    const controller = new AbortController()
    const called: string[] = []
    onAbort(controller.signal, () => {
      called.push('a')
      offB()
    })
    const offB = onAbort(controller.signal, () => void called.push('b'))
    controller.abort()
    offB()
    expect(called).toEqual(['a'])
  })
})
