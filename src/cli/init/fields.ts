/** A field of a config file: what it says and what it means. */
export interface Field {
  readonly name: string
  /** A list of fields is an object. `undefined`: shown as a comment only, for what has no value by default. */
  readonly value: Value | readonly Field[] | undefined
  /** What the field means, its unit and its default. */
  readonly comment: string
  /** What is shown of a field without a value. */
  readonly example?: string
}

export type Value = string | number | boolean | readonly string[]

export function isFields(value: Field['value']): value is readonly Field[] {
  return Array.isArray(value) && value.length > 0 && typeof value[0] === 'object'
}
