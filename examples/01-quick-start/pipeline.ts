import { filter, map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

type Review = { id: number; stars: number; text: string };

export default pipeline('reviews')
  .from(jsonl<Review>(new URL('in.jsonl', import.meta.url)))
  .pipe(map('tidy', (review) => ({ ...review, text: review.text.trim().replace(/\s+/g, ' ') })))
  .pipe(filter('rated', (review) => review.stars > 0))
  .to(jsonl(new URL('../../out/quick-start/reviews.jsonl', import.meta.url)));
