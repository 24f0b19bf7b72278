/** Labels reviews through a service that charges per batch. The tests beside it need neither the service nor a disk. */
import { defineStage, map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

export interface Review {
  readonly id: number;
  readonly text: string;
}

const tidy = map('tidy', (review: Review) => ({ ...review, text: review.text.trim() }));

const classify = defineStage({
  name: 'classify',
  durable: true, // paid once, also after a crash
  concurrency: 2,
  retry: { attempts: 3, initialDelayMs: 500 },
  process: async (reviews: Review[]) =>
    reviews.map((review) => ({ ...review, label: review.text.includes('!') ? 'loud' : 'calm' })),
});

export default pipeline('reviews', { batchSize: 2, checkpointInterval: 4 })
  .from(jsonl<Review>('reviews.jsonl'))
  .pipe(tidy)
  .pipe(classify)
  .to(jsonl('labelled.jsonl'));
