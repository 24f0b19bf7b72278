/**
 * One opened session and the reader's position in it, as signals that the parts of the page draw.
 *
 * 1. The cursor moves at once; its frame follows. At most one frame is requested at a time, and the newest request wins:
 *    dragging the slider across a million records loads a few dozen frames.
 * 2. While `following`, the cursor stays at the end of a growing recording. Any other seek ends it.
 */
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { Chart } from '../chart.js';
import type { CommandLines, SessionCommand } from '../host.js';
import type { JobFigures } from '../job/tally.js';
import type { OpenedSession } from '../protocol.js';
import type { Feed, Growth } from './feed.js';
import type { FoundRecord, Frame, NotableMoment, RecordFilter } from './records.js';
import { search } from './search.js';
import { markBeside, type Timeline, timeline } from './view/timeline.js';

/** Records before the cursor that rates are computed from. */
const RECENT = 300;
/** Minimum milliseconds between two loads of the summary while a recording grows. */
const SUMMARY_MS = 700;
/** Milliseconds that a message is shown. */
const MESSAGE_MS = 10_000;
/** What happened to the job. */
export const JOB_EVENTS: RecordFilter = { types: ['event', 'begin', 'end'] };
/** With the library's own steps, and without the recording's bookkeeping. */
export const ALL_EVENTS: RecordFilter = { types: ['step', 'event', 'begin', 'end'] };

export interface Shown {
  readonly frame: Frame;
  /** Oldest first, up to the frame's own record. */
  readonly recent: readonly FoundRecord[];
}

export class Session {
  readonly summary: Signal<OpenedSession['summary']>;
  readonly charts: Signal<Readonly<Record<string, Chart>>>;
  readonly live: Signal<boolean>;
  /** Undefined: unknown. */
  readonly canResume: Signal<boolean | undefined>;
  readonly commandLines: Signal<CommandLines>;
  /** The connection is lost: what is shown is the last that was known. */
  readonly isLost: Signal<boolean> = signal(false);
  readonly records: Signal<number>;
  readonly cursor: Signal<number>;
  readonly shown: Signal<Shown | null> = signal(null);
  /** What the records up to a moment at or before the cursor add up to; they follow the frame. */
  readonly figures: Signal<JobFigures | null> = signal(null);
  /** The newest known moment, which commands apply to. */
  readonly latest: Signal<Frame | null> = signal(null);
  readonly following: Signal<boolean>;
  /** For display: an error, or the answer to a command. */
  readonly message: Signal<string> = signal('');
  readonly line: ReadonlySignal<Timeline>;
  private loaded = -1;
  private isLoading = false;
  private isCounting = false;
  private messageTimer: ReturnType<typeof setTimeout> | undefined;
  private summaryTimer: ReturnType<typeof setTimeout> | undefined;
  private steps: Promise<void> = Promise.resolve();
  private timeWish: number | undefined;
  private readonly stopGrowth: () => void;

  private constructor(
    readonly feed: Feed,
    opened: OpenedSession,
  ) {
    this.summary = signal(opened.summary);
    this.charts = signal(opened.charts);
    this.live = signal(opened.live);
    this.canResume = signal(opened.canResume);
    this.commandLines = signal(opened.commandLines ?? {});
    this.records = signal(opened.summary.records);
    this.following = signal(opened.live);
    this.cursor = signal(Math.max(0, opened.summary.records - 1));
    this.line = computed(() => timeline(this.summary.value));
    this.stopGrowth = feed.onGrow((growth) => this.grow(growth));
    this.load();
  }

  static async open(feed: Feed): Promise<Session> {
    return new Session(feed, await feed.summary());
  }

  get end(): number {
    return Math.max(0, this.records.value - 1);
  }

  seek(index: number): void {
    batch(() => {
      this.following.value = this.live.value && index >= this.end;
      this.cursor.value = Math.min(this.end, Math.max(0, Math.round(index)));
    });
    this.load();
  }

  follow(): void {
    this.seek(this.end);
  }

  /** @param at milliseconds since the epoch; the last of several pending seeks wins. */
  async seekTime(at: number): Promise<void> {
    const isAsking = this.timeWish !== undefined;
    this.timeWish = at;
    if (isAsking) return;
    while (this.timeWish !== undefined) {
      const wish: number = this.timeWish;
      const index = await this.ask(this.feed.indexAtTime(wish));
      if (index !== undefined) this.seek(index);
      if (this.timeWish === wish) this.timeWish = undefined;
    }
  }

  /** Goes to the next or previous event; steps faster than answers are queued. */
  step(way: 1 | -1, events: RecordFilter = JOB_EVENTS): Promise<void> {
    this.steps = this.steps.then(async () => {
      const at = this.cursor.value;
      const from = way === 1 ? at + 1 : at;
      const range = { from, way, count: 1, records: this.records.value };
      const [found] = (await this.ask(search(this.feed, events, range))) ?? [];
      if (found !== undefined) this.seek(found.index);
    });
    return this.steps;
  }

  jump(way: 1 | -1): void {
    const { marks } = this.summary.value;
    const notable: NotableMoment | undefined = markBeside(marks, this.cursor.value, way, false);
    const mark = notable ?? (way === 1 ? undefined : markBeside(marks, this.cursor.value, way, true));
    this.seek(mark?.index ?? (way === 1 ? this.end : 0));
  }

  async command(command: SessionCommand): Promise<void> {
    this.say(`${command} …`);
    const answer = await this.ask(this.feed.command?.(command) ?? Promise.resolve(undefined));
    if (answer !== undefined) this.say(answer.message);
  }

  close(): void {
    clearTimeout(this.summaryTimer);
    clearTimeout(this.messageTimer);
    this.stopGrowth();
    this.feed.close();
  }

  private say(message: string): void {
    this.message.value = message;
    clearTimeout(this.messageTimer);
    this.messageTimer = setTimeout(() => {
      this.message.value = '';
    }, MESSAGE_MS);
  }

  private grow({ records, live, canResume, isLost = false }: Growth): void {
    const isAtEnd = this.cursor.value >= this.end;
    batch(() => {
      // A command at the end follows the session again, before the new owner is known.
      const follows = this.following.value || (!this.live.value && isAtEnd);
      this.records.value = records;
      this.live.value = live;
      this.canResume.value = canResume;
      this.isLost.value = isLost;
      if (follows) this.cursor.value = this.end;
      this.following.value = live && follows;
    });
    this.load();
    this.summaryTimer ??= setTimeout(() => this.refresh(), live ? SUMMARY_MS : 0);
  }

  private async refresh(): Promise<void> {
    const opened = await this.ask(this.feed.summary());
    this.summaryTimer = undefined;
    if (opened === undefined) return;
    batch(() => {
      this.summary.value = opened.summary;
      this.charts.value = opened.charts;
      this.commandLines.value = opened.commandLines ?? {};
    });
    await this.renew();
  }

  /** Commands apply to the newest moment, also while the cursor is elsewhere. */
  private async renew(): Promise<void> {
    const { end } = this;
    if ((this.latest.value?.index ?? -1) >= end) return;
    const frame = await this.ask(this.feed.frame(end));
    if (frame !== undefined && frame.index > (this.latest.value?.index ?? -1)) this.latest.value = frame;
  }

  private async load(): Promise<void> {
    if (this.isLoading) return;
    this.isLoading = true;
    while (this.loaded !== this.cursor.value && this.records.value > 0) {
      const index = this.cursor.value;
      const from = Math.max(0, index - RECENT + 1);
      const asked = Promise.all([this.feed.frame(index), this.feed.find({}, from, index - from + 1)]);
      const answer = await this.ask(asked);
      this.loaded = index;
      if (answer === undefined) continue;
      const [frame, recent] = answer;
      batch(() => {
        this.shown.value = { frame, recent };
        if (frame.index >= (this.latest.value?.index ?? -1)) this.latest.value = frame;
      });
      void this.count();
    }
    this.isLoading = false;
  }

  /** One request at a time: a long recording is counted once, and seeks are not kept waiting. */
  private async count(): Promise<void> {
    if (this.isCounting) return;
    this.isCounting = true;
    let index = -1;
    while (index !== this.cursor.value) {
      index = this.cursor.value;
      const figures = await this.ask(this.feed.figures(index));
      if (figures === undefined) break;
      this.figures.value = figures;
    }
    this.isCounting = false;
  }

  /** Shows a failure; no failure stops the page. */
  private async ask<T>(answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer;
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }
}
