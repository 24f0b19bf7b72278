/**
 * A list of any length; only its visible rows are in the document.
 *
 * 1. Browsers limit heights to some ten million pixels: a longer list scrolls in proportion, and by rows with the wheel.
 * 2. A newly selected row is scrolled into view; otherwise the reader's scroll position is kept.
 */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

interface Props {
  readonly count: number;
  /** Pixels. */
  readonly rowHeight: number;
  readonly label: string;
  readonly chosen: number;
  readonly render: (index: number) => ComponentChildren;
  /** The first and the last visible row. */
  readonly onView?: (first: number, last: number) => void;
  readonly onMove: (way: 1 | -1) => void;
}

const TALLEST = 8_000_000;
const SPARE_ROWS = 6;

export function VirtualList({ count, rowHeight, label, chosen, render, onView, onMove }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(300);
  const full = count * rowHeight;
  const scroll = Math.min(full, TALLEST);
  const range = Math.max(1, scroll - height.value);
  const fullRange = Math.max(1, full - height.value);
  // A shortened list keeps its scroll position until the browser's next layout.
  const scrolled = Math.min(top.value, range);
  const offset = (scrolled / range) * fullRange;

  const moveTo = (pixels: number) => {
    const wanted = Math.max(0, Math.min(fullRange, pixels));
    if (box.current !== null) box.current.scrollTop = (wanted / fullRange) * range;
  };
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [height]);
  useLayoutEffect(() => {
    if (chosen < 0) return;
    const at = chosen * rowHeight;
    const here = ((box.current?.scrollTop ?? 0) / range) * fullRange;
    if (at < here + rowHeight || at > here + height.value - 2 * rowHeight) moveTo(at - height.value / 2);
  }, [chosen, count]);

  const first = Math.max(0, Math.floor(offset / rowHeight) - SPARE_ROWS);
  const last = Math.min(count - 1, Math.ceil((offset + height.value) / rowHeight) + SPARE_ROWS);
  useEffect(() => onView?.(first, last), [first, last, count]);

  const wheel = (event: WheelEvent) => {
    if (full <= TALLEST) return;
    event.preventDefault();
    moveTo(offset + (event.deltaMode === 1 ? event.deltaY * rowHeight : event.deltaY));
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    event.stopPropagation();
    onMove(event.key === 'ArrowDown' ? 1 : -1);
  };
  const shift = scrolled - offset;
  return (
    <div
      class="list"
      ref={box}
      role="listbox"
      aria-label={label}
      aria-activedescendant={chosen >= first && chosen <= last ? `row-${chosen}` : undefined}
      tabIndex={0}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
      }}
      onWheel={wheel}
      onKeyDown={press}
    >
      <div class="list-space" style={{ height: `${scroll}px` }}>
        {Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i).map((index) => (
          <div
            key={index}
            id={`row-${index}`}
            class={index === chosen ? 'row chosen' : 'row'}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            aria-setsize={count}
            aria-posinset={index + 1}
            style={{ transform: `translateY(${index * rowHeight + shift}px)`, height: `${rowHeight}px` }}
          >
            {render(index)}
          </div>
        ))}
      </div>
    </div>
  );
}
