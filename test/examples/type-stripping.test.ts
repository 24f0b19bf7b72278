/**
 * Pins: Node's own type stripping (22.18 and later) takes every example: no enum, parameter property, namespace or
 * `import =`, and relative imports name the `.ts` file.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync, Visitor } from 'rolldown/utils';
import { expect, test } from 'vitest';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const files = readdirSync(examples, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);

/** What Node would refuse in a file. */
function obstaclesIn(name: string, code: string): string[] {
  const found: string[] = [];
  const refuse = ({ type }: { readonly type: string }) => void found.push(type);
  const visitor = new Visitor({
    TSEnumDeclaration: refuse,
    TSParameterProperty: refuse,
    TSImportEqualsDeclaration: refuse,
    TSExportAssignment: refuse,
    TSModuleDeclaration: ({ type, declare }) => void (declare || found.push(type)),
    ImportDeclaration: ({ source }) =>
      void (/^\..*(?<!\.ts)$/.test(source.value) && found.push(source.value)),
  });
  visitor.visit(parseSync(name, code).program);
  return found;
}

test.each(files)('%s', (name) => {
  expect(obstaclesIn(name, readFileSync(join(examples, name), 'utf8'))).toEqual([]);
});

test('each obstacle is found', () => {
  const code = `import './a.js'; import b = require('b'); enum C { d } namespace E { export const f = 1; }
    class G { constructor(private h: number) {} } declare module 'vitest' { interface I {} }`;
  expect(obstaclesIn('all.ts', code)).toEqual([
    './a.js',
    'TSImportEqualsDeclaration',
    'TSEnumDeclaration',
    'TSModuleDeclaration',
    'TSParameterProperty',
  ]);
});
