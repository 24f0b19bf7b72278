/**
 * What compiles and what does not, for stages. `tsc -p test/tsconfig.json` checks it; nothing here is run.
 *
 * - Row types follow from functions and schemas; a type guard narrows them.
 * - A stage takes rows with more fields than it needs, and refuses rows with fewer.
 */
import { type } from 'arktype';
import * as v from 'valibot';
import * as z from 'zod';
import { defineStage, filter, flatMap, map } from '../../src/stages/define.js';
import type { AnyStage, RowIn, RowOut, Stage } from '../../src/stages/stage.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles where the stage's rows are exactly these. */
declare function rowsAre<In, Out>(): <S extends AnyStage>(
  stage: S &
    (Same<RowIn<S>, In> extends true ? unknown : never) &
    (Same<RowOut<S>, Out> extends true ? unknown : never),
) => void;

interface Review {
  readonly text: string;
  readonly stars: number | null;
}
interface Rated extends Review {
  readonly stars: number;
}

// Types from functions.
rowsAre<Review, string>()(map('m', (row: Review) => row.text));
rowsAre<Review, string>()(map('m', async (row: Review) => row.text));
rowsAre<Review, Review>()(filter('f', (row: Review) => row.text !== ''));
rowsAre<Review, Review>()(filter('f', async (row: Review) => row.text !== ''));
rowsAre<Review, Rated>()(filter('f', (row: Review): row is Rated => row.stars !== null));
rowsAre<string | null, string>()(filter('f', (row: string | null) => row !== null));
rowsAre<Review, string>()(flatMap('fm', (row: Review) => row.text.split(' ')));
rowsAre<Review, string>()(flatMap('fm', async (row: Review) => row.text.split(' ')));
rowsAre<Review, number>()(
  defineStage({ name: 's', process: (rows: Review[]) => rows.map((row) => row.text.length) }),
);
rowsAre<Review, number>()(
  defineStage({
    name: 's',
    durable: true,
    process: async (rows: Review[], { signal }) => [signal.aborted ? 1 : rows.length],
  }),
);
rowsAre<Review, string>()(
  map<Review, string>('m', (row) => row.text, { onError: 'skip', rowConcurrency: 4 }),
);
// @ts-expect-error: rowsAre distinguishes types
rowsAre<Review, number>()(map('m', (row: Review) => row.text));

// Types from schemas: the stage takes the schema's input, the function gets the schema's output.
const zod = z.object({ n: z.string().transform(Number) });
const valibot = v.object({ n: v.pipe(v.string(), v.transform(Number)) });
const ark = type({ n: 'string.numeric.parse' });
rowsAre<{ n: string }, number>()(map('m', (row) => row.n, { input: zod }));
rowsAre<{ n: string }, number>()(map('m', (row) => row.n, { input: valibot }));
rowsAre<{ n: string }, number>()(map('m', (row) => row.n, { input: ark }));
rowsAre<{ n: string }, { n: number }>()(filter('f', (row) => row.n.toFixed() === '1', { input: zod }));
rowsAre<{ n: string }, number>()(flatMap('fm', (row) => [row.n], { input: zod }));
rowsAre<{ n: string }, { n: number }>()(defineStage({ name: 's', input: zod, process: (rows) => rows }));
rowsAre<number, { n: number }>()(map('m', (row: number) => ({ n: String(row) }), { output: zod }));
rowsAre<{ n: string }, { n: number }>()(
  defineStage({
    name: 's',
    input: zod,
    output: zod,
    process: async (rows) => rows.map(({ n }) => ({ n: n.toFixed() })),
  }),
);
rowsAre<Review, 'good' | 'bad'>()(
  map('m', (row: Review) => (row.stars === 5 ? 'good' : 'bad'), { output: z.enum(['good', 'bad']) }),
);

// @ts-expect-error: the schema makes n a number
map('m', (row) => row.n.trim(), { input: zod });
// @ts-expect-error: the function needs another type than the schema's output
map('m', (row: { n: boolean }) => row.n, { input: zod });
// @ts-expect-error: the function returns another type than the output schema's input
map('m', (row: number) => ({ n: row }), { output: zod });
// @ts-expect-error: the same in a batch stage
defineStage({ name: 's', output: zod, process: (rows: number[]) => rows });
// @ts-expect-error: a batch stage returns rows
defineStage({ name: 's', process: (rows: number[]) => rows.length });
// @ts-expect-error: flatMap returns an array
flatMap('fm', (row: number) => row);
// @ts-expect-error: a predicate returns a boolean
filter('f', (row: Review) => row.text);

// Options.
// @ts-expect-error: a misspelt option
map('m', (row: number) => row, { concurency: 4 });
// @ts-expect-error: rowConcurrency belongs to row stages
defineStage({ name: 's', rowConcurrency: 4, process: (rows: number[]) => rows });
// @ts-expect-error: not one of the three
map('m', (row: number) => row, { onError: 'ignore' });

// Stage to stage: like pipe(), `after` takes a stage that fits rows of type Row.
declare function after<Row>(): <O>(stage: Stage<Row, O>) => O;
after<Review>()(map('m', (row: { readonly text: string }) => row.text)) satisfies string;
after<Review>()(defineStage({ name: 's', process: (rows: { readonly text: string }[]) => rows }));
after<{ n: string }>()(map('m', (row) => row.n, { input: zod })) satisfies number;
after<{ n: string; more: boolean }>()(defineStage({ name: 's', input: zod, process: (rows) => rows }));
after<Rated>()(map('m', (row: Review) => row.text));
after<string>()(filter('f', (row: unknown) => row !== ''));
// In a pipe, the function's parameter type is inferred.
after<Review>()(map('m', (row) => row.text)) satisfies string;
after<Review>()(filter('f', (row) => row.text !== '')) satisfies Review;
after<Review>()(flatMap('m', (row) => row.text.split(' '))) satisfies string;
after<Review>()(defineStage({ name: 's', process: (rows) => rows.map((row) => row.text) })) satisfies string;
// @ts-expect-error: the inferred type has no title
after<Review>()(map('m', (row) => row.title));
// @ts-expect-error: stars may be null
after<Review>()(map('m', (row: Rated) => row.stars));
// @ts-expect-error: no text
after<{ readonly stars: number }>()(defineStage({ name: 's', process: (rows: Review[]) => rows }));
// @ts-expect-error: the schema takes a text
after<{ n: number }>()(map('m', (row) => row.n, { input: zod }));

// A declared type does not override the function's.
// @ts-expect-error: numbers, not texts
const wrongOut: Stage<Review, string> = map('m', (row: Review) => row.text.length);
// @ts-expect-error: needs stars
const wrongIn: Stage<Review, number> = defineStage({
  name: 's',
  process: (rows: Rated[]) => rows.map((row) => row.stars),
});
void [wrongOut, wrongIn];

const stages: readonly AnyStage[] = [
  map('m', (row: Review) => row.text),
  defineStage({ name: 's', input: zod, process: (rows) => rows }),
];
void stages;
