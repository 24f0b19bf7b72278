/**
 * A session with viewers: its recording, read once for all of them, and the news of its growth.
 *
 * 1. The newest frame and the summary, which every viewer requests, are made once.
 * 2. News are sent at most every GROWTH_MS, however fast records arrive.
 */
import { type FoundRecord, type RecordFilter, RecordingReader } from '../../recording/reader.js';
import type { InspectorHost, SessionFeed } from '../host.js';
import { JobLedger } from '../job/ledger.js';
import type { BatchLives } from '../job/life.js';
import { livesOf } from '../job/lives.js';
import type { JobFigures } from '../job/tally.js';
import { type Grown, MAX_SCAN, type OpenedSession } from '../protocol.js';
import { chartsOf } from './charts.js';
import { follow } from './follow.js';

const GROWTH_MS = 200;
/** After so long without growth the host is asked whether a process runs the session. */
const LIVENESS_MS = 1_000;
const KEPT_FRAMES = 8;

/** Requests that wait get their turn. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

type Owner = Pick<OpenedSession, 'live' | 'canResume' | 'commandLines'>;

export class OpenSession {
  readonly #reader = new RecordingReader();
  readonly #ledger = new JobLedger(this.#reader, turn);
  readonly #listeners = new Set<(news: Grown) => void>();
  readonly #frames = new Map<number, string>();
  #summary: { readonly length: number; readonly owner: object; readonly text: string } | undefined;
  /** What the host says about it. Replaced when it changes. */
  #owner: Owner = { live: false };
  #lastNewsAt = 0;
  #growth: NodeJS.Timeout | undefined;
  #liveness: NodeJS.Timeout | undefined;

  private constructor(
    private readonly id: string,
    private readonly host: InspectorHost,
    private readonly feed: SessionFeed,
  ) {}

  /** Resolves when what was there is read. @throws what the host throws: there is no such session. */
  static async open(id: string, host: InspectorHost): Promise<OpenSession> {
    const session = new OpenSession(id, host, await host.open(id));
    await session.#begin();
    return session;
  }

  async #begin(): Promise<void> {
    const { caughtUp, ended } = follow(this.feed, (chunk) => {
      this.#reader.append(chunk);
      this.#scheduleNews();
    });
    await Promise.all([caughtUp, this.#updateLiveness()]);
    this.#liveness = setInterval(() => void this.#checkLiveness(), LIVENESS_MS).unref();
    void ended.then(() => this.#checkLiveness());
  }

  get records(): number {
    return this.#reader.length;
  }

  get viewers(): number {
    return this.#listeners.size;
  }

  /** @returns the unsubscribe function. */
  onGrowth(listener: (news: Grown) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `OpenedSession` as JSON. */
  async summary(): Promise<string> {
    const { length } = this.#reader;
    const owner = this.#owner;
    if (this.#summary?.length !== length || this.#summary.owner !== owner) {
      const summary = this.#reader.summary();
      const charts = await chartsOf(summary.definitions);
      this.#summary = { length, owner, text: JSON.stringify({ summary, charts, ...owner }) };
    }
    return this.#summary.text;
  }

  /** `Frame` as JSON. */
  frame(index: number): string {
    const known = this.#frames.get(index);
    if (known !== undefined) return known;
    const text = JSON.stringify(this.#reader.frameAt(index));
    this.#frames.set(index, text);
    for (const [oldest] of this.#frames) {
      if (this.#frames.size <= KEPT_FRAMES) break;
      this.#frames.delete(oldest);
    }
    return text;
  }

  figures(index: number): Promise<JobFigures> {
    return this.#ledger.figuresAt(index);
  }

  lives(from: number, to: number): Promise<BatchLives> {
    return livesOf(this.#reader, from, to, turn);
  }

  find(filter: RecordFilter, from: number, count: number): readonly FoundRecord[] {
    const to = Math.min(filter.to ?? this.records, from + MAX_SCAN);
    return this.#reader.find({ ...filter, to }, from, count);
  }

  indexAtTime(at: number): number {
    return this.#reader.indexAtTime(at);
  }

  /** The last news: whether a process still runs it. */
  async conclude(): Promise<void> {
    await this.#updateLiveness();
    this.#emitNews();
  }

  close(): void {
    this.feed.close();
    this.#listeners.clear();
    clearTimeout(this.#growth);
    clearInterval(this.#liveness);
  }

  #scheduleNews(): void {
    this.#growth ??= setTimeout(async () => {
      // A growing recording has an owner, which may be a new process.
      if (!this.#owner.live) await this.#updateLiveness();
      this.#growth = undefined;
      this.#emitNews();
    }, GROWTH_MS);
  }

  #emitNews(): void {
    const records = this.#reader.length;
    if (records === 0) return;
    this.#lastNewsAt = Date.now();
    const { at } = this.#reader.record(records - 1);
    const { live, canResume } = this.#owner;
    const ability = canResume === undefined ? {} : { canResume };
    const news: Grown = { type: 'grown', session: this.id, records, at, live, ...ability };
    for (const listener of this.#listeners) listener(news);
  }

  async #checkLiveness(): Promise<void> {
    if (this.#owner.live && Date.now() - this.#lastNewsAt < LIVENESS_MS) return;
    const before = this.#owner;
    await this.#updateLiveness();
    if (this.#owner !== before) this.#scheduleNews();
  }

  async #updateLiveness(): Promise<void> {
    const sessions = await this.host.sessions().catch(() => []);
    const found = sessions.find(({ id }) => id === this.id);
    const { live, canResume, commandLines } = found ?? { live: false };
    const known = {
      ...(canResume === undefined ? {} : { canResume }),
      ...(commandLines ? { commandLines } : {}),
    };
    const owner: Owner = { live, ...known };
    if (JSON.stringify(owner) !== JSON.stringify(this.#owner)) this.#owner = owner;
  }
}

/** The open sessions: each is open once, while it has viewers. */
export class OpenSessions {
  readonly #open = new Map<string, Promise<OpenSession>>();

  constructor(private readonly host: InspectorHost) {}

  /** Adds a listener. @returns the session, and the function that removes the listener. */
  async join(id: string, listener: (news: Grown) => void) {
    let opening = this.#open.get(id);
    if (opening === undefined) {
      opening = OpenSession.open(id, this.host);
      this.#open.set(id, opening);
      opening.catch(() => this.#open.delete(id));
    }
    const session = await opening;
    const stop = session.onGrowth(listener);
    const leave = () => {
      stop();
      if (session.viewers > 0 || this.#open.get(id) !== opening) return;
      this.#open.delete(id);
      session.close();
    };
    return { id, session, leave };
  }

  /** Sends the last news of each. */
  async conclude(): Promise<void> {
    const open = await Promise.allSettled(this.#open.values());
    await Promise.all(open.map(async (each) => each.status === 'fulfilled' && each.value.conclude()));
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const session of await Promise.allSettled(open))
      if (session.status === 'fulfilled') session.value.close();
  }
}

export type JoinedSession = Awaited<ReturnType<OpenSessions['join']>>;
