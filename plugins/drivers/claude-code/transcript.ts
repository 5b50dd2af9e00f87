import { readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { childEnvironment, formatSize, GreenroomError, type SpawnSpec } from 'greenroom/kit'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** What is kept of a parked conversation; the rest is on disk, where the program has put it. */
export interface Parked {
  readonly sessionId: string
  /** The model was asked something in it, so that there must be a transcript. Absent where that is not known. */
  readonly spoken?: boolean
}

export function tokenOf(parked: Parked): string {
  return JSON.stringify(parked)
}

/**
 * The conversation that a process with this `spec` is to resume for a token; `undefined` when there was nothing in it.
 * @throws GreenroomError `START_FAILED` when its transcript is larger than `maxBytes`, or the token is none.
 */
export function conversationOf(token: string, spec: SpawnSpec, maxBytes: number): string | undefined {
  const { sessionId, spoken } = JSON.parse(token) as Partial<Parked>
  // It becomes an argument and the name of a file.
  if (sessionId === undefined || !UUID.test(sessionId)) throw new GreenroomError('START_FAILED', `The parked state is of no Claude Code session: ${token}`)
  const bytes = transcriptSize(sessionId, spec)
  if (bytes === undefined) return spoken ? sessionId : undefined
  if (bytes <= maxBytes) return sessionId
  const sizes = `its transcript has ${formatSize(bytes)}, and maxTranscript allows ${formatSize(maxBytes)}`
  throw new GreenroomError('START_FAILED', `The conversation ${sessionId} is too large to be resumed: ${sizes}. Raise maxTranscript, or use another key`)
}

/** Bytes; `undefined` when there is none. */
function transcriptSize(sessionId: string, spec: SpawnSpec): number | undefined {
  const environment = childEnvironment(spec)
  const config = environment['CLAUDE_CONFIG_DIR'] ?? join(environment['HOME'] ?? homedir(), '.claude')
  for (const project of foldersIn(join(config, 'projects'))) {
    const stat = statSync(join(config, 'projects', project, `${sessionId}.jsonl`), { throwIfNoEntry: false })
    if (stat) return stat.size
  }
  return undefined
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    // No conversation was ever kept there. One that should be is missed by the program, which says so.
    return []
  }
}
