import 'reflect-metadata'
import { container as globalContainer, type DependencyContainer } from 'tsyringe'
import { GreenroomError, isGreenroomError, messageOf, type Token, type TokenValues } from '../contracts/index.ts'

/** What `provide` keeps of one container. */
interface Provided {
  readonly names: Set<string>
  /** The tokens being made just now, outermost first. */
  readonly making: Token<unknown>[]
}

const records = new WeakMap<DependencyContainer, Provided>()

/**
 * A container of its own for one pool. It has no parent: what is registered with tsyringe's global container, also by `@singleton()`
 * and `@scoped()`, is shared by every pool and so must not be found from here (INV 2).
 */
export function createContainer(): DependencyContainer {
  const Container = globalContainer.constructor as new () => DependencyContainer
  const container = new Container()
  records.set(container, { names: new Set(), making: [] })
  return container
}

/**
 * Registers a value that is made from others when it is first needed, once, and kept by `container`.
 * (tsyringe's own caches keep what the first child of a container was given.)
 * @throws GreenroomError `PLUGIN_INVALID` when the token is taken.
 */
export function provide<T, const D extends readonly Token<unknown>[]>(
  container: DependencyContainer,
  token: Token<T>,
  dependencies: D,
  factory: (...values: TokenValues<D>) => T,
): void {
  const name = nameOf(token)
  if (container.isRegistered(token)) {
    throw new GreenroomError('PLUGIN_INVALID', `"${name}" is provided already: use a token of your own, made with token('…')`)
  }
  const { names, making } = recordOf(container)
  names.add(name)
  let made: { readonly value: T } | undefined
  container.register<T>(token, {
    useFactory: () => {
      if (made) return made.value
      if (making.includes(token)) throw cycleOf(token, making)
      making.push(token)
      try {
        const values = dependencies.map((dependency) => resolve(container, dependency)) as TokenValues<D>
        made = { value: call(name, () => factory(...values)) }
        return made.value
      } finally {
        making.pop()
      }
    },
  })
}

/**
 * The value registered under `token`.
 * @throws GreenroomError `PLUGIN_INVALID` when there is none, or when it needs itself; `PLUGIN_FAILED` when its factory threw.
 */
export function resolve<T>(container: DependencyContainer, token: Token<T>): T {
  if (!container.isRegistered(token, true)) throw unknownOf(token, recordOf(container))
  try {
    return container.resolve<T>(token)
  } catch (error) {
    if (isGreenroomError(error)) throw error
    throw new GreenroomError('PLUGIN_INVALID', `"${nameOf(token)}" could not be made: ${messageOf(error)}`, { cause: error })
  }
}

function recordOf(container: DependencyContainer): Provided {
  let record = records.get(container)
  if (!record) records.set(container, (record = { names: new Set(), making: [] }))
  return record
}

function call<T>(name: string, factory: () => T): T {
  try {
    return factory()
  } catch (error) {
    if (isGreenroomError(error)) throw error
    throw new GreenroomError('PLUGIN_FAILED', `The factory of "${name}" threw: ${messageOf(error)}`, { cause: error })
  }
}

function cycleOf(token: Token<unknown>, making: readonly Token<unknown>[]): GreenroomError {
  const path = [...making.slice(making.indexOf(token)), token].map(nameOf).join(' → ')
  return new GreenroomError('PLUGIN_INVALID', `These values need each other: ${path}. Break the circle, for instance by handing over a function`)
}

function unknownOf(token: Token<unknown>, { names, making }: Provided): GreenroomError {
  const neededBy = making.length > 0 ? `, needed by ${making.map(nameOf).join(' → ')}` : ''
  const known = [...names].sort().join(', ') || 'nothing'
  return new GreenroomError(
    'PLUGIN_INVALID',
    `Nothing is provided under "${nameOf(token)}"${neededBy}. Provided: ${known}. Add the plugin that provides it, and name it in "requires"`,
  )
}

function nameOf(token: Token<unknown>): string {
  return (token as symbol).description ?? 'a token without a name'
}
