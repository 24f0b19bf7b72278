/** `tune`: changes concurrency and rate limits of a running session, from any terminal. */
import { InvalidOptionError } from '../../errors.js';
import type { Tuning } from '../../executor/session/tune.js';
import { tuneSession } from '../../sessions/control-session.js';
import { COMPLETED } from '../exit-codes.js';
import type { Terminal } from '../output/terminal.js';

export interface TuneArguments {
  readonly stateDir: string;
  readonly json?: boolean;
  /** `stage=8` or `stage=2-16`. */
  readonly concurrency: readonly string[];
  /** `limiter.unit=300/60s`. */
  readonly limit: readonly string[];
}

const CONCURRENCY = /^(.+)=(\d+)(?:-(\d+))?$/;
const LIMIT = /^(.+)\.(requests|tokens|inputTokens|outputTokens)=(\d+(?:\.\d+)?)\/(\d+)(ms|s|m|h)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** @returns the exit code. @throws {InvalidOptionError | NoOwnerError | ControlError} */
export async function tune(session: string, given: TuneArguments, terminal: Terminal): Promise<number> {
  const tuned = await tuneSession(session, parseTuning(given), { stateDir: given.stateDir });
  if (given.json === true) terminal.write(`${JSON.stringify(tuned)}\n`);
  else for (const line of linesOf(tuned)) terminal.printResult(line);
  return COMPLETED;
}

/** @throws {InvalidOptionError} */
export function parseTuning({ concurrency, limit }: Pick<TuneArguments, 'concurrency' | 'limit'>): Tuning {
  const stages: Record<string, { concurrency: number | { min: number; max: number } }> = {};
  const limiters: Record<string, Record<string, { limit: number; perMs: number }>> = {};
  for (const text of concurrency) {
    const [, stage, min, max] = CONCURRENCY.exec(text) ?? [];
    if (stage === undefined) throw malformed('--concurrency', text, 'stage=8 or stage=2-16');
    stages[stage] = {
      concurrency: max === undefined ? Number(min) : { min: Number(min), max: Number(max) },
    };
  }
  for (const text of limit) {
    const [, limiter, unit, units, period, of] = LIMIT.exec(text) ?? [];
    if (limiter === undefined) throw malformed('--limit', text, 'openai.requests=300/60s');
    const rate = { limit: Number(units), perMs: Number(period) * (UNIT_MS[of as string] as number) };
    limiters[limiter] = { ...limiters[limiter], [unit as string]: rate };
  }
  return { stages, limiters };
}

const malformed = (option: string, text: string, example: string): InvalidOptionError =>
  new InvalidOptionError(`${option} ${text.slice(0, 100)}: write it as ${example}.`);

function linesOf({ stages = {}, limiters = {} }: Tuning): string[] {
  return [
    ...Object.entries(stages).map(([name, { concurrency }]) => {
      const width =
        typeof concurrency === 'number' ? String(concurrency) : `${concurrency.min} to ${concurrency.max}`;
      return `stage ${name}: concurrency ${width}`;
    }),
    ...Object.entries(limiters).flatMap(([name, rates]) =>
      Object.entries(rates).map(
        ([unit, { limit, perMs }]) => `limiter ${name}: ${limit} ${unit} in ${perMs} ms`,
      ),
    ),
  ];
}
