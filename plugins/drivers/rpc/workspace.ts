import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { GreenroomError, openTenantFolders, type Binding, type TenantFolders } from 'greenroom/kit'

/** The options that say on which folder a session works. */
export interface WorkspaceOptions {
  /** A path; `{tenant}` and `{key}` stand for those of the session. */
  readonly workspace?: string | undefined
  readonly folders?: TenantFolders | undefined
}

/** A folder as language servers have it. */
export interface WorkspaceFolder {
  readonly uri: string
  readonly name: string
}

const PLACE = /\{(tenant|key)\}/g

/** True when the folder is known only when the session's tenant, or key, is. */
export function dependsOnBinding({ workspace, folders }: WorkspaceOptions): boolean {
  return workspace === undefined ? folders !== undefined : workspace.search(PLACE) !== -1
}

/**
 * The absolute path of the folder; `undefined` when the options name none. The tenant's own folder is made when it is not there.
 * @throws GreenroomError `ARGUMENT_INVALID` when the tenant or key is no name of a folder.
 */
export function workspaceOf({ workspace, folders }: WorkspaceOptions, binding?: Binding): string | undefined {
  if (workspace === undefined) return folders && binding && openTenantFolders(folders, binding.tenant).cwd
  return resolve(workspace.replaceAll(PLACE, (_place, name: 'tenant' | 'key') => segment(name, binding?.[name])))
}

export function folderOf(path: string): WorkspaceFolder {
  return { uri: pathToFileURL(path).href, name: basename(path) }
}

/** INV 2: a name that leads to another tenant's folder is refused, not mended. */
function segment(name: string, value: string | undefined): string {
  if (value !== undefined && value !== '' && value !== '.' && value !== '..' && !/[\\/\0]/.test(value)) return value
  const what = value === undefined ? `there is no ${name}` : `the ${name} ${JSON.stringify(value)} is no name of a folder`
  throw new GreenroomError('ARGUMENT_INVALID', `The driver's option workspace has {${name}}, but ${what}: give one without slashes`)
}
