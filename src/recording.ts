/** `xstate-pipeline/recording`: recordings of runs as data: what writes one, what reads one, and the shape of every line. */

export type {
  ActorFrame,
  ActorRecord,
  ActorStatus,
  BeginRecord,
  DamagedRecord,
  DefinitionRecord,
  EndRecord,
  EventRecord,
  KeyframeRecord,
  MachineDefinition,
  RecordingRecord,
  RecordingSink,
  RecordType,
  Stamp as RecordStamp,
  StateDefinition,
  StateValue,
  StepRecord,
  TransitionDefinition,
} from './recording/format.js';
export { applyPatch, type Patch } from './recording/patch.js';
export { type FoundRecord, type Frame, type RecordFilter, RecordingReader } from './recording/reader.js';
export { type RecordableActor, Recorder, type RecorderOptions } from './recording/recorder.js';
export type {
  MomentKind as RecordingMarkKind,
  NotableMoment as RecordingMark,
  Point as RecordingPoint,
  RecordingSummary,
} from './recording/summary.js';
