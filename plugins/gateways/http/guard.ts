import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { HttpProblem } from './problem.ts'

/** True for names and addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
}

/**
 * Decides who may use the server.
 *
 * With a token: those who send it. Without: whoever speaks to it by a loopback name. A web page can make a browser send
 * requests to this machine, but the `Host` it sends is then the page's own name (DNS rebinding), and a content type of JSON,
 * which every POST must have, makes the browser ask for leave first, which it never gets (request forgery).
 */
export class Guard {
  readonly #tokenHash: Buffer | undefined

  constructor(token: string | undefined) {
    this.#tokenHash = token === undefined ? undefined : hash(token)
  }

  /** @throws HttpProblem 401, 415 or 421. */
  check(request: IncomingMessage): void {
    if (this.#tokenHash) this.#checkToken(this.#tokenHash, request.headers.authorization)
    else checkHost(request.headers.host)
    if (request.method === 'POST') checkContentType(request.headers['content-type'])
  }

  #checkToken(expected: Buffer, authorization: string | undefined): void {
    const sent = /^Bearer +(.+)$/i.exec(authorization ?? '')?.[1]
    // Hashes are of one length, so that the comparison's time tells nothing of the token, nor of its length.
    if (sent === undefined || !timingSafeEqual(hash(sent), expected)) {
      throw new HttpProblem(401, 'UNAUTHORIZED', 'send the server\'s token as "Authorization: Bearer <token>"')
    }
  }
}

function checkHost(header: string | undefined): void {
  const name = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header ?? '')
  const host = name?.[1] ?? name?.[2] ?? ''
  if (!isLoopback(host)) {
    const why = `a server without a token answers only to localhost and loopback addresses, not to "${header ?? ''}"`
    throw new HttpProblem(421, 'HOST_REFUSED', why)
  }
}

function checkContentType(header: string | undefined): void {
  const type = (header ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (type !== 'application/json') throw new HttpProblem(415, 'MEDIA_TYPE_UNSUPPORTED', 'send JSON, with "content-type: application/json"')
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
