/**
 * What compiles and what does not, for files and schemas. `tsc -p test/tsconfig.json` checks it; nothing here is run.
 *
 * - A CSV row is text by column, and its columns are unknown.
 * - A type names the columns, ideally the schema of the stage that checks them.
 */
import { collect, map, pipeline } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
import * as z from 'zod';

const Review = z.object({ title: z.string(), stars: z.coerce.number() });
const better = map('better', (row) => ({ ...row, stars: row.stars + 1 }), { input: Review });

const unnamed = pipeline('p').from(csv('in.csv'));
const named = pipeline('p').from(csv<z.input<typeof Review>>('in.csv'));
const misnamed = pipeline('p').from(csv<{ title: string }>('in.csv'));

named.pipe(better).to(collect<z.output<typeof Review>>());
unnamed.pipe(map('columns', ({ title = '', stars }) => ({ title, stars }))).pipe(better);
// @ts-expect-error: no type says that there is a title.
unnamed.pipe(better);
// @ts-expect-error: there are no stars.
misnamed.pipe(better);
// @ts-expect-error: text where the stage takes a number.
named.pipe(map('half', ({ title }: { title: number }) => title / 2));

// A list is a source, and no sink; a stage may ask for the file of its rows.
pipeline('many')
  .from(jsonl<{ n: number }>(['a.jsonl', 'b.jsonl']))
  .pipe(map('file', (row, { batch }) => ({ ...row, file: batch.file })));
pipeline('many').from(csv('logs/*.csv')).to(csv('out.csv'));
// @ts-expect-error: nothing says that the source is a file.
map('file', (row: object, { batch }) => ({ ...row, file: batch.file.length }));

// The key gets rows of the type that is written.
pipeline('split')
  .from(jsonl<{ n: number; country: string }>('in.jsonl'))
  .to(jsonl('out/{key}.jsonl', { key: (row) => row.country }));
// @ts-expect-error: there is no such column.
jsonl<{ n: number }>('out/{key}.jsonl', { key: (row) => row.country });
