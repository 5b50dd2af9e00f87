import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * The open connections and how many answers each still owes. Node's own `closeIdleConnections` takes one that never
 * sent a byte for a busy one, and one that becomes idle after it stays open: either would hold up the closing.
 */
export class Connections {
  readonly #owed = new Map<Socket, number>()
  #closing = false

  track(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#owed.set(socket, 0)
      socket.once('close', () => this.#owed.delete(socket))
    })
    server.on('request', (_request, response: ServerResponse) => this.#opened(response))
  }

  /** Closes those that owe nothing, now, and each other when its answer is out. */
  closeWhenAnswered(): void {
    this.#closing = true
    for (const [socket, owed] of this.#owed) if (owed === 0) socket.destroy()
  }

  cut(): void {
    for (const socket of this.#owed.keys()) socket.destroy()
  }

  #opened(response: ServerResponse): void {
    const socket = response.socket
    if (!socket || !this.#owed.has(socket)) return
    this.#owed.set(socket, this.#owed.get(socket)! + 1)
    response.once('close', () => {
      const owed = this.#owed.get(socket)
      if (owed === undefined) return
      this.#owed.set(socket, owed - 1)
      if (this.#closing && owed === 1) socket.destroySoon()
    })
  }
}
