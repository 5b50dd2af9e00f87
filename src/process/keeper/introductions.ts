import { createServer, type Server, type Socket } from 'node:net'
import type { Clock, Timer } from '../../contracts/clock.ts'
import { INTRODUCTION_LENGTH, TOKEN_LENGTH } from './protocol.ts'

/** How long a connection may take to introduce itself, and to be called for. */
const PATIENCE_MS = 10_000
/** Connections that may wait to be accepted while the keeper is at work. */
const BACKLOG = 1_024

/** The three ends of one session's pipes. */
export type Pipes = readonly [Socket, Socket, Socket]

interface Party {
  readonly sockets: (Socket | undefined)[]
  called: ((pipes: Pipes | undefined) => void) | undefined
  readonly patience: Timer
}

/** Takes the host's connections, and sorts them by what they say first. Nothing is read beyond that. */
export class Introductions {
  readonly #clock: Clock
  readonly #server: Server
  readonly #strangers = new Set<Socket>()
  readonly #parties = new Map<string, Party>()

  constructor(clock: Clock) {
    this.#clock = clock
    // Half open: the end of a session's input is none of the keeper's business.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#greet(socket))
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ path, backlog: BACKLOG }, () => {
        this.#server.off('error', reject)
        // Too many open files, say: the connection waits or fails, which its host sees.
        this.#server.on('error', () => undefined)
        resolve()
      })
    })
  }

  /** Hands out the three connections that come with this token, when they are there; `undefined` when they don't come. */
  call(token: string, called: (pipes: Pipes | undefined) => void): void {
    const party = this.#party(token)
    party.called = called
    this.#complete(token, party)
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#strangers) socket.destroy()
    for (const token of [...this.#parties.keys()]) this.#dismiss(token)
  }

  #greet(socket: Socket): void {
    let said = ''
    const patience = this.#clock.setTimer(() => socket.destroy(), PATIENCE_MS, { background: true })
    // Who hangs up introduces nobody any more: another keeper, which looked whether somebody is there.
    const hungUp = (): void => void socket.destroy()
    socket.once('end', hungUp)
    socket.on('error', () => socket.destroy())
    this.#strangers.add(socket)
    socket.once('close', () => {
      this.#strangers.delete(socket)
      patience.cancel()
    })
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1')
      if (said.length < INTRODUCTION_LENGTH) return
      patience.cancel()
      this.#strangers.delete(socket)
      socket.off('end', hungUp)
      socket.removeAllListeners('data')
      socket.pause()
      const stream = Number(said.slice(TOKEN_LENGTH))
      // Whoever goes on talking is no host of ours: a host waits until the session has the connection.
      if (said.length === INTRODUCTION_LENGTH && (stream === 0 || stream === 1 || stream === 2)) this.#arrive(socket, said.slice(0, TOKEN_LENGTH), stream)
      else socket.destroy()
    })
  }

  #arrive(socket: Socket, token: string, stream: 0 | 1 | 2): void {
    const party = this.#party(token)
    party.sockets[stream]?.destroy()
    party.sockets[stream] = socket
    this.#complete(token, party)
  }

  #party(token: string): Party {
    let party = this.#parties.get(token)
    if (!party) {
      party = { sockets: [], called: undefined, patience: this.#clock.setTimer(() => this.#dismiss(token), PATIENCE_MS, { background: true }) }
      this.#parties.set(token, party)
    }
    return party
  }

  #complete(token: string, { sockets: [stdin, stdout, stderr], called, patience }: Party): void {
    if (!called || !stdin || !stdout || !stderr) return
    this.#parties.delete(token)
    patience.cancel()
    called([stdin, stdout, stderr])
  }

  #dismiss(token: string): void {
    const party = this.#parties.get(token)
    if (!party) return
    this.#parties.delete(token)
    party.patience.cancel()
    for (const socket of party.sockets) socket?.destroy()
    party.called?.(undefined)
  }
}
