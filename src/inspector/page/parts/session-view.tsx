/** One session: statechart and pipeline, log and context, and the timeline below. */
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { SessionCommand } from '../../host.js';
import type { Player } from '../player.js';
import type { Session, Shown } from '../session.js';
import { theme } from '../theme.js';
import { executorMetrics, journalBytes, lanes, lastCheckpoint } from '../view/lanes.js';
import { stateText } from '../view/state-value.js';
import { takenBy } from '../view/taken.js';
import { ChartView } from './chart.js';
import { Context } from './context.js';
import { Failures } from './failures.js';
import { Lanes } from './lanes.js';
import { Log } from './log.js';
import { MetricStrip } from './metric-strip.js';
import { TimelineDock } from './timeline.js';

interface Props {
  readonly session: Session;
  readonly player: Player;
  readonly command: (command: SessionCommand) => void;
}

const TABS = ['Log', 'Context', 'Failures'] as const;

export function SessionView({ session, player, command }: Props) {
  const actor = useSignal('executor');
  const shown = session.shown.value;
  const choose = (name: string) => {
    actor.value = name;
  };
  return (
    <>
      <main>
        <div class="left">
          {shown === null ? (
            <p class="empty">{session.records.value === 0 ? 'No records yet.' : 'Opening …'}</p>
          ) : (
            <Moment session={session} shown={shown} actor={actor.value} choose={choose} command={command} />
          )}
        </div>
        <Aside session={session} actor={actor.value} choose={choose} />
      </main>
      <TimelineDock session={session} player={player} theme={theme.value} />
    </>
  );
}

interface MomentProps {
  readonly session: Session;
  readonly shown: Shown;
  readonly actor: string;
  readonly choose: (actor: string) => void;
  readonly command: (command: SessionCommand) => void;
}

function Moment({ session, shown, actor, choose, command }: MomentProps) {
  const { frame, recent } = shown;
  const { stages, series } = session.summary.value;
  const all = useMemo(() => executorMetrics(frame), [frame]);
  const rows = useMemo(() => lanes(frame, stages, recent), [frame, stages, recent]);
  const own = frame.actors[actor];
  const chart = session.charts.value[own?.definition ?? ''];
  const taken = takenBy(actor, shown);
  const checkpoint = lastCheckpoint(recent, frame.at);
  const isNow = session.cursor.value >= session.end;
  const canCommand =
    actor === 'executor' && isNow && session.live.value && session.feed.command !== undefined;
  return (
    <>
      <MetricStrip metrics={all} lanes={rows} checkpoint={checkpoint} />
      <section class="card" aria-label="Pipeline">
        <Lanes
          lanes={rows}
          metrics={all}
          checkpoint={checkpoint}
          journal={journalBytes(series, frame.at)}
          chosen={actor}
          choose={choose}
        />
      </section>
      <section class="card" aria-label="Statechart">
        <nav class="actors" aria-label="Actors">
          {['executor', ...stages.map((stage) => `stage:${stage}`)].map((each) => (
            <button key={each} type="button" aria-pressed={each === actor} onClick={() => choose(each)}>
              {each.replace(/^stage:/, '')}
              <small>{stateText(frame.actors[each]?.state)}</small>
            </button>
          ))}
        </nav>
        {chart === undefined ? (
          <p class="empty">This actor has not started yet at this moment.</p>
        ) : (
          <ChartView
            chart={chart}
            name={actor}
            state={stateText(own?.state)}
            taken={taken?.transition ?? null}
            isFresh={taken?.isFresh ?? false}
            command={canCommand ? command : undefined}
          />
        )}
        {all.error !== '' && actor === 'executor' && <p class="run-error">{all.error}</p>}
      </section>
    </>
  );
}

function Aside({ session, actor, choose }: Pick<MomentProps, 'session' | 'actor' | 'choose'>) {
  const tab = useSignal<(typeof TABS)[number]>('Log');
  const move = (event: KeyboardEvent) => {
    const way = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (way === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = TABS[(TABS.indexOf(tab.value) + way + TABS.length) % TABS.length] ?? 'Log';
    tab.value = next;
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <section class="card aside" aria-label="Details">
      <div class="tabs" role="tablist" aria-label="Details">
        {TABS.map((each) => (
          <button
            key={each}
            id={`tab-${each}`}
            type="button"
            role="tab"
            aria-selected={tab.value === each}
            aria-controls="tab-panel"
            tabIndex={tab.value === each ? 0 : -1}
            onClick={() => (tab.value = each)}
            onKeyDown={move}
          >
            {each}
          </button>
        ))}
      </div>
      <div class="panel" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab.value}`}>
        {tab.value === 'Log' && <Log session={session} />}
        {tab.value === 'Context' && <Context session={session} actor={actor} choose={choose} />}
        {tab.value === 'Failures' && <Failures session={session} />}
      </div>
    </section>
  );
}
