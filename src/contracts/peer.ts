import { GreenroomError } from './errors.ts'

/**
 * Loads an optional package for a plugin that needs it: `loadPeer('libsql', 'the store sqlite', () => import('libsql'))`.
 * @throws GreenroomError `PEER_MISSING`, with the command that installs it, when it is not there.
 */
export async function loadPeer<T>(name: string, neededBy: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (problem) {
    if (!isMissing(problem, name)) throw problem
    throw new GreenroomError('PEER_MISSING', `${neededBy} needs the package ${name}: npm install ${name}`, { cause: problem })
  }
}

/** Only when it is the package itself that is not found, not something that it imports. */
function isMissing(problem: unknown, name: string): boolean {
  if (!(problem instanceof Error) || !('code' in problem)) return false
  const notFound = problem.code === 'ERR_MODULE_NOT_FOUND' || problem.code === 'MODULE_NOT_FOUND'
  return notFound && (problem.message.includes(`'${name}'`) || problem.message.includes(`"${name}"`))
}
