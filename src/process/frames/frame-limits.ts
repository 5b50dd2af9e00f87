import { constants } from 'node:buffer'
import { GreenroomError } from '../../contracts/errors.ts'
import { formatSize } from '../../contracts/units.ts'

/** Bytes of the largest frame when nobody says otherwise: 64 MiB. */
export const DEFAULT_MAX_FRAME_BYTES = 64 * 2 ** 20

/** No frame can be larger than the largest string, because every frame becomes one. */
export function frameLimit(maxFrameBytes: number): number {
  return Math.min(maxFrameBytes, constants.MAX_STRING_LENGTH)
}

export function frameTooLarge(limit: number, what: string): GreenroomError {
  const advice = "raise the driver's maxFrame, or make it send less"
  return new GreenroomError('FRAME_TOO_LARGE', `The program sent ${what}, longer than the ${formatSize(limit)} allowed: ${advice}`)
}
