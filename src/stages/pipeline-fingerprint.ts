/** What tells one pipeline from another (I15): stage names, order, versions and hashed options. */
import { sha256 } from '#sha256';
import type { Json, JsonObject } from '../../machines/context.js';
import { canonicalJson } from '../formats/json.js';
import { describeStage } from './fingerprint.js';
import type { AnyStage } from './stage.js';

/** Increased when the contents of a fingerprint change. */
const FORMAT = 1;
const STAGE_HASH_LENGTH = 32;

export function pipelineFingerprint(stages: readonly AnyStage[]): JsonObject {
  return { format: FORMAT, stages: stages.map(describeStage) };
}

/** Per stage: 32 hexadecimal digits, a hash of the descriptions of the stage and of all stages before it, because its output depends
 * on them. */
export function stageFingerprints(stages: readonly AnyStage[]): string[] {
  const descriptions = stages.map(describeStage);
  return stages.map((_, i) => hashOf(canonicalJson(descriptions.slice(0, i + 1) as Json)));
}

/** A stage's fingerprint, as a journal record holds it: records of 0.1.0 hold the descriptions themselves. */
export function recordedFingerprint(stored: unknown): unknown {
  return typeof stored === 'string' && stored.startsWith('[') ? hashOf(stored) : stored;
}

const hashOf = (descriptions: string): string => sha256(descriptions).slice(0, STAGE_HASH_LENGTH);

/** The differences between a stored fingerprint and these stages, in words; none: the same pipeline. */
export function fingerprintDifferences(stored: Json, stages: readonly AnyStage[]): string[] {
  const now = pipelineFingerprint(stages);
  if (canonicalJson(stored) === canonicalJson(now)) return [];
  const before = storedStages(stored);
  if (before === undefined) return ['it was written by a release that compares pipelines differently'];
  const differences: string[] = [];
  const after = now.stages as readonly JsonObject[];
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    const a = before[i];
    const b = after[i];
    if (a === undefined) differences.push(`stage ${i + 1} "${String(b?.name)}" was added`);
    else if (b === undefined) differences.push(`stage ${i + 1} "${String(a.name)}" was removed`);
    else if (a.name !== b.name)
      differences.push(`stage ${i + 1} was "${String(a.name)}" and is "${String(b.name)}"`);
    else differences.push(...changedFields(a, b));
  }
  return differences.length > 0 ? differences : ['the pipeline is composed differently'];
}

/** How the stages before a stage differ from the stored ones, in words; none: they are the same. */
export function differencesBefore(name: string, stored: Json, stages: readonly AnyStage[]): string[] {
  const isNamed = (stage: { readonly name?: unknown }) => stage.name === name;
  const before = storedStages(stored)?.slice();
  if (before !== undefined) before.length = Math.max(0, before.findIndex(isNamed));
  const passed = before === undefined ? stored : { format: FORMAT, stages: before };
  return fingerprintDifferences(passed, stages.slice(0, Math.max(0, stages.findIndex(isNamed))));
}

function changedFields(a: JsonObject, b: JsonObject): string[] {
  return Object.keys({ ...a, ...b })
    .filter((key) => canonicalJson(a[key] ?? null) !== canonicalJson(b[key] ?? null))
    .map((key) =>
      key === 'version'
        ? `stage "${String(a.name)}" was version ${String(a.version)} and is ${String(b.version)}`
        : `stage "${String(a.name)}" has another ${key}`,
    );
}

function storedStages(stored: Json): readonly JsonObject[] | undefined {
  if (typeof stored !== 'object' || stored === null || !('format' in stored)) return undefined;
  const { format, stages } = stored as JsonObject;
  return format === FORMAT && Array.isArray(stages) ? (stages as readonly JsonObject[]) : undefined;
}
