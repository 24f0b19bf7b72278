/** The built page. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InspectorError } from '../errors.js';

export interface PageAssets {
  readonly js: string;
  readonly css: string;
  /** Version of this package. */
  readonly version: string;
}

/** @throws {InspectorError} NOT_BUILT */
export function pageAssets(): PageAssets {
  const manifest = createRequire(import.meta.url).resolve('@xstate-pipeline/inspector/package.json');
  const read = (path: string) => readFileSync(join(dirname(manifest), path), 'utf8');
  try {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    return { js: read('dist/page/page.js'), css: read('dist/page/page.css'), version };
  } catch (cause) {
    const message = 'The page of the inspector is not built. Run npm run build in the repository.';
    throw new InspectorError(message, 'NOT_BUILT', { cause });
  }
}
