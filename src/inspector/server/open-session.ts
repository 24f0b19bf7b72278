/**
 * A session that somebody looks at: its recording, read once for all viewers, and the news of its growth.
 *
 * 1. What is asked of every viewer alike, the newest frame and the summary, is made once.
 * 2. News are told at most every GROWTH_MS, however fast records come.
 */
import { type FoundRecord, type RecordFilter, RecordingReader } from '../../recording/reader.js';
import type { InspectorHost, SessionFeed } from '../host.js';
import { type Grown, MAX_SCAN } from '../protocol.js';
import { chartsOf } from './charts.js';
import { follow } from './follow.js';

const GROWTH_MS = 200;
/** Whether a process runs it is asked of the host when nothing has grown for so long. */
const LIVENESS_MS = 1_000;
const KEPT_FRAMES = 8;

export class OpenSession {
  readonly #reader = new RecordingReader();
  readonly #listeners = new Set<(news: Grown) => void>();
  readonly #frames = new Map<number, string>();
  #summary: { readonly length: number; readonly live: boolean; readonly text: string } | undefined;
  #live = false;
  #told = 0;
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
      this.#tellSoon();
    });
    await Promise.all([caughtUp, this.#askWhetherLive()]);
    this.#liveness = setInterval(() => void this.#watchLiveness(), LIVENESS_MS).unref();
    void ended.then(() => this.#watchLiveness());
  }

  get records(): number {
    return this.#reader.length;
  }

  get viewers(): number {
    return this.#listeners.size;
  }

  /** @returns the way to stop. */
  onGrowth(listener: (news: Grown) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `OpenedSession` as JSON. */
  async summary(): Promise<string> {
    const { length } = this.#reader;
    const live = this.#live;
    if (this.#summary?.length !== length || this.#summary.live !== live) {
      const summary = this.#reader.summary();
      const charts = await chartsOf(summary.definitions);
      this.#summary = { length, live, text: JSON.stringify({ summary, charts, live }) };
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

  find(filter: RecordFilter, from: number, count: number): readonly FoundRecord[] {
    const to = Math.min(filter.to ?? this.records, from + MAX_SCAN);
    return this.#reader.find({ ...filter, to }, from, count);
  }

  indexAtTime(at: number): number {
    return this.#reader.indexAtTime(at);
  }

  close(): void {
    this.feed.close();
    this.#listeners.clear();
    clearTimeout(this.#growth);
    clearInterval(this.#liveness);
  }

  #tellSoon(): void {
    this.#growth ??= setTimeout(async () => {
      // What grows is run by somebody: by a process that has come since.
      if (!this.#live) await this.#askWhetherLive();
      this.#growth = undefined;
      this.#tell();
    }, GROWTH_MS);
  }

  #tell(): void {
    const records = this.#reader.length;
    if (records === 0) return;
    this.#told = Date.now();
    const { at } = this.#reader.record(records - 1);
    const news: Grown = { type: 'grown', session: this.id, records, at, live: this.#live };
    for (const listener of this.#listeners) listener(news);
  }

  async #watchLiveness(): Promise<void> {
    if (this.#live && Date.now() - this.#told < LIVENESS_MS) return;
    const before = this.#live;
    await this.#askWhetherLive();
    if (this.#live !== before) this.#tellSoon();
  }

  async #askWhetherLive(): Promise<void> {
    const sessions = await this.host.sessions().catch(() => []);
    this.#live = sessions.find(({ id }) => id === this.id)?.live ?? false;
  }
}

/** The sessions that are open, each once, as long as anybody looks. */
export class OpenSessions {
  readonly #open = new Map<string, Promise<OpenSession>>();

  constructor(private readonly host: InspectorHost) {}

  /** @returns the session, with a listener on it, and the way to leave it. */
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

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const session of await Promise.allSettled(open))
      if (session.status === 'fulfilled') session.value.close();
  }
}

export type JoinedSession = Awaited<ReturnType<OpenSessions['join']>>;
