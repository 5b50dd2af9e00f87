import { GreenroomError, type z } from '../contracts/index.ts'
import { didYouMean } from './did-you-mean.ts'

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** Where, as one would write it: `size.max`, `limits.memory.soft`. Empty for the whole. */
  readonly path: string
  readonly message: string
}

/** The part of a schema's definition that says which fields it knows. */
interface SchemaShape {
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly innerType?: z.ZodType
  readonly in?: z.ZodType
  readonly options?: readonly z.ZodType[]
  readonly element?: z.ZodType
  readonly valueType?: z.ZodType
}

/** What was checked, and where in the configuration it is. */
interface Subject {
  readonly schema: z.ZodType
  readonly value: unknown
  readonly base: Path
  readonly otherFields: readonly string[]
}

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/**
 * Checks `value`; adds what is wrong to `problems`. Returns what the schema made of it, `undefined` when something is wrong.
 * @param otherFields Fields that are checked elsewhere but belong to the same object for whoever wrote it.
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  path: Path,
  problems: ConfigProblem[],
  otherFields: readonly string[] = [],
): z.output<Schema> | undefined {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  for (const issue of result.error.issues) problems.push(...problemsOf(issue, { schema, value, base: path, otherFields }))
  return undefined
}

/** `The …: unknown. Did you mean …? Known: …`, for a name that is none of the known. */
export function unknownName(what: string, name: string, known: readonly string[]): string {
  const near = didYouMean(name, known)
  return `unknown ${what} "${name}"${near === undefined ? '.' : `, did you mean "${near}"?`} Known: ${known.join(', ') || 'none'}`
}

/** One GreenroomError `CONFIG_INVALID` with a line for every problem; they are its `details` as well. */
export function configError(problems: readonly ConfigProblem[], cause?: unknown): GreenroomError {
  const lines = problems.map(({ path, message }) => (path === '' ? `  - ${message}` : `  - ${path}: ${message}`))
  const head = problems.length === 1 ? 'The configuration has a problem' : `The configuration has ${problems.length} problems`
  return new GreenroomError('CONFIG_INVALID', `${head}:\n${lines.join('\n')}`, { details: problems, ...(cause !== undefined && { cause }) })
}

/** `['limits', 'memory', 0]` → `'limits.memory[0]'` */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}${text && '.'}${String(part)}`), '')
}

function problemsOf(issue: Issue, subject: Subject): ConfigProblem[] {
  const fullPath = [...subject.base, ...issue.path]
  const path = pathText(fullPath)
  const given = valueAt(subject.value, issue.path)
  if (issue.code === 'unrecognized_keys') {
    const known = [...fieldsAt(subject.schema, issue.path), ...(issue.path.length === 0 ? subject.otherFields : [])]
    return issue.keys.map((key) => ({ path: pathText([...fullPath, key]), message: unknownName('option', key, known) }))
  }
  if (issue.code === 'invalid_union') return unionProblems(issue, subject)
  if (given === undefined) return [{ path, message: `missing: ${plain(issue.message).replace(/, received undefined$/, '')}` }]
  if (issue.code === 'invalid_value' && typeof given === 'string' && issue.values.every((known) => typeof known === 'string')) {
    return [{ path, message: unknownName('value', given, issue.values) }]
  }
  return [{ path, message: plain(issue.message) }]
}

/** Of a value that fits no branch, the problems of the branch it came nearest to: one that took its type. */
function unionProblems(issue: z.core.$ZodIssueInvalidUnion, subject: Subject): ConfigProblem[] {
  const near = issue.errors.find((errors) => errors.every(({ code, path }) => path.length > 0 || (code !== 'invalid_type' && code !== 'invalid_value')))
  const problems = (near ?? issue.errors.flat()).flatMap((inner) => problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, subject))
  if (near && near.length > 0) return problems
  const messages = [...new Set(problems.map(({ message }) => message))]
  return [{ path: pathText([...subject.base, ...issue.path]), message: messages.join(', or ') || plain(issue.message) }]
}

/** The names of the fields that a schema knows at `path`. */
function fieldsAt(schema: z.ZodType, path: Path): string[] {
  const definition = schema.def as SchemaShape
  const wrapped = definition.innerType ?? definition.in
  if (wrapped) return fieldsAt(wrapped, path)
  if (definition.options) return [...new Set(definition.options.flatMap((option) => fieldsAt(option, path)))]
  const [first, ...rest] = path
  if (first === undefined) return Object.keys(definition.shape ?? {})
  const below = definition.shape?.[String(first)] ?? definition.element ?? definition.valueType
  return below ? fieldsAt(below, rest) : []
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, part) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[part] : undefined), value)
}

function plain(message: string): string {
  return message.replace(/^Invalid (input|option): /, '')
}
