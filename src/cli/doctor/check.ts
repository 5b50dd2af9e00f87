/** `fail`: greenroom or this pool cannot work. `note`: it works, with something less. */
export interface Check {
  readonly name: string
  readonly status: 'ok' | 'note' | 'fail'
  readonly message: string
  /** What to do about it. */
  readonly advice?: string
}

export function ok(name: string, message: string): Check {
  return { name, status: 'ok', message }
}

export function note(name: string, message: string, advice: string): Check {
  return { name, status: 'note', message, advice }
}

export function fail(name: string, message: string, advice: string): Check {
  return { name, status: 'fail', message, advice }
}
