/** The part of an executor that its viewers need; a `PipelineExecutor` has it. */
import type { Observable } from 'rxjs';
import type { PipelineEvent } from '../observers/events.js';
import type { Progress } from '../observers/progress/progress.js';

export interface ObservedRun {
  readonly events$: Observable<PipelineEvent>;
  readonly progress$: Observable<Progress>;
}
