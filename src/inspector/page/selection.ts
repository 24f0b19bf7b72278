/**
 * What the reader has chosen, as signals, and as the fragment of the page's address: a reload or a copied link shows the same.
 *
 * The address is untrusted: unknown values are the defaults.
 */
import { type Signal, signal } from '@preact/signals';

export const VIEWS = ['Job', 'Failures', 'Speed', 'Statecharts', 'Compare'] as const;
export type View = (typeof VIEWS)[number];
export const TABS = ['Events', 'Event', 'Context'] as const;
export type Tab = (typeof TABS)[number];

const MAX_TEXT = 200;

export class Selection {
  readonly view: Signal<View> = signal('Job');
  readonly tab: Signal<Tab> = signal('Events');
  /** The actor whose chart and context are shown. */
  readonly actor = signal('executor');
  /** The batch whose life is shown. */
  readonly batch: Signal<number | null> = signal(null);
  /** Filters of the events. */
  readonly text = signal('');
  readonly from = signal('');
  /** The library's own steps are listed too. */
  readonly steps = signal(false);
  /** The session beside this one. */
  readonly other = signal('');

  /** Reads the fields of an address; absent ones keep their defaults. */
  read(params: URLSearchParams): void {
    const text = (key: string) => (params.get(key) ?? '').slice(0, MAX_TEXT);
    this.view.value = VIEWS.find((each) => each === params.get('view')) ?? 'Job';
    this.tab.value = TABS.find((each) => each === params.get('tab')) ?? 'Events';
    this.actor.value = text('actor') || 'executor';
    this.batch.value = indexIn(params, 'batch') ?? null;
    this.text.value = text('text');
    this.from.value = text('from');
    this.steps.value = params.get('steps') === '1';
    this.other.value = text('other');
  }

  /** Writes what differs from the defaults. */
  write(params: URLSearchParams): void {
    const fields = {
      view: this.view.value === 'Job' ? '' : this.view.value,
      tab: this.tab.value === 'Events' ? '' : this.tab.value,
      actor: this.actor.value === 'executor' ? '' : this.actor.value,
      batch: this.batch.value === null ? '' : String(this.batch.value),
      text: this.text.value,
      from: this.from.value,
      steps: this.steps.value ? '1' : '',
      other: this.other.value,
    };
    for (const [key, value] of Object.entries(fields))
      if (value === '') params.delete(key);
      else params.set(key, value);
  }
}

/** A whole number from 0; undefined: absent, or none. */
export function indexIn(params: URLSearchParams, key: string): number | undefined {
  const text = params.get(key) ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
