/**
 * `resume --explain`: shows what a resume would reuse, rerun or refuse, and runs nothing. It prints refusals beside the rest,
 * and then throws the error of the resume.
 *
 * It makes the checks of a resume in the same order and with the same code: the lock (I10), the checkpoint (I9), fingerprints
 * and descriptions (I15), the input's identity. It does not open the sink, because opening truncates it (I7).
 */
import { stat } from 'node:fs/promises';
import { platform } from '#platform';
import type { StateManager } from '../../checkpoint/state-manager.js';
import { PipelineMismatchError } from '../../errors.js';
import type { Pipeline } from '../../executor/pipeline.js';
import { compareInput } from '../../executor/session/opening/source-identity.js';
import {
  loadSession,
  type ResumeOptions,
  type StoredSession,
} from '../../executor/session/opening/stored-session.js';
import type { JsonObject } from '../../formats/json.js';
import { counted, grouped, printable, rowsThrough } from '../../observers/progress/terminal-text.js';
import { systemClock } from '../../platform/clock.js';
import type { OpenContext } from '../../platform/open-context.js';
import { codeOf } from '../../platform/thrown.js';
import { sessionCommand } from '../../sessions/invocation.js';
import { storedPartFile, storedPath } from '../../sessions/stored-metrics.js';
import { recordedFingerprint, stageFingerprints } from '../../stages/pipeline-fingerprint.js';
import { COMPLETED } from '../exit-codes.js';
import type { Terminal } from '../output/terminal.js';

export interface ExplainOptions {
  readonly sessionId: string;
  readonly pipeline: Pipeline<unknown>;
  readonly stateManager: StateManager;
  readonly stateDir: string;
  readonly force: boolean;
  readonly fromJournal: boolean;
  readonly verify: boolean;
  readonly json: boolean;
  readonly terminal: Terminal;
}

interface Explanation {
  readonly sessionId: string;
  readonly pipeline: string;
  readonly warnings: readonly string[];
  /** Not read again. */
  readonly committed: { readonly batches: number; readonly rowsIn: number; readonly rowsOut: number };
  /** Outputs of later batches that the journal holds, by stage. */
  readonly journaled: readonly { readonly stage: string; readonly batches: readonly number[] }[];
  /** The part of the input that is still to be read. */
  readonly rest: { readonly unit: 'bytes' | 'rows'; readonly from: number; readonly of: number } | null;
  readonly output: { readonly path: string; readonly cutTo: number } | null;
  /** Why the resume is refused. */
  readonly refused: readonly string[];
}

/** @returns the exit code. @throws the error with which the resume would be refused. */
export async function explain(options: ExplainOptions): Promise<number> {
  const { sessionId, stateManager, stateDir, json, terminal } = options;
  const lock = await stateManager.lock(sessionId, {});
  const refusals: PipelineMismatchError[] = [];
  let explanation: Explanation;
  try {
    explanation = await explainOwned(options, refusals);
  } finally {
    await lock.release();
  }
  const { refused } = explanation;
  if (json) terminal.write(`${JSON.stringify(explanation)}\n`);
  else for (const line of explanationLines(explanation, terminal)) terminal.printResult(line);
  if (refused.length > 0)
    throw new PipelineMismatchError(
      refused,
      refusals.every(({ mayForce }) => mayForce),
    );
  if (json) return COMPLETED;
  const command = sessionCommand('resume', sessionId, stateDir, ...resumeFlags(options));
  terminal.printResult(`Nothing was run. To resume: ${command}`);
  return COMPLETED;
}

/** The flags that a resume was asked for with. */
export function resumeFlags({
  force,
  fromJournal,
}: Pick<ExplainOptions, 'force' | 'fromJournal'>): readonly string[] {
  return [...(force ? ['--force'] : []), ...(fromJournal ? ['--from-journal'] : [])];
}

async function explainOwned(
  { sessionId, pipeline, stateManager, force, fromJournal, verify }: ExplainOptions,
  refusals: PipelineMismatchError[],
): Promise<Explanation> {
  const load = (options: ResumeOptions) =>
    loadSession(sessionId, pipeline.stages, stateManager, pipeline, { ...options, fromJournal });
  const session = await catchRefusal(
    () => load({ force, verify }),
    () => load({ force: true }),
    refusals,
  );
  const { mark } = session.start;
  const nothing = async () => null;
  const rest = await catchRefusal(() => checkInput(session, force), nothing, refusals);
  const output = await catchRefusal(() => checkOutput(session), nothing, refusals);
  const { batches, rowsIn, rowsOut } = mark;
  return {
    sessionId,
    pipeline: session.checkpoint.pipeline,
    warnings: session.warnings,
    committed: { batches, rowsIn, rowsOut },
    journaled: await findJournaledOutputs(session, pipeline, stateManager),
    rest,
    output,
    refused: refusals.flatMap(({ differences }) => differences),
  };
}

/** Adds a refusal to `refusals`, and continues with `otherwise`. */
async function catchRefusal<T, U>(
  check: () => Promise<T>,
  otherwise: () => Promise<U>,
  refusals: PipelineMismatchError[],
): Promise<T | U> {
  try {
    return await check();
  } catch (error) {
    if (codeOf(error) === 'PIPELINE_MISMATCH') refusals.push(error as PipelineMismatchError);
    // After a refusal, other errors are ignored: the resume would have stopped before.
    else if (refusals.length === 0) throw error;
    return otherwise();
  }
}

/** Compares the input with the one at the start of the session (I15). */
async function checkInput(
  { definition, start, checkpoint }: StoredSession,
  force: boolean,
): Promise<Explanation['rest']> {
  const { mark, sourceIdentity } = start;
  const source = await definition.source.open(mark.source ?? undefined, contextOf(checkpoint.sessionId));
  try {
    const { difference } = await compareInput(sourceIdentity, source, mark.source);
    if (difference !== undefined && !force && mark.source !== null)
      throw new PipelineMismatchError([difference]);
    const { total } = source;
    return total === undefined ? null : { unit: total.unit, from: mark.done, of: total.value };
  } finally {
    await source.close();
  }
}

/** Checks by its size that the written output still exists. */
async function checkOutput({ checkpoint, start }: StoredSession): Promise<Explanation['output']> {
  const bytes = start.mark.sink?.bytes;
  const target = storedPath(checkpoint.sink);
  if (typeof bytes !== 'number' || target === undefined) return null;
  const working = storedPartFile(checkpoint.sink, start.mark.sink) ?? target;
  for (const path of start.wasSealed || bytes > 0 ? [working, target] : [working]) {
    const size = await stat(path).then(
      (found) => found.size,
      () => undefined,
    );
    // A published output must have exactly the written size.
    if (path !== working && size !== bytes) break;
    if (size !== undefined && size >= bytes) return { path, cutTo: bytes };
    if (size !== undefined)
      throw new PipelineMismatchError([`${path} has ${size} bytes, but the run had written ${bytes}`], false);
  }
  if (bytes === 0) return { path: working, cutTo: 0 };
  throw new PipelineMismatchError([`${working}, the run's unfinished output, is missing`], false);
}

/** Journaled outputs above the watermark: their stages are not invoked again (I5, I8). */
async function findJournaledOutputs(
  { checkpoint, start }: StoredSession,
  pipeline: Pipeline<unknown>,
  stateManager: StateManager,
): Promise<Explanation['journaled']> {
  const { stages } = pipeline;
  if (!stages.some((stage) => stage.durable)) return [];
  const journal = await stateManager.journal(checkpoint.sessionId, checkpoint.epoch + 1);
  try {
    const fingerprints = stageFingerprints(stages);
    const found = new Map<string, number[]>();
    // A batch continues after the last stage whose output is in the journal.
    const claimed = new Set<number>();
    for (let i = stages.length - 1; i >= 0; i--) {
      const stage = stages[i]?.name ?? '';
      for (const key of journal.keys()) {
        // A record of the batch says that the records of its calls are all there.
        if (key.call !== undefined) continue;
        if (key.stage !== stage || key.batch < start.mark.batches || claimed.has(key.batch)) continue;
        if (recordFingerprint(await journal.read(key)) !== fingerprints[i]) continue;
        claimed.add(key.batch);
        found.set(stage, [...(found.get(stage) ?? []), key.batch]);
      }
    }
    return [...found].map(([stage, batches]) => ({ stage, batches: batches.sort((a, b) => a - b) }));
  } finally {
    await journal.close();
  }
}

/** The fingerprint in a record's header line: an output of other code is not used. */
function recordFingerprint(payload: Uint8Array | undefined): unknown {
  if (payload === undefined) return undefined;
  const header = JSON.parse(new TextDecoder().decode(payload.subarray(0, payload.indexOf(10)))) as JsonObject;
  return recordedFingerprint(header.fingerprint);
}

function contextOf(sessionId: string): OpenContext {
  const { fileSystem } = platform;
  return { sessionId, clock: systemClock, ...(fileSystem === undefined ? {} : { fileSystem }) };
}

function explanationLines(explanation: Explanation, { colors }: Terminal): string[] {
  const { sessionId, pipeline, warnings, committed, journaled, rest, output, refused } = explanation;
  const { batches } = committed;
  const done =
    batches === 0
      ? 'nothing is committed yet'
      : `${counted(batches, 'batch', 'batches')} committed: ${rowsThrough(committed)}`;
  const line = (label: string, text: string) => `  ${label.padEnd(9)}  ${text}`;
  return [
    `${colors.bold(printable(pipeline))}, session ${sessionId}`,
    ...warnings.map((warning) => line('warning', colors.yellow(printable(warning)))),
    line(colors.green('reused   '), done),
    ...journaled.map(({ stage, batches: numbers }) =>
      line(
        colors.green('reused   '),
        `${counted(numbers.length, 'output')} of stage "${printable(stage)}" from the journal: batch ${ranges(numbers)}`,
      ),
    ),
    ...(refused.length > 0 ? [] : [line(colors.cyan('run      '), restText(rest, batches))]),
    ...(output === null ? [] : [line('output', `${output.path}, from byte ${grouped(output.cutTo)}`)]),
    ...refused.map((difference) => line(colors.red('refused  '), printable(difference))),
    ...(refused.length > 0 ? [] : [line('refused', 'nothing')]),
  ];
}

function restText(rest: Explanation['rest'], batches: number): string {
  const from = `from batch ${batches}`;
  if (rest === null) return `everything ${from}`;
  if (rest.from >= rest.of) return 'nothing is left to read; only the output is left to publish';
  const percent = Math.floor((rest.from / Math.max(1, rest.of)) * 100);
  return `everything ${from}: ${grouped(rest.of - rest.from)} of ${grouped(rest.of)} ${rest.unit} (${percent}% are done)`;
}

/** 3, 5–9 */
function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
}
