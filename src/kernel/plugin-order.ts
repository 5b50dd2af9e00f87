import { GreenroomError, type Plugin } from '../contracts/index.ts'

/**
 * The plugins, each after those it requires, else in the order given.
 * @throws GreenroomError `PLUGIN_INVALID` for a malformed plugin, one used twice, a missing requirement or a circle of them.
 */
export function orderPlugins(plugins: readonly unknown[], applied: ReadonlySet<string> = new Set()): Plugin[] {
  const byName = new Map<string, Plugin>()
  plugins.forEach((plugin, index) => {
    checkPlugin(plugin, index)
    if (byName.has(plugin.name) || applied.has(plugin.name)) {
      throw invalid(`The plugin "${plugin.name}" is used twice: list it once, or give the other one another name`)
    }
    byName.set(plugin.name, plugin)
  })

  const ordered = new Set<Plugin>()
  const path: string[] = []
  const visit = (plugin: Plugin): void => {
    if (ordered.has(plugin)) return
    if (path.includes(plugin.name)) {
      throw invalid(`These plugins require each other: ${[...path.slice(path.indexOf(plugin.name)), plugin.name].join(' → ')}`)
    }
    path.push(plugin.name)
    for (const required of plugin.requires ?? []) {
      const other = byName.get(required)
      if (other) visit(other)
      else if (!applied.has(required)) throw missing(plugin, required, [...applied, ...byName.keys()])
    }
    path.pop()
    ordered.add(plugin)
  }
  for (const plugin of byName.values()) visit(plugin)
  return [...ordered]
}

function checkPlugin(plugin: unknown, index: number): asserts plugin is Plugin {
  const fault = faultOf(plugin)
  if (fault === undefined) return
  const name = typeof plugin === 'object' && plugin !== null && 'name' in plugin && typeof plugin.name === 'string' ? ` ("${plugin.name}")` : ''
  throw invalid(`plugins[${index}]${name} is not a plugin: ${fault}. Make it with definePlugin({ name, apply(kernel) { … } })`)
}

function faultOf(plugin: unknown): string | undefined {
  if (typeof plugin === 'function') return 'it is a function; was it meant to be called?'
  if (typeof plugin !== 'object' || plugin === null) return `it is ${plugin === null ? 'null' : `of type ${typeof plugin}`}`
  const { name, requires, apply } = plugin as Partial<Record<keyof Plugin, unknown>>
  if (typeof name !== 'string' || name === '') return 'its name must be a text that is not empty'
  if (typeof apply !== 'function') return 'it has no function "apply"'
  const isList = requires === undefined || (Array.isArray(requires) && requires.every((other) => typeof other === 'string'))
  return isList ? undefined : '"requires" must be a list of plugin names'
}

function missing(plugin: Plugin, required: string, known: readonly string[]): GreenroomError {
  return invalid(`The plugin "${plugin.name}" requires "${required}", which is not there: add it to "plugins". There are: ${known.join(', ')}`)
}

function invalid(message: string): GreenroomError {
  return new GreenroomError('PLUGIN_INVALID', message)
}
