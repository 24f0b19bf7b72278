/** The corpus as tests read it: one folder a version and run. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const home = fileURLToPath(new URL('versions/', import.meta.url));

export interface KeptRun {
  readonly version: string;
  readonly name: string;
  readonly folder: string;
}

export const keptRuns: readonly KeptRun[] = folders(home).flatMap((version) =>
  folders(join(home, version)).map((name) => ({ version, name, folder: join(home, version, name) })),
);

/** Files below a folder, by relative path. */
export function filesIn(folder: string): Record<string, Uint8Array> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    names.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1).replaceAll('\\', '/'), readFileSync(path)];
    }),
  );
}

function folders(path: string): string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}
