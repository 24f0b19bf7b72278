/** Types of the recording that the page uses. */
export type { RecordingRecord, StateValue } from '../../recording/format.js';
export type { FoundRecord, Frame, RecordFilter } from '../../recording/reader.js';
export type { MomentKind, NotableMoment, Point } from '../../recording/summary.js';
