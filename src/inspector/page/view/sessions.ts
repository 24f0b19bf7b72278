/** The list of sessions, filtered. Pure. */
import type { SessionSummary } from '../../host.js';

export interface SessionFilter {
  /** Empty: any. */
  readonly state: string;
  /** In the pipeline's name or the id. */
  readonly text: string;
}

export function filteredSessions(
  sessions: readonly SessionSummary[],
  { state, text }: SessionFilter,
): readonly SessionSummary[] {
  const words = text.trim().toLowerCase();
  return sessions.filter(
    (session) =>
      (state === '' || shownState(session) === state) &&
      (words === '' || `${session.pipeline} ${session.id}`.toLowerCase().includes(words)),
  );
}

/** A session is stored as running, and no process runs it: the process was killed. */
export function shownState({ state, live }: Pick<SessionSummary, 'state' | 'live'>): string {
  return !live && (state === 'EXECUTING' || state === 'INITIALIZING') ? 'KILLED' : state;
}

export const statesOf = (sessions: readonly SessionSummary[]): readonly string[] =>
  [...new Set(sessions.map(shownState))].sort();
