/** The batches over time, in lanes by stage: every attempt and every wait; zoomed by dragging; a click selects a batch. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { BatchLives } from '../../job/life.js';
import type { Session } from '../session.js';
import { theme } from '../theme.js';
import { duration } from '../view/format.js';
import { criticalPath, END_WORDS, type GanttBar, ganttOf, SPAN_WORDS } from '../view/gantt.js';
import type { Timeline } from '../view/timeline.js';
import { drawGantt, LABELS } from './gantt-canvas.js';
import { LifeView } from './life.js';

/** Records of the part that is shown at first: a long or a growing recording shows what is around the cursor. */
const [AT_FIRST, WHILE_LIVE] = [20_000, 4_000];
const DELAY_MS = 250;
/** A shorter movement is a click. Pixels. */
const DRAG = 6;
const LEGEND = ['running', 'failed', 'queued', 'permit', 'backoff', 'ready', 'written'] as const;
const LEGEND_WORDS: Readonly<Record<(typeof LEGEND)[number], string>> = {
  running: 'running',
  failed: 'attempt failed',
  queued: 'queued',
  permit: 'waits for a permit',
  backoff: 'waits for the next attempt',
  ready: 'waits for its turn',
  written: 'written, not committed',
};

interface Props {
  readonly session: Session;
  readonly batch: number | null;
  readonly choose: (batch: number | null) => void;
}

export function GanttView({ session, batch, choose }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const lives = useSignal<BatchLives | null>(null);
  /** Shares of the session's axis that the reader has zoomed to. */
  const zoom = useSignal<readonly [number, number] | null>(null);
  const width = useSignal(600);
  const hover = useSignal<GanttBar | null>(null);
  const drag = useSignal<readonly [number, number] | null>(null);
  const isCritical = useSignal(false);
  const line = session.line.value;
  const { records } = session.summary.value;
  const live = session.live.value;
  const cursor = session.cursor.value;
  // While it is followed, the part moves with the end; else it stays until the cursor leaves it.
  const isInside = lives.value !== null && cursor >= lives.value.from && cursor <= lives.value.to;
  const near = zoom.value === null && !isInside ? cursor : -1;

  useEffect(() => {
    let isStale = false;
    const timer = setTimeout(async () => {
      const [from, to] = await partOf(session, zoom.value);
      const found = await session.feed.lives(from, to).catch(() => undefined);
      if (!isStale && found !== undefined) lives.value = found;
    }, DELAY_MS);
    return () => {
      isStale = true;
      clearTimeout(timer);
    };
  }, [session, zoom.value, live ? records : 0, near]);

  const gantt = useMemo(() => (lives.value === null ? null : ganttOf(lives.value)), [lives.value]);
  const path = useMemo(
    () => (isCritical.value && lives.value !== null ? criticalPath(lives.value.lives) : null),
    [lives.value, isCritical.value],
  );
  const span = spanOf(lives.value, zoom.value, line);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      width.value = Math.floor(entry?.contentRect.width ?? 600);
    });
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const at = session.shown.value?.frame.at ?? 0;
  useEffect(() => {
    if (canvas.current === null || gantt === null) return;
    drawGantt(canvas.current, gantt, {
      ...{ width: width.value, line, span, batch, at, drag: drag.value },
      critical: path?.spans ?? null,
    });
  }, [gantt, width.value, span[0], span[1], batch, path, theme.value, at, drag.value, line]);

  const xOf = (event: PointerEvent) => event.clientX - (canvas.current?.getBoundingClientRect().left ?? 0);
  const shareOf = (x: number) =>
    span[0] + (Math.max(0, x - LABELS) / Math.max(1, width.value - LABELS)) * (span[1] - span[0]);
  const move = (event: PointerEvent) => {
    const x = xOf(event);
    if (drag.value !== null) drag.value = [drag.value[0], x];
    hover.value = barAt(gantt?.bars ?? [], x, event);
  };
  function barAt(bars: readonly GanttBar[], x: number, event: PointerEvent): GanttBar | null {
    const y = event.clientY - (canvas.current?.getBoundingClientRect().top ?? 0);
    const time = line.atOf(shareOf(x));
    const slack = Math.abs(line.atOf(shareOf(x + 3)) - time);
    return (
      bars.findLast(
        (bar) =>
          y >= bar.y - 1 &&
          y <= bar.y + bar.height + 1 &&
          time >= bar.span.from - slack &&
          time <= bar.span.to + slack,
      ) ?? null
    );
  }
  const release = (event: PointerEvent) => {
    const dragged = drag.value;
    drag.value = null;
    if (dragged === null) return;
    const [a, b] = [Math.min(...dragged), Math.max(...dragged)];
    if (b - a > DRAG) zoom.value = [shareOf(a), shareOf(b)];
    else {
      const bar = barAt(gantt?.bars ?? [], xOf(event), event);
      choose(bar?.life.batch ?? null);
      if (bar !== null) session.seek(bar.span.index);
    }
  };
  const scale = (by: number) => {
    const middle = (span[0] + span[1]) / 2;
    const half = ((span[1] - span[0]) * by) / 2;
    zoom.value = by > 1 && half >= 0.5 ? null : [Math.max(0, middle - half), Math.min(1, middle + half)];
  };
  const chosen = lives.value?.lives.find((life) => life.batch === batch);
  return (
    <section class="card gantt" aria-label="Batches over time">
      <div class="gantt-head">
        <h2 class="gantt-title">Batches</h2>
        <span class="gantt-tools">
          <label class="batch-field">
            Batch
            <input
              type="number"
              min={0}
              value={batch ?? ''}
              onInput={(event) => {
                const value = event.currentTarget.valueAsNumber;
                choose(Number.isSafeInteger(value) && value >= 0 ? value : null);
              }}
            />
          </label>
          <button
            type="button"
            class="tool"
            aria-pressed={isCritical.value}
            onClick={() => (isCritical.value = !isCritical.value)}
          >
            Critical path
          </button>
          <button type="button" class="tool" aria-label="Zoom in" onClick={() => scale(0.5)}>
            +
          </button>
          <button type="button" class="tool" aria-label="Zoom out" onClick={() => scale(2)}>
            −
          </button>
          <button
            type="button"
            class="tool"
            disabled={zoom.value === null}
            onClick={() => (zoom.value = null)}
          >
            Whole
          </button>
        </span>
      </div>
      <div class="gantt-box" ref={box}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={`${lives.value?.lives.length ?? 0} batches over time. Choose one by its number to read its life.`}
          style={{ height: `${(gantt?.height ?? 100) + 22}px` }}
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            event.currentTarget.setPointerCapture(event.pointerId);
            drag.value = [xOf(event), xOf(event)];
          }}
          onPointerMove={move}
          onPointerUp={release}
          onPointerLeave={() => (hover.value = null)}
        />
      </div>
      <ul class="legend">
        {LEGEND.map((kind) => (
          <li key={kind}>
            <i class={`swatch ${kind}`} />
            {LEGEND_WORDS[kind]}
          </li>
        ))}
      </ul>
      <p class="gantt-foot">
        {hover.value !== null
          ? hoverText(hover.value, lives.value?.stages ?? [])
          : footText(lives.value, path, batch)}
      </p>
      {chosen !== undefined && (
        <LifeView life={chosen} stages={lives.value?.stages ?? []} session={session} />
      )}
      {batch !== null && chosen === undefined && lives.value !== null && (
        <p class="empty">{`Batch ${batch} is not in this part of the session. Zoom out, or move the slider.`}</p>
      )}
    </section>
  );
}

/** Indices of the first and the last record. */
async function partOf(session: Session, zoom: readonly [number, number] | null): Promise<[number, number]> {
  const { end } = session;
  if (zoom === null) {
    const most = session.live.value ? WHILE_LIVE : AT_FIRST;
    const last = Math.min(end, session.cursor.value + (session.following.value ? 0 : most / 4));
    return [Math.max(0, last - most), last];
  }
  const line = session.line.value;
  const [from, to] = await Promise.all(zoom.map((share) => session.feed.indexAtTime(line.atOf(share))));
  return [from ?? 0, Math.max(from ?? 0, to ?? end)];
}

function spanOf(
  lives: BatchLives | null,
  zoom: readonly [number, number] | null,
  line: Timeline,
): readonly [number, number] {
  if (zoom !== null) return zoom;
  if (lives === null) return [0, 1];
  const [a, b] = [line.xOf(lives.fromAt), line.xOf(lives.toAt)];
  return b > a ? [a, b] : [Math.max(0, a - 0.01), Math.min(1, a + 0.01)];
}

function hoverText({ life, span }: GanttBar, stages: readonly string[]): string {
  const where = stages[span.stage] ?? 'output';
  const attempt = span.kind === 'running' && span.attempt > 1 ? `, attempt ${span.attempt}` : '';
  const parts = [
    `Batch ${life.batch} at ${where}`,
    `${SPAN_WORDS[span.kind]}${attempt}, ${duration(span.to - span.from)}`,
    END_WORDS[span.end],
    span.note,
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

function footText(
  lives: BatchLives | null,
  path: ReturnType<typeof criticalPath> | null,
  batch: number | null,
): string {
  if (lives === null) return 'Reading …';
  if (path !== null) {
    const total = path.shares.reduce((sum, { ms }) => sum + ms, 0);
    const shares = path.shares.slice(0, 4).map(({ stage, kind, ms }) => {
      const where = lives.stages[stage] ?? 'output';
      return `${where} ${SPAN_WORDS[kind]} ${Math.round((ms / Math.max(1, total)) * 100)} %`;
    });
    return `The last batch waited for: ${shares.join(', ')}.`;
  }
  if (lives.isCut)
    return 'The part has more events than are drawn: its end is shown. Drag over the bars to zoom in.';
  return batch === null ? 'Click a bar for the life of its batch. Drag over the bars to zoom in.' : '';
}
