/**
 * Simulates a service that is slow, charges for every row and sometimes fails: a language model, a geocoder, a credit
 * check. Its answers depend on its input only, so two runs give the same rows.
 *
 * It writes one line per request to its ledger, out/strikes/ledger.jsonl. It charges once for each idempotency key.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Assessed, Located } from './strike.ts';

export interface Assessment {
  readonly risk: Assessed['risk'];
  readonly grade: Assessed['grade'];
}

interface Request {
  readonly idempotencyKey: string;
  /** From 1. */
  readonly attempt: number;
  readonly signal: AbortSignal;
}

const CENTS_PER_ROW = 1;
const LATENCY_MS = Number(process.env.STRIKES_LATENCY_MS ?? 120);
const ledger = new URL('../../out/strikes/ledger.jsonl', import.meta.url);
const answered = new Set<string>();

/** @throws {Error} for one request in twelve, at the first attempt. */
export async function assess(strikes: readonly Located[], request: Request): Promise<Assessment[]> {
  const { idempotencyKey: key, attempt, signal } = request;
  await wait(LATENCY_MS, undefined, { signal });
  if (attempt === 1 && checksum(JSON.stringify(strikes[0])) % 12 === 0) {
    book({ key, attempt, status: 503, cents: 0 });
    throw new Error('the assessment service answers 503: try again later');
  }
  book({ key, attempt, status: 200, cents: wasAnswered(key) ? 0 : strikes.length * CENTS_PER_ROW });
  answered.add(key);
  return strikes.map(rate);
}

function rate(strike: Located): Assessment {
  const size = { small: 5, medium: 20, large: 45 }[strike.size];
  const damage = { none: 0, unknown: 5, minor: 10, medium: 20, substantial: 35 }[strike.damage];
  const speed = Math.min(20, Math.round((strike.speedKnots ?? 120) / 15));
  const risk = size + damage + speed;
  return { risk, grade: risk >= 60 ? 'high' : risk >= 30 ? 'raised' : 'low' };
}

function book(entry: { key: string; attempt: number; status: number; cents: number }): void {
  mkdirSync(new URL('.', ledger), { recursive: true });
  appendFileSync(ledger, `${JSON.stringify(entry)}\n`);
}

function wasAnswered(key: string): boolean {
  if (answered.size === 0 && existsSync(ledger)) {
    for (const line of readFileSync(ledger, 'utf8').trimEnd().split('\n')) {
      const entry = JSON.parse(line) as { key: string; status: number };
      if (entry.status === 200) answered.add(entry.key);
    }
  }
  return answered.has(key);
}

/** FNV-1a, 32 bits. */
function checksum(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
