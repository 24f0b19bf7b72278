/** The statecharts: actors as a tree, the chart of the chosen one, and the messages between them. */
import type { SessionCommand } from '../../host.js';
import { ChartView } from '../parts/chart.js';
import type { Frame } from '../records.js';
import type { Session, Shown } from '../session.js';
import { stateText } from '../view/state-value.js';
import { takenBy } from '../view/taken.js';
import { Sequence } from './sequence.js';

interface Props {
  readonly session: Session;
  readonly shown: Shown;
  readonly actor: string;
  readonly choose: (actor: string) => void;
  /** Absent without commands. */
  readonly command: ((command: SessionCommand) => void) | undefined;
}

export function Machines({ session, shown, actor, choose, command }: Props) {
  const { frame } = shown;
  const own = frame.actors[actor];
  const chart = session.charts.value[own?.definition ?? ''];
  const taken = takenBy(actor, shown);
  return (
    <>
      <section class="card machines" aria-label="Statechart">
        <ul class="actors" aria-label="Actors">
          {treeOf(frame).map(({ name, depth }) => (
            <li key={name} style={{ '--depth': depth }}>
              <button type="button" aria-pressed={name === actor} title={name} onClick={() => choose(name)}>
                <span>{name.replace(/^stage:/, '')}</span>
                <small>{stateText(frame.actors[name]?.state)}</small>
              </button>
            </li>
          ))}
        </ul>
        {chart === undefined ? (
          <p class="empty">This actor has not started yet at this moment.</p>
        ) : (
          <ChartView
            chart={chart}
            name={actor}
            state={own?.state}
            taken={taken?.transition ?? null}
            isFresh={taken?.isFresh ?? false}
            command={command}
          />
        )}
      </section>
      <section class="card" aria-label="Messages">
        <h2 class="card-head">Messages up to this moment</h2>
        <Sequence session={session} />
      </section>
    </>
  );
}

interface Branch {
  readonly name: string;
  readonly depth: number;
}

const MAX_DEPTH = 12;

/** Children after their parent. */
function treeOf({ actors }: Frame): Branch[] {
  const names = Object.keys(actors);
  const branches: Branch[] = [];
  const visit = (parent: string | null, depth: number) => {
    for (const name of names) {
      const own = actors[name]?.parent ?? null;
      const isRoot = own === null || !Object.hasOwn(actors, own);
      if ((parent === null ? !isRoot : own !== parent) || branches.some((each) => each.name === name))
        continue;
      branches.push({ name, depth });
      if (depth < MAX_DEPTH) visit(name, depth + 1);
    }
  };
  visit(null, 0);
  return branches;
}
