/** The page: a session or the list of sessions, and the dialogs above it. */
import { batch, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { SessionCommand } from '../host.js';
import type { Place } from './feed.js';
import { listenToKeys } from './keyboard.js';
import { Dialog } from './parts/dialog.js';
import { Header } from './parts/header.js';
import { Help } from './parts/help.js';
import { SessionView } from './parts/session-view.js';
import { Sessions } from './parts/sessions.js';
import { Player } from './player.js';
import { Selection } from './selection.js';
import { ALL_EVENTS, JOB_EVENTS, Session } from './session.js';
import { toggleTheme } from './theme.js';

/** The open dialog. */
export class Inspector {
  readonly session = signal<Session | null>(null);
  readonly player = signal<Player | null>(null);
  readonly selection = new Selection();
  readonly box = signal<'' | 'help' | 'sessions' | 'cancel'>('');
  /** For display: why nothing is shown. */
  readonly problem = signal('');

  constructor(readonly place: Place) {
    place.onLost((why) => {
      this.problem.value = why;
    });
  }

  /** @param at the record to show; undefined: the newest. */
  async open(id: string, at?: number): Promise<void> {
    this.box.value = '';
    try {
      const opened = await Session.open(await this.place.open(id));
      if (at !== undefined) opened.seek(at);
      this.player.value?.close();
      this.session.value?.close();
      batch(() => {
        this.problem.value = '';
        this.session.value = opened;
        this.player.value = new Player(opened);
      });
      document.title = `${opened.summary.value.pipeline} · pipeline inspector`;
    } catch (error) {
      this.problem.value = error instanceof Error ? error.message : String(error);
    }
  }

  /** `cancel` needs a confirmation: it stops the run at once. */
  readonly command = (command: SessionCommand): void => {
    if (command === 'cancel') this.box.value = 'cancel';
    else void this.session.value?.command(command);
  };
}

export function App({ inspector }: { readonly inspector: Inspector }) {
  const { place, box } = inspector;
  const session = inspector.session.value;
  const player = inspector.player.value;
  const close = () => {
    box.value = '';
  };
  useEffect(
    () =>
      listenToKeys({
        step: (way) => {
          const session = inspector.session.value;
          const isAll = inspector.selection.steps.value || session?.summary.value.stages.length === 0;
          void session?.step(way, isAll ? ALL_EVENTS : JOB_EVENTS);
        },
        jump: (way) => inspector.session.value?.jump(way),
        start: () => inspector.session.value?.seek(0),
        end: () => inspector.session.value?.follow(),
        toggle: () => inspector.player.value?.toggle(),
        follow: () => inspector.session.value?.follow(),
        search: () => {
          inspector.selection.tab.value = 'Events';
          requestAnimationFrame(() => document.getElementById('log-text')?.focus());
        },
        sessions: () => {
          if (place.sessions !== undefined) box.value = 'sessions';
        },
        theme: toggleTheme,
        help: () => {
          box.value = 'help';
        },
      }),
    [inspector],
  );
  const choose = (id: string) => void inspector.open(id);
  const sessions = place.sessions === undefined ? undefined : () => (box.value = 'sessions');
  return (
    <>
      <Header
        session={session}
        note={place.note}
        command={inspector.command}
        sessions={session === null ? undefined : sessions}
        help={() => (box.value = 'help')}
      />
      <p class="message" role="status">
        {inspector.problem.value || session?.message.value}
      </p>
      {session !== null && player !== null ? (
        <SessionView
          key={session.feed.session}
          place={place}
          session={session}
          player={player}
          selection={inspector.selection}
          command={inspector.command}
        />
      ) : (
        <main class="choose">
          {place.first === undefined && place.sessions !== undefined && (
            <section class="card" aria-label="Sessions">
              <h2>Sessions</h2>
              <Sessions place={place} current={undefined} choose={choose} />
            </section>
          )}
        </main>
      )}
      {box.value === 'help' && <Help close={close} />}
      {box.value === 'sessions' && (
        <Dialog title="Sessions" kind="wide" close={close}>
          <Sessions place={place} current={session?.feed.session} choose={choose} />
        </Dialog>
      )}
      {box.value === 'cancel' && (
        <Dialog title="Cancel this run?" close={close}>
          <p>
            The batches in flight are aborted at once. The checkpoint is kept, and the session can be resumed.
          </p>
          <p class="answers">
            <button type="button" class="command" onClick={close}>
              Let it run
            </button>
            <button
              type="button"
              class="command danger"
              onClick={() => {
                close();
                void session?.command('cancel');
              }}
            >
              Cancel the run
            </button>
          </p>
        </Dialog>
      )}
    </>
  );
}
