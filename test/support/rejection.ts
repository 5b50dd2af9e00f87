import { type GreenroomError, isGreenroomError } from '../../src/contracts/index.ts'

/** The GreenroomError that `work` throws or rejects with; fails when it does not. */
export async function greenroomErrorOf(work: () => unknown): Promise<GreenroomError> {
  try {
    await work()
  } catch (error) {
    if (isGreenroomError(error)) return error
    throw error
  }
  throw new Error('expected a GreenroomError, and nothing was thrown')
}
