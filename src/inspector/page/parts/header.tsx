/** The open session, its state, and its commands. */
import type { SessionCommand } from '../../host.js';
import type { Session } from '../session.js';
import { theme, toggleTheme } from '../theme.js';
import { commandButtons } from '../view/commands.js';
import { shortId } from '../view/format.js';
import { executorMetrics } from '../view/lanes.js';
import { shownState } from '../view/sessions.js';
import { Icon } from './icon.js';

interface Props {
  readonly session: Session | null;
  readonly note: string | undefined;
  readonly command: (command: SessionCommand) => void;
  readonly sessions: (() => void) | undefined;
  readonly help: () => void;
}

export function Header({ session, note, command, sessions, help }: Props) {
  return (
    <header class="bar">
      <h1>
        <Mark />
        <span>Pipeline inspector</span>
      </h1>
      {session !== null && <Title session={session} note={note} />}
      <span class="spring" />
      {session !== null && <Commands session={session} command={command} />}
      <span class="tools">
        {sessions !== undefined && (
          <button type="button" class="plain" title="Sessions (S)" onClick={sessions}>
            <Icon name="list" />
            <span>Sessions</span>
          </button>
        )}
        <button
          type="button"
          class="plain"
          aria-label={theme.value === 'dark' ? 'Light colours' : 'Dark colours'}
          title="Light or dark (T)"
          onClick={toggleTheme}
        >
          <Icon name="theme" />
        </button>
        <button type="button" class="plain" aria-label="Keys" title="Keys (?)" onClick={help}>
          <Icon name="help" />
        </button>
      </span>
    </header>
  );
}

function Mark() {
  return (
    <svg class="logo" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <rect x="1" y="6" width="7" height="8" rx="2.5" />
      <rect x="12" y="6" width="7" height="8" rx="2.5" class="lit" />
      <path d="M8 10h3" />
    </svg>
  );
}

function Title({ session, note }: { readonly session: Session; readonly note: string | undefined }) {
  const { pipeline, sessionId } = session.summary.value;
  const frame = session.latest.value;
  const live = session.live.value;
  const isLost = session.isLost.value;
  const state = frame === null ? '' : shownState({ state: executorMetrics(frame).state, live });
  return (
    <div class="title">
      <b>{pipeline}</b>
      <code title={sessionId}>{shortId(sessionId)}</code>
      <span class={`chip ${isLost || state === '' ? '' : state}`} aria-live="polite" hidden={state === ''}>
        {live && !isLost && <i class="pulse" />}
        {isLost ? `${state} when last seen` : state}
      </span>
      {note !== undefined && <small>{note}</small>}
    </div>
  );
}

interface CommandProps {
  readonly session: Session;
  readonly command: (command: SessionCommand) => void;
}

function Commands({ session, command }: CommandProps) {
  const frame = session.latest.value;
  if (frame?.actors.executor === undefined) return null;
  const chart = session.charts.value[frame.actors.executor?.definition ?? ''];
  const commandable = session.feed.command !== undefined && !session.isLost.value;
  const buttons = commandButtons(chart, {
    metrics: executorMetrics(frame),
    live: session.live.value,
    commandable,
    canResume: session.canResume.value,
  });
  return (
    <div class="commands" role="toolbar" aria-label="Commands to the run">
      {buttons.map((each) => (
        <button
          key={each.command}
          type="button"
          class={`command ${each.command}`}
          aria-disabled={!each.enabled}
          title={each.title}
          onClick={() => each.enabled && command(each.command)}
        >
          <Icon name={each.command} />
          <span>{each.command}</span>
        </button>
      ))}
    </div>
  );
}
