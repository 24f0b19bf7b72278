import { basename, dirname, join } from 'node:path';

/** A file beside the output, and of no other output: `out.dead-letter.jsonl` beside `out.jsonl`, and
 * `out.csv.dead-letter.jsonl` beside `out.csv`. */
export function deadLetterPath(path: string): string {
  const name = basename(path);
  if (name.endsWith('.jsonl')) return join(dirname(path), `${name.slice(0, -6)}.dead-letter.jsonl`);
  return join(dirname(path), `${name}${name.includes('.') ? '.' : '-'}dead-letter.jsonl`);
}
