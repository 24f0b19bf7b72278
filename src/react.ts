/** `xstate-pipeline/react`: hooks for React 18 and later. */

export { type UseEventsOptions, useEvents } from './react/use-events.js';
export {
  type PipelineHandle,
  type RunnablePipeline,
  type UsePipelineOptions,
  usePipeline,
} from './react/use-pipeline.js';
export { useProgress } from './react/use-progress.js';
export {
  type RemoteProgress,
  type RemoteProgressOptions,
  useRemoteProgress,
} from './react/use-remote-progress.js';
