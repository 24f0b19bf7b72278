/** The event at the cursor, whole: what it says, the transition, what changed from what to what, its JSON. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { at, fields, text } from '../../job/read.js';
import type { Frame } from '../records.js';
import type { Session } from '../session.js';
import { clock, day } from '../view/format.js';
import { logRow } from '../view/log.js';
import { stateText } from '../view/state-value.js';
import { wordsOf } from '../view/words.js';

const MAX_CHANGES = 30;
const MAX_JSON = 20_000;

export function EventView({ session }: { readonly session: Session }) {
  const before = useSignal<Frame | null>(null);
  const shown = session.shown.value;
  const index = shown?.frame.index ?? -1;
  useEffect(() => {
    let isStale = false;
    before.value = null;
    if (index > 0)
      session.feed.frame(index - 1).then(
        (frame) => {
          if (!isStale) before.value = frame;
        },
        () => {},
      );
    return () => {
      isStale = true;
    };
  }, [session, index]);
  if (shown === null) return <p class="empty">No event yet.</p>;
  const { frame, recent } = shown;
  const { record, changed } = frame;
  const row = logRow(record);
  const { actor } = row;
  const { title, detail } = wordsOf(record) ?? row;
  const step = record.type === 'step' ? record : undefined;
  const definition = session.summary.value.definitions[frame.actors[actor]?.definition ?? ''];
  const transition = step?.transition == null ? undefined : definition?.transitions[step.transition];
  const error = record.type === 'event' ? fields(record.event.error) : {};
  // A step without an event follows from the step before it.
  const cause =
    step?.event === null
      ? recent.findLast((each) => each.index < index && each.record.type === 'step')
      : undefined;
  const json = JSON.stringify(
    record,
    (key, value) => (key === 'context' || key === 'actors' || key === 'definition' ? '…' : value),
    2,
  ).slice(0, MAX_JSON);
  return (
    <div class="event">
      <h3>{title}</h3>
      {detail !== '' && <p>{detail}</p>}
      <dl class="pairs">
        <Pair name="When" value={`${day(record.at)} ${clock(record.at)}, record ${index + 1}`} />
        {actor !== '' && <Pair name="Actor" value={actor} />}
        {text(error.message) !== '' && (
          <Pair name="Error" value={[text(error.name), text(error.code), text(error.message)].join(' · ')} />
        )}
        {step !== undefined && (
          <Pair name="State" value={`${stateText(step.from)} → ${stateText(step.to)}`} />
        )}
        {transition !== undefined && (
          <Pair
            name="Transition"
            value={`${transition.event || 'always'}${transition.guard === null ? '' : ` [${transition.guard}]`}${transition.actions.length > 0 ? ` / ${transition.actions.join(', ')}` : ''}`}
          />
        )}
        {step !== undefined && step.transition === null && (
          <Pair name="Transition" value="none: the machine ignored the event" />
        )}
        {cause !== undefined && (
          <Pair name="Follows from" value={`${logRow(cause.record).title}, record ${cause.index + 1}`} />
        )}
      </dl>
      {changed.length > 0 && (
        <>
          <h4>{`Changed: ${changed.length}`}</h4>
          <dl class="changes">
            {changed.slice(0, MAX_CHANGES).map((path) => (
              <div key={path}>
                <dt>{path}</dt>
                <dd>
                  <del>{before.value === null ? '…' : valueAt(before.value, actor, path)}</del>
                  <ins>{valueAt(frame, actor, path)}</ins>
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
      <h4>JSON</h4>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must take the keyboard. */}
      <pre tabIndex={0}>{json}</pre>
    </div>
  );
}

function valueAt(frame: Frame, actor: string, path: string): string {
  const value = at(frame.actors[actor]?.context, ...path.split('.'));
  const shown = value === undefined ? 'absent' : JSON.stringify(value);
  return shown.length > 200 ? `${shown.slice(0, 199)}…` : shown;
}

function Pair({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
