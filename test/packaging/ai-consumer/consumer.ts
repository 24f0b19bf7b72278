/** A program that asks a language model about rows, and checks its types. It prints one line of JSON. */
import { MockLanguageModelV3 } from 'ai/test';
import { collect, pipeline, rows } from 'xstate-pipeline';
import { llm } from 'xstate-pipeline/ai';
import { z } from 'zod';

interface Review {
  readonly text: string;
}

const answer = (prompt: string): string => {
  const items = JSON.parse(prompt) as { id: string; text: string }[];
  return JSON.stringify({ answers: items.map(({ id, text }) => ({ id, answer: { mood: text } })) });
};
const model = new MockLanguageModelV3({
  doGenerate: async ({ prompt }) => {
    const [part] = prompt.find(({ role }) => role === 'user')?.content ?? [];
    return {
      content: [{ type: 'text', text: answer(typeof part === 'object' && 'text' in part ? part.text : '') }],
      finishReason: { unified: 'stop', raw: undefined },
      usage: {
        inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
        outputTokens: { total: 1, text: 1, reasoning: 0 },
      },
      warnings: [],
    };
  },
});

const options = {
  name: 'mood',
  model,
  prompt: (review: Review) => review.text,
  output: z.object({ mood: z.enum(['good', 'bad']) }),
};
const mood = llm(options);
const result = await pipeline('moods')
  .from(rows<Review>([{ text: 'good' }]))
  .pipe(mood)
  .to(collect<{ text: string; mood: 'good' | 'bad' }>())
  .run();
console.log(JSON.stringify(await result.data.toArray()));

// @ts-expect-error there is no such mood
llm({ ...options, merge: (review: Review, answer) => answer.mood === 'mixed' && review });
const numbers = pipeline('misfit').from(rows([1]));
// @ts-expect-error rows with a text are expected, numbers come
export const misfit = () => numbers.pipe(mood);
