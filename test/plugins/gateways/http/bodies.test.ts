import { describe, expect, it } from 'vitest'
import { autoscaleBody, parseBody, requestBody, scaleBody } from '../../../../plugins/gateways/http/bodies.ts'

describe('parseBody', () => {
  it('takes every field, and times in text', () => {
    const body = { tenant: 'a', key: 'k', message: null, timeout: '5s', priority: -1 }
    expect(parseBody(requestBody, body)).toEqual({ ...body, timeout: 5_000 })
    expect(parseBody(requestBody, { message: 0 })).toEqual({ message: 0 })
    expect(parseBody(scaleBody, { size: 3 })).toEqual({ size: 3, wait: true })
  })

  it.each([
    [{}, '"message" is missing'],
    [{ message: 1, tenat: 'a', ky: 'b' }, 'unknown field "tenat", "ky" (known: tenant, key, message, timeout, priority)'],
    [{ message: 1, tenant: '' }, '"tenant": too small'],
    [{ message: 1, key: 'k'.repeat(513) }, '"key": too big'],
    [{ message: 1, timeout: 'soon' }, '"timeout":'],
    [{ message: 1, timeout: 0 }, '"timeout": must be from 1 to 604800000 ms'],
    [{ message: 1, priority: 0.5 }, '"priority":'],
    [[], 'the body must be a JSON object'],
    [undefined, 'the body must be a JSON object'],
    ['text', 'the body must be a JSON object'],
  ])('refuses %j and says what is wrong', (body, why) => {
    expect(() => parseBody(requestBody, body)).toThrow(expect.objectContaining({ status: 400, code: 'BODY_INVALID', message: expect.stringContaining(why) as string }))
  })

  it('names everything that is wrong at once', () => {
    expect(() => parseBody(scaleBody, { size: '3', wait: 1 })).toThrow(/"size".*; "wait"/)
    expect(() => parseBody(autoscaleBody, { enabled: 'yes' })).toThrow('"enabled"')
  })
})
