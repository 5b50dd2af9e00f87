import type { TurnSink } from 'greenroom/kit'

interface Block {
  readonly type?: unknown
  readonly id?: unknown
  readonly tool_use_id?: unknown
}

/** Which tools of a turn run: while one does, the program may well be silent. */
export class RunningTools {
  readonly #sink: TurnSink
  readonly #running = new Set<unknown>()

  constructor(sink: TurnSink) {
    this.#sink = sink
  }

  see(message: Readonly<Record<string, unknown>>): void {
    const { content } = (message['message'] ?? {}) as { content?: unknown }
    if (!Array.isArray(content)) return
    const before = this.#running.size
    for (const block of content as Block[]) {
      if (message['type'] === 'assistant' && block.type === 'tool_use') this.#running.add(block.id)
      else if (message['type'] === 'user' && block.type === 'tool_result') this.#running.delete(block.tool_use_id)
    }
    const after = this.#running.size
    if ((before === 0) !== (after === 0)) this.#sink.quiet(after > 0)
  }
}
