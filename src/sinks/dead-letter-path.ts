import { basename, dirname, extname, join } from 'node:path';

/** `out.csv` → `out.dead-letter.jsonl`, beside it. */
export function deadLetterPath(path: string): string {
  return join(dirname(path), `${basename(path, extname(path))}.dead-letter.jsonl`);
}
