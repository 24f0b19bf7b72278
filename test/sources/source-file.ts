/** One file in a fresh folder, for the tests of what reads files; and what is malformed in it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MalformedRowError } from '../../src/errors.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import type { OpenSource } from '../../src/sources/source.js';
import { contextOf } from '../../src/testing/contracts/source.js';
import { freshFolder } from '../support/folders.js';
import { atTestEnd } from '../support/test-end.js';

export const context = contextOf(nodeFileSystem);

let fresh: string | undefined;

/** The folder of this test. */
export function folder(): string {
  if (fresh === undefined) {
    fresh = freshFolder();
    atTestEnd(() => {
      fresh = undefined;
    });
  }
  return fresh;
}

/** @returns the path of a file in it that holds this. */
export async function file(text: string | Uint8Array): Promise<string> {
  const path = join(folder(), 'in');
  await writeFile(path, text);
  return path;
}

/** Reads all and closes. */
export async function malformedOf(source: OpenSource<unknown>): Promise<MalformedRowError[]> {
  const errors: MalformedRowError[] = [];
  for (;;) {
    const batch = await source.read(2, 1_000_000);
    if (batch === undefined) break;
    batch.decode(
      () => {},
      (error) => errors.push(error),
    );
  }
  await source.close();
  return errors;
}
