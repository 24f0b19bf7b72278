/** An actor's context at the cursor as a tree, with changes marked; and the stored checkpoint. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Session } from '../session.js';
import { stateText } from '../view/state-value.js';
import { type TreeRow, treeRows } from '../view/tree.js';

interface Props {
  readonly session: Session;
  readonly actor: string;
  readonly choose: (actor: string) => void;
}

const CHECKPOINT = 'Checkpoint';

export function Context({ session, actor, choose }: Props) {
  const source = useSignal('Context');
  const stored = useSignal<unknown>(undefined);
  const open = useSignal<ReadonlySet<string>>(new Set(['activity', 'snapshot']));
  const { frame } = session.shown.value ?? {};
  const isStored = source.value === CHECKPOINT;
  const latest = session.latest.value?.index;
  useEffect(() => {
    let isStale = false;
    const take = (value: unknown) => {
      if (!isStale) stored.value = value;
    };
    if (isStored) session.feed.checkpoint().then(take, (error: Error) => take({ error: error.message }));
    return () => {
      isStale = true;
    };
  }, [session, isStored, isStored && latest]);

  const own = frame?.actors[actor];
  const value = isStored ? stored.value : own?.context;
  const record = frame?.record;
  const isHere = !isStored && record?.type === 'step' && record.actor === actor;
  const other = !isStored && !isHere && record?.type === 'step' ? record.actor : undefined;
  const rows = treeRows(value, open.value, isHere ? (frame?.changed ?? []) : []);
  const toggle = (path: string) => {
    const next = new Set(open.value);
    if (!next.delete(path)) next.add(path);
    open.value = next;
  };
  return (
    <div class="context">
      <fieldset class="switch">
        <legend class="hidden">What to show</legend>
        {['Context', CHECKPOINT].map((each) => (
          <label key={each}>
            <input
              type="radio"
              name="context"
              checked={source.value === each}
              onChange={() => (source.value = each)}
            />
            <span>{each}</span>
          </label>
        ))}
      </fieldset>
      <p class="about">
        {isStored
          ? 'The checkpoint on disk now, whatever the cursor.'
          : `${actor} · ${stateText(own?.state) || 'not started yet'}${isHere ? `, ${frame?.changed.length ?? 0} changed here` : ''}`}
        {other !== undefined && (
          <button type="button" class="elsewhere" onClick={() => choose(other)}>
            {`${other} changed here`}
          </button>
        )}
      </p>
      <div class="tree" role="tree" aria-label={isStored ? 'Stored checkpoint' : `Context of ${actor}`}>
        {rows.map((row, i) => (
          <Branch key={row.path} row={row} isFirst={i === 0} toggle={toggle} />
        ))}
        {rows.length === 0 && <p class="empty">{isStored ? 'No checkpoint is stored.' : 'Empty.'}</p>}
      </div>
    </div>
  );
}

interface BranchProps {
  readonly row: TreeRow;
  readonly isFirst: boolean;
  readonly toggle: (path: string) => void;
}

function Branch({ row, isFirst, toggle }: BranchProps) {
  const { path, depth, key, value, kind, branch, open, changed } = row;
  const press = (event: KeyboardEvent) => {
    const { currentTarget, key: pressed } = event as KeyboardEvent & { currentTarget: HTMLElement };
    const beside =
      pressed === 'ArrowDown' ? currentTarget.nextElementSibling : currentTarget.previousElementSibling;
    if (pressed === 'ArrowDown' || pressed === 'ArrowUp') (beside as HTMLElement | null)?.focus();
    else if (
      pressed === 'Enter' ||
      (pressed === 'ArrowRight' && !open) ||
      (pressed === 'ArrowLeft' && open)
    ) {
      if (branch) toggle(path);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      class={`leaf ${kind}${changed ? ' changed' : ''}`}
      role="treeitem"
      aria-level={depth + 1}
      aria-expanded={branch ? open : undefined}
      tabIndex={isFirst ? 0 : -1}
      style={{ paddingLeft: `${depth * 16 + 8}px` }}
      onClick={branch ? () => toggle(path) : undefined}
      onKeyDown={press}
    >
      <span class="twist" aria-hidden="true">
        {branch ? (open ? '▾' : '▸') : ''}
      </span>
      <span class="name">{key}</span>
      <span class="colon">: </span>
      <span class="value">{value}</span>
      {changed && <span class="hidden">, changed here</span>}
    </div>
  );
}
