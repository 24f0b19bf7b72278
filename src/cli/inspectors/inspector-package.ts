/**
 * The package with the inspector's page. It is an optional install, in the project or beside this command, because it depends
 * on another version of XState.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InspectorMissingError } from '../../errors.js';
import { codeOf } from '../../platform/thrown.js';
import type { InspectorHost } from '../../sessions/inspector-host.js';

const NAME = '@xstate-pipeline/inspector';

/** The used part of the package. */
export interface InspectorPackage {
  serveInspector(host: InspectorHost, options: ServeOptions): Promise<Inspector>;
  exportHtml(host: InspectorHost, id: string): Promise<ExportedFile>;
}

export interface ServeOptions {
  readonly host?: string;
  readonly port?: number;
  readonly commands?: boolean;
  readonly session?: string | (() => string | undefined);
}

export interface Inspector {
  readonly url: string;
  readonly viewers: number;
  onViewers(listener: (viewers: number) => void): void;
  close(): Promise<void>;
}

export interface ExportedFile {
  readonly html: string;
  readonly records: number;
  readonly omitted?: string;
}

/** A server for another viewer. */
export interface Bridge extends Partial<Pick<Inspector, 'viewers' | 'onViewers'>> {
  readonly url: string;
  /** Also shows this actor. */
  follow(actor: object): void;
}

export type ServeBridge = (actor: object) => Promise<Bridge>;

/** @throws {InspectorMissingError} */
export function inspectorPackage(): Promise<InspectorPackage> {
  return load<InspectorPackage>(NAME, ['serveInspector', 'exportHtml']);
}

/** @throws {InspectorMissingError} */
export async function bridgePackage(kind: 'classic' | 'stately'): Promise<ServeBridge> {
  if (kind === 'classic')
    return (await load<{ serveClassic: ServeBridge }>(`${NAME}/classic`, ['serveClassic'])).serveClassic;
  return (await load<{ serveStately: ServeBridge }>(`${NAME}/stately`, ['serveStately'])).serveStately;
}

async function load<P extends object>(name: string, functions: readonly (keyof P)[]): Promise<P> {
  let loaded: Partial<P> | undefined;
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'project')).href]) {
    const path = find(name, from);
    if (path === undefined) continue;
    loaded = (await import(pathToFileURL(path).href)) as Partial<P>;
    break;
  }
  if (loaded === undefined) throw new InspectorMissingError(`npm install ${NAME}`);
  for (const each of functions)
    if (typeof loaded[each] !== 'function')
      throw new InspectorMissingError(`npm install ${NAME}@latest`, 'is of another version');
  return loaded as P;
}

function find(name: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(name);
  } catch (error) {
    if (['MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED'].includes(codeOf(error))) return undefined;
    throw error;
  }
}
