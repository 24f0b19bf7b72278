/** Pins: what the block shows at any width, that no line is too wide or too many, and that names cannot escape. */
import fc from 'fast-check';
import pc from 'picocolors';
import { describe, expect, test } from 'vitest';
import type { Progress, StageProgress } from '../../src/observers/progress/progress.js';
import { type LinesLayout, progressLines } from '../../src/observers/progress/progress-lines.js';
import { startLine } from '../../src/observers/progress/progress-summary.js';
import { compact, grouped, shortened, span, widthOf } from '../../src/observers/progress/terminal-text.js';

const lane = (stage: string, rows: number, more: Partial<StageProgress> = {}): StageProgress => ({
  stage,
  batches: 10,
  rowsIn: rows,
  rowsOut: rows,
  skipped: 0,
  deadLettered: 0,
  retries: 0,
  inFlight: 0,
  awaitingPermit: 0,
  failed: 0,
  rowsPerSecond: 0,
  ...more,
});

const PROGRESS: Progress = {
  state: 'EXECUTING',
  pipeline: 'reviews',
  sessionId: 'id',
  rowsIn: 1_240_000,
  rowsOut: 1_190_400,
  rowsSkipped: 14,
  rowsDeadLettered: 3,
  retries: 5,
  rowsPerSecond: 18_345.6,
  fraction: 0.42,
  etaMs: 72_000,
  committedBatches: 2_400,
  elapsedMs: 52_400,
  stages: [
    lane('normalise', 1_240_000),
    lane('classify', 1_228_800, { inFlight: 8, retries: 5, skipped: 12, deadLettered: 3 }),
    lane('enrich', 1_220_000, { rowsOut: 1_190_400, inFlight: 1 }),
  ],
  lastCheckpoint: { at: 9_997_000, bytes: 900, durationMs: 3 },
};

const layout = (columns: number, more: Partial<LinesLayout> = {}): LinesLayout => ({
  columns,
  rows: 24,
  ascii: false,
  colors: pc.createColors(false),
  frame: 2,
  now: 10_000_000,
  ...more,
});
const text = (...parameters: Parameters<typeof progressLines>) =>
  `\n${progressLines(...parameters).join('\n')}\n`;

test('batches that wait for a permit are shown, in words where there is room', () => {
  const stages = [lane('classify', 1_000, { inFlight: 8, awaitingPermit: 24 })];
  const lines = (columns: number) => progressLines({ ...PROGRESS, stages }, layout(columns)).join('\n');
  expect(lines(110)).toContain('●8   24 awaiting a permit');
  expect(lines(60)).toContain('◷24');
});

describe('the block', () => {
  test('at 80 columns', () => {
    expect(text(PROGRESS, layout(80))).toMatchInlineSnapshot(`
      "
      ⠹ reviews  ━━━━━━━━━━━━━━━━━━━━━──────────────────────────────  42%  ETA 1m 12s
        1,240,000 → 1,190,400 rows · 18,346/s · 2 unreadable · 52s · saved 3s ago
        ├ normalise   1,240,000 → 1,240,000
        ├ classify    1,228,800 → 1,228,800   ●8   ↻5   ⊘12   ✗3
        └ enrich      1,220,000 → 1,190,400   ●1
      "
    `);
  });
  test('at 110 columns, with room for words', () => {
    expect(text(PROGRESS, layout(110))).toMatchInlineSnapshot(`
      "
      ⠹ reviews  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━───────────────────────────────────────────────  42%  ETA 1m 12s
        1,240,000 → 1,190,400 rows · 18,346/s · 2 unreadable · 52s · saved 3s ago
        ├ normalise   1,240,000 → 1,240,000
        ├ classify    1,228,800 → 1,228,800   ●8   5 retries   12 skipped   3 dead-lettered
        └ enrich      1,220,000 → 1,190,400   ●1
      "
    `);
  });
  test('at 40 columns', () => {
    expect(text(PROGRESS, layout(40))).toMatchInlineSnapshot(`
      "
      ⠹ reviews  ━━━━╸──────  42%  ETA 1m 12s
        1.24M → 1.19M rows · 18.3k/s
        ├ normalise 1.24M → 1.24M
        ├ classify  1.23M → 1.23M ↻5 ⊘12 ✗3
        └ enrich    1.22M → 1.19M ●1
      "
    `);
  });
  test('at 20 columns', () => {
    expect(text(PROGRESS, layout(20))).toMatchInlineSnapshot(`
      "
      ⠹ 42%
      1.24M → 1.19M rows
      ├ nor…
      ├ cla…
      └ enr…
      "
    `);
  });
  test('in ASCII', () => {
    const ascii = text(PROGRESS, layout(80, { ascii: true }));
    expect(ascii).toMatch(/^[\x20-\x7e\n]*$/);
    expect(ascii).toMatchInlineSnapshot(`
      "
      - reviews  =====================------------------------------  42%  ETA 1m 12s
        1,240,000 -> 1,190,400 rows - 18,346/s - 2 unreadable - 52s - saved 3s ago
        | normalise   1,240,000 -> 1,240,000
        | classify    1,228,800 -> 1,228,800   *8   r5   s12   d3
        \` enrich      1,220,000 -> 1,190,400   *1
      "
    `);
  });
  test('with an input of unknown size the bar goes to and fro', () => {
    const { lastCheckpoint: _, ...rest } = PROGRESS;
    const unknown = { ...rest, fraction: undefined, etaMs: undefined, stages: [] };
    const frames = [0, 10, 60].map((frame) => progressLines(unknown, layout(60, { frame }))[0]);
    expect(`\n${frames.join('\n')}\n`).toMatchInlineSnapshot(`
      "
      ⠋ reviews  ━━━━━━━━━───────────────────────────────────────
      ⠋ reviews  ──────────━━━━━━━━━─────────────────────────────
      ⠋ reviews  ──────────────────━━━━━━━━━─────────────────────
      "
    `);
  });
  test('with colours', () => {
    const lines = progressLines(PROGRESS, layout(60, { colors: pc.createColors(true) }));
    expect(lines.map((line) => JSON.stringify(line)).join('\n')).toMatchInlineSnapshot(`
      ""\\u001b[36m⠹\\u001b[39m \\u001b[1mreviews\\u001b[22m  \\u001b[36m━━━━━━━━━━━━━\\u001b[39m\\u001b[2m──────────────────\\u001b[22m \\u001b[1m 42%\\u001b[22m  ETA 1m 12s"
      "  1.24M → 1.19M rows\\u001b[2m · \\u001b[22m18.3k/s\\u001b[2m · \\u001b[22m\\u001b[33m2 unreadable\\u001b[39m\\u001b[2m · \\u001b[22m\\u001b[2m52s\\u001b[22m"
      "  \\u001b[2m├ \\u001b[22mnormalise 1.24M → 1.24M"
      "  \\u001b[2m├ \\u001b[22m\\u001b[36mclassify \\u001b[39m 1.23M → 1.23M \\u001b[36m●8\\u001b[39m \\u001b[33m↻5\\u001b[39m \\u001b[33m⊘12\\u001b[39m \\u001b[31m✗3\\u001b[39m"
      "  \\u001b[2m└ \\u001b[22m\\u001b[36menrich   \\u001b[39m 1.22M → 1.19M \\u001b[36m●1\\u001b[39m""
    `);
  });
  test('with more stages than the terminal has rows', () => {
    const stages = Array.from({ length: 30 }, (_, index) => lane(`stage ${index}`, 5));
    const lines = progressLines({ ...PROGRESS, stages }, layout(80, { rows: 8 }));
    expect(lines).toHaveLength(7);
    expect(lines.at(-1)).toBe('  └ 26 more stages');
  });
  test('with names that would move the cursor', () => {
    const stages = [lane('a\x1b[2Jb\nc\u202e', 1)];
    const shown = progressLines({ ...PROGRESS, pipeline: '\x1b]0;title\x07x', stages }, layout(80)).join('');
    expect(shown).not.toMatch(/\p{Cc}|\u202e/u);
  });
});

test('no line is as wide as the terminal, there are fewer lines than rows', () => {
  const name = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.constantFrom('分類する段階の名前', '🚀🚀🚀', ''),
  );
  const count = fc.nat(2_000_000_000);
  fc.assert(
    fc.property(
      fc.record({
        columns: fc.integer({ min: 1, max: 200 }),
        rows: fc.integer({ min: 1, max: 40 }),
        ascii: fc.boolean(),
        frame: fc.nat(1_000),
        fraction: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
        etaMs: fc.option(count, { nil: undefined }),
        pipeline: name,
        stages: fc.array(
          fc.record({
            stage: name,
            rows: count,
            inFlight: fc.nat(500),
            awaitingPermit: fc.nat(500),
            retries: count,
            skipped: count,
          }),
          {
            maxLength: 12,
          },
        ),
      }),
      ({ columns, rows, ascii, frame, stages, ...rest }) => {
        const progress = {
          ...PROGRESS,
          ...rest,
          stages: stages.map(({ stage, rows: each, ...more }) => lane(stage, each, more)),
        };
        const lines = progressLines(progress, layout(columns, { rows, ascii, frame }));
        for (const line of lines) expect(widthOf(line)).toBeLessThan(Math.max(2, columns));
        expect(lines.length).toBeLessThan(Math.max(2, rows));
      },
    ),
  );
});

describe('figures and widths', () => {
  test.each([
    [0, '0'],
    [999, '999'],
    [1_000, '1.00k'],
    [9_999, '10.0k'],
    [99_960, '100k'],
    [999_499, '999k'],
    [999_600, '1.00M'],
    [1_240_000, '1.24M'],
    [5e12, '5.00T'],
  ])('compact %d is %s', (count, shown) => expect(compact(count)).toBe(shown));

  test.each([
    [0, '0ms'],
    [850, '850ms'],
    [59_400, '59s'],
    [59_600, '1m 00s'],
    [3_600_000, '1h 00m'],
    [90_000_000, '1d 01h'],
    [-5, '0ms'],
  ])('%d ms is %s', (ms, shown) => expect(span(ms)).toBe(shown));

  test('grouped', () => {
    expect([999, 1_000, 1_234_567.4].map(grouped)).toEqual(['999', '1,000', '1,234,567']);
  });

  test('widths of wide and combining characters, and cutting them', () => {
    expect(['abc', '分類', 'e\u0301', '🚀'].map(widthOf)).toEqual([3, 4, 1, 2]);
    expect(shortened('分類する', 5, '…')).toBe('分類…');
    expect(shortened('分類する', 4, '…')).toBe('分…');
    expect(shortened('abc', 3, '…')).toBe('abc');
    expect(shortened('abc', 0, '…')).toBe('');
  });
});

test('a run without stages is said to have none', () => {
  const event = { type: 'pipeline.started', sessionId: 'id', at: 0, pipeline: 'copy', stages: [] } as const;
  const start = { ...event, resumed: false, fromBatch: 0, rowsIn: 0, rowsOut: 0, done: 0 };
  expect(startLine(start)).toBe('copy started, session id, 0 stages');
  expect(startLine({ ...start, stages: ['a', 'b'] })).toBe('copy started, session id, 2 stages: a, b');
});
