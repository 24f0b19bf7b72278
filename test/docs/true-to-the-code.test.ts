/**
 * Pins: the documentation agrees with the code. Statecharts are those of the machines, paths exist, every dependency and
 * every invariant has its row, exit codes are those of the command line.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createExecutorMachine, stageMachine, WORKERS } from 'xstate-pipeline/machines';
import { mermaid } from '../../src/cli/output/mermaid.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (page: string) => readFileSync(join(root, page), 'utf8');
const pages = [
  'README.md',
  'ARCHITECTURE.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  ...readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `examples/${name}`),
];

const charts = (page: string) => [...read(page).matchAll(/```mermaid\n(.*?)```/gs)].map(([, chart]) => chart);

test('the statecharts on the pages are those of the machines', () => {
  const executor = mermaid(createExecutorMachine([{ name: 'a stage', concurrency: 1, attempts: 1 }]).root);
  expect(charts('ARCHITECTURE.md')).toEqual([
    executor,
    ...[stageMachine, ...Object.values(WORKERS)].map(({ root: chart }) => mermaid(chart)),
  ]);
  expect(charts('README.md')).toEqual([executor]);
});

describe.each(pages)('%s', (page) => {
  test('every path and every link exists', () => {
    const text = read(page);
    const named = [...text.matchAll(/`((?:src|machines|test|examples|docs|\.ci)\/[\w./-]*)`/g)].map(
      ([, path]) => path as string,
    );
    const linked = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) =>
      join(dirname(page), path as string),
    );
    expect([...named, ...linked].filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

test('every dependency is named with its reason and its licence', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const rows = new Map(
    [...read('ARCHITECTURE.md').matchAll(/^\| (?!package )(\S+) \| (.+) \| ([\w.-]+), [^|]+\|$/gm)].map(
      ([, name, , licence]) => [name, licence],
    ),
  );
  const licences = Object.keys(dependencies).map((name) => {
    const { license } = JSON.parse(read(`node_modules/${name}/package.json`)) as { license: string };
    return [name, license];
  });
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(licences));
});

test('every invariant has a row, and the files that keep and pin it cite it', () => {
  const rows = [...read('ARCHITECTURE.md').matchAll(/^\| (I\d+) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$/gm)];
  expect(rows.map(([, name]) => name)).toEqual([
    ...Array.from({ length: 23 }, (_, i) => `I${i + 1}`),
    // I24 is about remote calls, which there are none of.
    ...['I25', 'I26', 'I27', 'I28'],
  ]);
  const silent = rows.flatMap(([, name, kept = '', pinned = '']) =>
    [kept, pinned]
      .filter((cell) => {
        const files = [...cell.matchAll(/`([\w./-]+\.ts)`/g)].map(([, file]) => read(file as string));
        return !files.some((file) => cites(file, name as string));
      })
      .map((cell) => `${name}: ${cell}`),
  );
  expect(silent).toEqual([]);
});

/** `I5–I9` cites I7. */
function cites(text: string, invariant: string): boolean {
  const number = Number(invariant.slice(1));
  if (new RegExp(`\\b${invariant}\\b`).test(text)) return true;
  return [...text.matchAll(/\bI(\d+)–I(\d+)\b/g)].some(
    ([, from, to]) => Number(from) <= number && number <= Number(to),
  );
}

test('the documented exit codes are those of the command line', () => {
  const source = read('src/cli/exit-codes.ts').replace(/\/\*.*?\*\//gs, '');
  const codes = new Set([...source.matchAll(/(?:= |: )(\d+)[,; ]/g)].map(([, code]) => Number(code)));
  const documented = [...read('docs/command-line.md').matchAll(/^\| ([\d, ]+) \| /gm)].flatMap(
    ([, cell = '']) => cell.split(', ').map(Number),
  );
  expect(documented.sort((a, b) => a - b)).toEqual([...codes].sort((a, b) => a - b));
});
