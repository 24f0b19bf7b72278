/** The recording's words, as the page uses them. */
export type { RecordingRecord, StateValue } from '../../recording/format.js';
export type { FoundRecord, Frame, RecordFilter } from '../../recording/reader.js';
export type { Mark, MarkKind, Point } from '../../recording/summary.js';
