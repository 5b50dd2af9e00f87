import { ERROR_CODES, GreenroomError, type ErrorCode } from 'greenroom/kit'
import { describe, expect, it } from 'vitest'
import { HttpProblem, STATUS, toProblem } from '../../../../plugins/gateways/http/problem.ts'

describe('toProblem', () => {
  it('has a status for every code there is', () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) expect(STATUS[code], code).toBeGreaterThanOrEqual(400)
    expect(Object.keys(STATUS).sort()).toEqual(Object.keys(ERROR_CODES).sort())
  })

  it.each([
    ['QUEUE_FULL', 429, '1'], ['BREAKER_OPEN', 503, '5'], ['POOL_DRAINING', 503, '5'], ['POOL_CLOSED', 503, '5'], ['SESSION_CRASHED', 502, undefined],
  ] as const)('answers %s with %i, and tells when to try again: %s', (code, status, retryAfter) => {
    const problem = toProblem(new GreenroomError(code, 'no'))
    expect(problem.status).toBe(status)
    expect(problem.headers['retry-after']).toBe(retryAfter)
    expect(problem.body).toEqual({ error: { code, message: 'no' } })
  })

  it('tells the facts of an error, but no stack and no cause', () => {
    const error = new GreenroomError('SESSION_CRASHED', 'gone', { cause: new Error('secret'), sessionId: 's', exit: { code: null, signal: 'SIGKILL', stderr: '' } })
    expect(toProblem(error).body).toEqual({
      error: { code: 'SESSION_CRASHED', message: 'gone', sessionId: 's', exit: { code: null, signal: 'SIGKILL', stderr: '' } },
    })
  })

  it('says nothing of what it did not expect', () => {
    for (const thrown of [new Error('secret'), 'secret', undefined, Object.assign(new Error('secret'), { statusCode: 503 })]) {
      const problem = toProblem(thrown)
      expect(problem).toMatchObject({ status: 500, unexpected: true, body: { error: { code: 'INTERNAL' } } })
      expect(JSON.stringify(problem.body)).not.toContain('secret')
    }
  })

  it('asks for a token in the way of HTTP', () => {
    expect(toProblem(new HttpProblem(401, 'UNAUTHORIZED', 'no')).headers).toEqual({ 'www-authenticate': 'Bearer' })
  })

  it('passes on what the HTTP library refused', () => {
    const refused = (statusCode: number) => toProblem(Object.assign(new Error('why'), { statusCode }))
    expect(refused(413)).toMatchObject({ status: 413, unexpected: false, body: { error: { code: 'BODY_TOO_LARGE', message: 'why' } } })
    expect(refused(414)).toMatchObject({ status: 414, body: { error: { code: 'BAD_REQUEST' } } })
  })
})
