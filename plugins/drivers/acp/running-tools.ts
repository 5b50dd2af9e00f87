import type { TurnSink } from 'greenroom/kit'

interface ToolUpdate {
  readonly sessionUpdate?: unknown
  readonly toolCallId?: unknown
  readonly status?: unknown
}

/** Which tools of a turn run: while one does, the agent may well be silent. */
export class RunningTools {
  readonly #sink: TurnSink
  readonly #running = new Set<unknown>()

  constructor(sink: TurnSink) {
    this.#sink = sink
  }

  see({ sessionUpdate, toolCallId, status }: ToolUpdate): void {
    if (sessionUpdate !== 'tool_call' && sessionUpdate !== 'tool_call_update') return
    const before = this.#running.size
    if (status === 'in_progress') this.#running.add(toolCallId)
    // An update without a status changes something else of the call; one that is pending again waits for a permission.
    else if (typeof status === 'string') this.#running.delete(toolCallId)
    const after = this.#running.size
    if ((before === 0) !== (after === 0)) this.#sink.quiet(after > 0)
  }
}
