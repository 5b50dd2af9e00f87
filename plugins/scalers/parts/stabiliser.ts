import type { Clock, ScaleView } from 'greenroom/kit'
import { WindowMaximum } from './window-maximum.ts'

/**
 * Lets a pool grow at once, and shrink only to the most that was wanted within the window. Sessions that others have added (warm(), another
 * scaler before, a size set by hand) count as wanted when they come.
 */
export class Stabiliser {
  readonly #window: WindowMaximum
  #lastSize = 0

  constructor(clock: Clock, windowMs: number) {
    this.#window = new WindowMaximum(clock, windowMs)
  }

  /** What is to be there when so many are wanted now. */
  stabilise(wanted: number, { size }: ScaleView): number {
    this.#window.add(wanted)
    if (size > this.#lastSize && size > this.#window.value) this.#window.add(size)
    this.#lastSize = size
    return this.#window.value
  }
}
