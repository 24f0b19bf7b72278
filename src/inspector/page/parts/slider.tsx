/** The time slider: the whole session with its marks and the cursor. */

import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import type { Session } from '../session.js';
import { clock } from '../view/format.js';
import { stateText } from '../view/state-value.js';
import { apart, type PlacedMark, toneOfMark } from '../view/timeline.js';

interface Props {
  readonly session: Session;
  readonly marks: readonly PlacedMark[];
  /** The plot, which can be dragged too. */
  readonly children: ComponentChildren;
}

/** Minimum distance of marks with buttons; the others are drawn in the plot only. */
const FLAG_GAP = 0.012;

export function Slider({ session, marks, children }: Props) {
  const track = useRef<HTMLDivElement>(null);
  const cursor = session.cursor.value;
  const shown = session.shown.value;
  const line = session.line.value;
  const records = session.records.value;
  const at = shown?.frame.at ?? session.summary.value.from;
  // The right edge is the last record, however many records its moment has.
  const x = cursor >= session.end ? 1 : line.xOf(at);
  const drag = (event: PointerEvent) => {
    const { left, width } = track.current?.getBoundingClientRect() ?? { left: 0, width: 1 };
    const share = Math.min(1, Math.max(0, (event.clientX - left) / width));
    if (share >= 0.999) session.follow();
    else void session.seekTime(line.atOf(share));
  };
  const grab = (event: PointerEvent) => {
    if (event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    // A drag may begin on a mark.
    const mark = (event.target as Element).closest<HTMLElement>('.flag')?.dataset.mark;
    if (mark === undefined) drag(event);
    else session.seek(Number(mark));
  };
  const pull = (event: PointerEvent) => {
    if ((event.currentTarget as Element).hasPointerCapture(event.pointerId)) drag(event);
  };
  const state = stateText(shown?.frame.actors.executor?.state);
  const flags = apart(
    marks.filter((mark) => mark.kind !== 'checkpoint'),
    FLAG_GAP,
  );
  return (
    <div class="scrub" onPointerDown={grab} onPointerMove={pull}>
      {children}
      <div class="track" ref={track}>
        <div class="rail">
          <i class="past" style={{ width: `${x * 100}%` }} />
          {line.stretches.map(
            (each) =>
              each.atRest && (
                <i
                  key={each.from}
                  class="rest"
                  title={`Idle until ${clock(each.to, false)}`}
                  style={{ left: `${each.x0 * 100}%`, width: `${(each.x1 - each.x0) * 100}%` }}
                />
              ),
          )}
        </div>
        {flags.map((mark) => (
          <button
            key={mark.index}
            type="button"
            tabIndex={-1}
            data-mark={mark.index}
            class={`flag ${toneOfMark(mark.kind)}`}
            aria-label={`Go to: ${mark.label}, ${clock(mark.at)}`}
            title={`${mark.label} · ${clock(mark.at)}`}
            style={{ left: `${mark.x * 100}%` }}
            onClick={() => session.seek(mark.index)}
          />
        ))}
        <div
          class="thumb"
          role="slider"
          tabIndex={0}
          aria-label="Moment of the session"
          aria-valuemin={0}
          aria-valuemax={Math.max(0, records - 1)}
          aria-valuenow={cursor}
          aria-valuetext={`${clock(at)}, record ${cursor + 1} of ${records}, ${state}`}
          style={{ left: `${x * 100}%` }}
        >
          <i class="needle" />
        </div>
      </div>
    </div>
  );
}
