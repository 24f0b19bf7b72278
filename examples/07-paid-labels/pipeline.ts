/**
 * Labels 3,200 films by a language model that charges, limits and fails, under a budget of half a dollar, which is not enough.
 * `LABELS_URL` is where the model's server listens; main.mjs starts it.
 */
import { readFileSync } from 'node:fs';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { limiter, pipeline, rows } from 'xstate-pipeline';
import { llm } from 'xstate-pipeline/ai';
import { jsonl } from 'xstate-pipeline/node';
import { z } from 'zod';

interface Film {
  readonly title: string;
  readonly released: string;
  readonly director: string | null;
}

const data = new URL('../../node_modules/vega-datasets/data/movies.json', import.meta.url);
const films: Film[] = (JSON.parse(readFileSync(data, 'utf8')) as Record<string, string | null>[])
  .filter((film) => film.Title != null)
  .map((film) => ({
    title: String(film.Title),
    released: String(film['Release Date']),
    director: film.Director ?? null,
  }));

const provider = createOpenAICompatible({
  name: 'local',
  baseURL: `${process.env.LABELS_URL ?? 'http://127.0.0.1:8807'}/v1`,
  apiKey: process.env.LABELS_KEY ?? 'key',
  supportsStructuredOutputs: true,
});

const label = llm({
  name: 'label',
  model: provider('small'),
  instructions: 'Guess for whom each film was made, and its mood.',
  prompt: ({ title, released, director }: Film) =>
    `${title}, ${released}, directed by ${director ?? 'unknown'}`,
  output: z.object({
    audience: z.enum(['children', 'families', 'teenagers', 'adults']),
    mood: z.enum(['funny', 'sad', 'tense', 'scary']),
  }),
  rowsPerCall: 20,
  concurrency: 8,
  limit: limiter('model', { requests: { limit: 3_000, perMs: 60_000 } }),
  retry: { attempts: 6, initialDelayMs: 100 },
  timeoutMs: 10_000,
  price: { usdPerMillionInputTokens: 3, usdPerMillionOutputTokens: 15 },
});

export default pipeline('paid-labels', {
  batchSize: 100,
  budget: { usd: Number(process.env.LABELS_USD ?? 0.5) },
})
  .from(rows(films))
  .pipe(label)
  .to(jsonl(new URL('../../out/paid-labels/labels.jsonl', import.meta.url)));
