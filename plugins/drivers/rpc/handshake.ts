import { GreenroomError, isGreenroomError } from 'greenroom/kit'
import type { Params, RpcConnection } from './connection.ts'

/**
 * Sends the request that begins a session and resolves to its result.
 * @throws GreenroomError `START_FAILED` when the program answers with an error.
 */
export async function shakeHands(connection: RpcConnection, method: string, params: Params, signal: AbortSignal): Promise<unknown> {
  try {
    return await connection.call(method, params, signal)
  } catch (error) {
    if (!isGreenroomError(error, 'REQUEST_FAILED')) throw error
    throw new GreenroomError('START_FAILED', `The program refused to begin: ${error.message}`, { cause: error, details: error.details })
  }
}
