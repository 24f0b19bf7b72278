/** Pins: a replay reads a recording's steps as text, in the recorder's own words, and decodes none of them while nothing parts;
 * a line in other words is decoded, and found the same. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { AnyStage } from 'xstate-pipeline';
import { replayRecording } from '../../src/history/replay/replay.js';
import { readStepLine } from '../../src/recording/step-text.js';
import { recordedRun, textOf, whole } from '../testing/replay/recorded-run.js';
import { readerOf } from './live-run.js';

const stages: readonly AnyStage[] = whole.stages;
let text: string;
beforeAll(async () => {
  text = textOf(await recordedRun());
});

function replayed(recording: string) {
  const reader = readerOf(recording);
  const before = reader.decoded;
  const { ok, steps } = replayRecording(stages, reader);
  return { ok, steps, decoded: reader.decoded - before, records: reader.length };
}

const stepsOf = (recording: string) => recording.split('\n').filter((line) => /^\{"k":"[sS]"/.test(line));

describe('a recording', () => {
  test('as it was written is not decoded', () => {
    const { ok, steps, decoded, records } = replayed(text);
    const others = records - steps - text.split(/"k":"[vV]"/).length + 1;
    const begun = stepsOf(text).filter((line) =>
      /"e":\{"type":"(execute|resume)".*"INITIALIZING"/.test(line),
    ).length;
    expect({ ok, decoded }).toEqual({ ok: true, decoded: others + begun });
    expect(steps).toBeGreaterThan(100);
  });

  test('in other words is', () => {
    const reordered = text.replace(/^(\{"k":"[sS]".*?),"f":("[^"]*")(.*)\}$/gm, '$1$3,"f":$2}');
    const { ok, steps, decoded } = replayed(reordered);
    expect(ok).toBe(true);
    expect(decoded).toBeGreaterThanOrEqual(steps);
  });
});

describe('a line', () => {
  const of = (event: string, actor = '"stage:a"') =>
    `{"k":"s","n":1,"t":2,"a":${actor},"e":${event},"f":"idle","x":1}`;

  test('in parts', () => {
    expect(readStepLine(of('{"type":"process","batch":1}'))).toEqual({
      actor: 'stage:a',
      event: { type: 'process', batch: 1 },
      outcome: ',"f":"idle","x":1}',
    });
    expect(readStepLine(of('null'))?.event).toBeNull();
  });

  test.each([
    ['an event with a key of that name', of('{"type":"x","f":1}')],
    ['an event without a type', of('{"batch":1}')],
    ['no JSON', of('{"type":!}')],
    ['a key that reaches a prototype', of('{"type":"x","__proto__":{}}')],
    ['too deep', of(`{"type":"x","a":${'['.repeat(40)}${']'.repeat(40)}}`)],
    ['a name with an escape', of('null', '"stage:\\"a\\\\"')],
    ['another record', '{"k":"k","n":1,"t":2,"actors":{}}'],
    ['the beginning of one', of('{"type":"process","batch":1}').slice(0, 50)],
  ])('%s is left to the decoder', (_, line) => {
    expect(readStepLine(line)).toBeUndefined();
  });
});
