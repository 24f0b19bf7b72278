/**
 * An input is not overwritten, and two outputs do not replace one another, under other names: symbolic links, hard links.
 * Outputs do not share one file for their dead letters.
 */
import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { filter, map, memoryStorage, pipeline, StateManager } from 'xstate-pipeline';
import { csv, type FileEndpoint, jsonl } from 'xstate-pipeline/node';
import { freshFolder } from '../support/folders.js';

const INPUT = '{"n":1}\n{"n":2}\n';

function place(): (...names: string[]) => string {
  const folder = freshFolder();
  mkdirSync(join(folder, 'real'));
  symlinkSync(join(folder, 'real'), join(folder, 'link'));
  writeFileSync(join(folder, 'real', 'in.jsonl'), INPUT);
  return (...names) => join(folder, ...names);
}

const copy = (source: string, sink: string, deadLetter?: FileEndpoint<never>) =>
  pipeline('copy', deadLetter && { deadLetter: deadLetter as never })
    .from(jsonl<{ n: number }>(source))
    .pipe(filter('first', ({ n }) => n === 1))
    .to(jsonl(sink))
    .run({ stateManager: new StateManager(memoryStorage()) });

test('a symbolic link to the folder', async () => {
  const at = place();
  await expect(copy(at('real', 'in.jsonl'), at('link', 'in.jsonl'))).rejects.toThrow(
    'The source and the sink are the same file',
  );
  expect(readFileSync(at('real', 'in.jsonl'), 'utf8')).toBe(INPUT);
});

test('a symbolic link to the input', async () => {
  const at = place();
  symlinkSync(at('real', 'in.jsonl'), at('alias.jsonl'));
  await expect(copy(at('alias.jsonl'), at('real', 'in.jsonl'))).rejects.toThrow('are the same file');
  expect(readFileSync(at('real', 'in.jsonl'), 'utf8')).toBe(INPUT);
});

test('a hard link to the input', async () => {
  const at = place();
  linkSync(at('real', 'in.jsonl'), at('hard.jsonl'));
  await expect(copy(at('real', 'in.jsonl'), at('hard.jsonl'))).rejects.toThrow('are the same file');
});

test('the dead letters: the input, and the output before it exists', async () => {
  const at = place();
  const source = at('real', 'in.jsonl');
  await expect(copy(source, at('real', 'out.jsonl'), jsonl(at('link', 'out.jsonl')))).rejects.toThrow(
    'The sink and the dead-letter sink are the same file',
  );
  await expect(copy(source, at('real', 'out.jsonl'), jsonl(at('link', 'in.jsonl')))).rejects.toThrow(
    'The source and the dead-letter sink are the same file',
  );
});

test('out.csv, out.jsonl and out each have dead letters of their own', () => {
  const at = place();
  const sinks = [csv(at('out.csv')), jsonl(at('out.jsonl')), jsonl(at('out')), jsonl(at('out.ndjson'))];
  const labels = sinks.map(({ sink }) => sink.deadLetters?.().label);
  expect(new Set(labels).size).toBe(sinks.length);
  expect(labels[1]).toBe(at('out.dead-letter.jsonl'));
});

test('a clean run removes the dead letters of an earlier one; a malformed row is a dead letter with its text', async () => {
  const at = place();
  const run = (bad: number) =>
    pipeline('letters')
      .from(jsonl<{ n: number }>(at('real', 'in.jsonl'), { onMalformed: 'dead-letter' }))
      .pipe(
        map(
          'check',
          (row) => {
            if (row.n === bad) throw new Error('bad');
            return row;
          },
          { onError: 'dead-letter' },
        ),
      )
      .to(jsonl(at('out.jsonl')))
      .run({ stateManager: new StateManager(memoryStorage()) });
  const letters = () => readFileSync(at('out.dead-letter.jsonl'), 'utf8');
  await run(2);
  expect(JSON.parse(letters())).toMatchObject({ stage: 'check', row: 1, value: { n: 2 } });
  await run(0);
  expect(letters).toThrow('ENOENT');
  writeFileSync(at('real', 'in.jsonl'), `${INPUT}{"n":\n{"n":4}\n`);
  await run(0);
  expect(JSON.parse(letters())).toMatchObject({ stage: 'source', row: 2, value: '{"n":' });
});

test('CSV to CSV keeps the order of columns that are numbers', async () => {
  const at = place();
  const text = 'country,2020,2019\nFR,1,2\n';
  writeFileSync(at('in.csv'), text);
  await pipeline('years')
    .from(csv(at('in.csv')))
    .pipe(map('same', (row) => ({ ...row })))
    .to(csv(at('out.csv')))
    .run({ stateManager: new StateManager(memoryStorage()) });
  expect(readFileSync(at('out.csv'), 'utf8')).toBe(text);
});
