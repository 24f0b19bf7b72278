/** A list of tabs; the arrow keys move along it. */

interface Props<N extends string> {
  /** Prefix of the elements' ids; the panel is `<id>-panel`. */
  readonly id: string;
  readonly label: string;
  readonly names: readonly N[];
  readonly chosen: N;
  readonly choose: (name: N) => void;
  /** Empty: none. */
  readonly badge?: (name: N) => string;
}

export function Tabs<N extends string>({ id, label, names, chosen, choose, badge = () => '' }: Props<N>) {
  const move = (event: KeyboardEvent) => {
    const way = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (way === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = names[(names.indexOf(chosen) + way + names.length) % names.length] ?? chosen;
    choose(next);
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return (
    <div class={`tabs ${id}-tabs`} role="tablist" aria-label={label}>
      {names.map((name) => (
        <button
          key={name}
          id={`${id}-${name}`}
          type="button"
          role="tab"
          aria-selected={name === chosen}
          aria-controls={name === chosen ? `${id}-panel` : undefined}
          tabIndex={name === chosen ? 0 : -1}
          onClick={() => choose(name)}
          onKeyDown={move}
        >
          {name}
          {badge(name) !== '' && <span class="badge">{badge(name)}</span>}
        </button>
      ))}
    </div>
  );
}
