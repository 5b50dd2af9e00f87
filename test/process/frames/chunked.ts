import fc from 'fast-check'

/** Where to cut, as shares of the whole. */
export const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 })

/** Cuts bytes into chunks at these shares of their length; two cuts at one place give an empty chunk. */
export function chunked(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = at.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b)
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length))
}
