/** Pins: every code block of the documentation is found, however it is written. */
import { describe, expect, test } from 'vitest';
import { blocksOf, strangeCommands } from './markdown.js';

const fenced = (info: string, code: string, marks = '```') => `${marks}${info}\n${code}\n${marks}\n`;

describe('blocksOf', () => {
  test.each([
    ['ts', 'ts'],
    ['typescript', 'ts'],
    ['js', 'js'],
    ['sh', 'sh'],
    ['bash', 'sh'],
  ])('finds %s', (info, language) => {
    const [block] = blocksOf('a.md', `# A\n\n${fenced(info, 'one\n\ntwo')}`);
    expect(block).toMatchObject({ page: 'a.md', line: 4, language, code: 'one\n\ntwo', notRun: undefined });
  });

  test('ignores other languages, and fences within fences', () => {
    expect(blocksOf('a.md', fenced('json', '{}') + fenced('', 'x'))).toEqual([]);
    expect(blocksOf('a.md', fenced('md', fenced('ts', 'x'), '````'))).toEqual([]);
  });

  test('finds blocks inside lists, without their indent', () => {
    const [block] = blocksOf('a.md', '- do\n\n  ```sh\n  node a.js\n    node b.js\n  ```\n');
    expect(block?.code).toBe('node a.js\n  node b.js');
  });

  test('reads only the comments right above a block', () => {
    const comments = '<!-- with: one -->\n<!-- with: two -->\n<!-- file: a.ts -->\n';
    const [first, second] = blocksOf('a.md', comments + fenced('ts', 'x') + fenced('ts', 'y'));
    expect(first).toMatchObject({ fixtures: ['one', 'two'], file: 'a.ts' });
    expect(second).toMatchObject({ fixtures: [], file: undefined });
    const [third] = blocksOf('a.md', `<!-- not run: needs a key -->\n${fenced('sh', 'x')}`);
    expect(third?.notRun).toBe('needs a key');
  });

  test('keeps the commands of a transcript', () => {
    const [block] = blocksOf('a.md', fenced('console', '$ node a.js\nhello\n$ node b.js'));
    expect(block?.code).toBe('node a.js\n\nnode b.js');
  });

  test.each([
    ['a reason that is empty', `<!-- not run: -->\n${fenced('ts', 'x')}`, 'a.md:1: "not run" says nothing'],
    ['a comment that a block is far from', `<!-- with: a -->\n\n${fenced('ts', 'x')}`, 'belongs to no block'],
    ['a comment at the end', '<!-- with: a -->', 'belongs to no block'],
    ['a block that does not end', '```ts\nx\n', 'a.md:1: the block does not end'],
  ])('refuses %s', (_, markdown, message) => {
    expect(() => blocksOf('a.md', markdown)).toThrow(message);
  });
});

test('strangeCommands lists the commands that the tests do not run', () => {
  expect(
    strangeCommands('# try\nnpx xstate-pipeline run \\\n  a.ts\nnode a.js | wc -l && cat out.jsonl'),
  ).toEqual([]);
  expect(strangeCommands('npm install xstate-pipeline\nnode a.js; rm -r x')).toEqual([
    'npm install xstate-pipeline',
    'rm -r x',
  ]);
});
