/** One session: the run's card, its views, the events, and the timeline below. */
import { useMemo } from 'preact/hooks';
import type { SessionCommand } from '../../host.js';
import type { Place } from '../feed.js';
import { Causes } from '../job/causes.js';
import { Compare } from '../job/compare.js';
import { EventView } from '../job/event.js';
import { GanttView } from '../job/gantt.js';
import { Machines } from '../job/machines.js';
import { RunCard } from '../job/run-card.js';
import { Speed } from '../job/speed.js';
import type { Player } from '../player.js';
import type { Frame } from '../records.js';
import { type Selection, TABS, VIEWS } from '../selection.js';
import type { Session, Shown } from '../session.js';
import { theme } from '../theme.js';
import { executorMetrics, journalBytes, lanes, lastCheckpoint } from '../view/lanes.js';
import { workedMs } from '../view/timeline.js';
import { bottleneckOf } from '../view/verdict.js';
import { Context } from './context.js';
import { Lanes } from './lanes.js';
import { Log } from './log.js';
import { Tabs } from './tabs.js';
import { TimelineDock } from './timeline.js';

interface Props {
  readonly place: Place;
  readonly session: Session;
  readonly player: Player;
  readonly selection: Selection;
  readonly command: (command: SessionCommand) => void;
}

const PIPELINE = 'executor';

export function SessionView(props: Props) {
  const { session, player } = props;
  const shown = session.shown.value;
  return (
    <>
      <main>
        <div class="left">
          {shown === null ? (
            <p class="card empty">{session.records.value === 0 ? EMPTY : 'Opening …'}</p>
          ) : (
            <Moment {...props} shown={shown} />
          )}
        </div>
        <Aside {...props} />
      </main>
      <TimelineDock session={session} player={player} theme={theme.value} />
    </>
  );
}

const EMPTY =
  'The recording is empty: no record could be read. A run writes its first records when it starts. If it has started, the file is not a recording.';

function Moment(props: Props & { readonly shown: Shown }) {
  const { place, session, selection, shown, command } = props;
  const { frame, recent } = shown;
  const { stages, series } = session.summary.value;
  const metrics = useMemo(() => executorMetrics(frame), [frame]);
  const rows = useMemo(() => lanes(frame, stages, recent), [frame, stages, recent]);
  const isJob = frame.actors[PIPELINE] !== undefined && stages.length > 0;
  const isNewest = session.cursor.value >= session.end;
  const live = session.live.value;
  const figures = session.figures.value;
  const worked = workedMs(session.line.value, frame.at);
  const failures = figures?.causes.reduce((sum, { count }) => sum + count, 0) ?? 0;
  const canCommand =
    selection.actor.value === PIPELINE && isNewest && live && session.feed.command !== undefined;
  const actor = actorOf(frame, selection.actor.value);
  const view = isJob || selection.view.value === 'Compare' ? selection.view.value : 'Statecharts';
  return (
    <>
      {frame.isUncertain && (
        <p class="card warning">Records before this moment are damaged or missing: figures may be wrong.</p>
      )}
      {isJob ? (
        <RunCard
          {...{ metrics, figures, live, isNewest }}
          lanes={rows}
          commands={session.commandLines.value}
          at={frame.at}
          workedMs={worked}
          bottleneck={bottleneckOf(rows, figures, worked)}
        />
      ) : (
        Object.keys(frame.actors).length === 0 && (
          <p class="card warning">
            No actor is recorded up to this moment, so that there is nothing to draw.
          </p>
        )
      )}
      <Tabs
        id="view"
        label="Views"
        names={isJob ? VIEWS : ['Statecharts', 'Compare']}
        chosen={view}
        choose={(name) => (selection.view.value = name)}
        badge={(name) => (name === 'Failures' && failures > 0 ? String(failures) : '')}
      />
      <div class="view" id="view-panel" role="tabpanel" aria-labelledby={`view-${view}`}>
        {view === 'Job' && (
          <>
            <section class="card" aria-label="Pipeline">
              <Lanes
                lanes={rows}
                metrics={metrics}
                checkpoint={lastCheckpoint(recent, frame.at)}
                journal={journalBytes(series, frame.at)}
                chosen={selection.actor.value}
                choose={(name) => {
                  selection.actor.value = name;
                  selection.view.value = 'Statecharts';
                }}
              />
            </section>
            <GanttView
              session={session}
              batch={selection.batch.value}
              choose={(batch) => (selection.batch.value = batch)}
            />
          </>
        )}
        {view === 'Failures' && (
          <section class="card" aria-label="Failures">
            <Causes
              session={session}
              chooseBatch={(batch) => {
                selection.batch.value = batch;
                selection.view.value = 'Job';
              }}
            />
          </section>
        )}
        {view === 'Speed' && (
          <section class="card" aria-label="Speed">
            <Speed session={session} />
          </section>
        )}
        {view === 'Statecharts' && (
          <Machines
            session={session}
            shown={shown}
            actor={actor}
            choose={(name) => (selection.actor.value = name)}
            command={canCommand ? command : undefined}
          />
        )}
        {view === 'Compare' && (
          <Compare
            place={place}
            session={session}
            other={selection.other.value}
            choose={(id) => (selection.other.value = id)}
          />
        )}
      </div>
    </>
  );
}

/** The chosen actor, or the first one of an app that has none of this name. */
function actorOf(frame: Frame | undefined, chosen: string): string {
  const actors = Object.keys(frame?.actors ?? {});
  return actors.includes(chosen) || chosen !== PIPELINE ? chosen : (actors[0] ?? chosen);
}

function Aside({ session, selection }: Pick<Props, 'session' | 'selection'>) {
  const tab = selection.tab.value;
  return (
    <section class="card aside" aria-label="Details">
      <Tabs
        id="tab"
        label="Details"
        names={TABS}
        chosen={tab}
        choose={(name) => (selection.tab.value = name)}
      />
      <div class="panel" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === 'Events' && <Log session={session} selection={selection} />}
        {tab === 'Event' && <EventView session={session} />}
        {tab === 'Context' && (
          <Context
            session={session}
            actor={actorOf(session.shown.value?.frame, selection.actor.value)}
            choose={(name) => (selection.actor.value = name)}
          />
        )}
      </div>
    </section>
  );
}
