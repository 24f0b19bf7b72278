/** Folders of one test, removed at its end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atTestEnd } from './test-end.js';

export function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'xstate-pipeline-test-'));
  atTestEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
