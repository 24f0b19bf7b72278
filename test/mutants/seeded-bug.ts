/**
 * A bug that is put in on purpose, and its place in the sources.
 *
 * The place is found by syntax: a symbol that the bug's file imports, and a pattern (pattern.ts) within it. So it survives
 * renamed symbols, variables and files, other layout and other comments. A place that is gone or stands twice is an error.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { fillTemplate, findMatches, parse } from './pattern.js';

/** An exported class or function. */
// biome-ignore lint/complexity/noBannedTypes: only its name counts
export type Symbol = Function;

/** One small change of one source, with the suite that has to notice. */
export interface Bug {
  /** To run it alone. */
  readonly name: string;
  readonly what: string;
  readonly invariant: string;
  /** The pattern stands once within this symbol's declaration … */
  readonly in?: Symbol;
  /** … or once within the file that declares this symbol; without either, once in all sources. */
  readonly beside?: Symbol;
  readonly find: string;
  /** May name what the pattern captured. */
  readonly replace: string;
  readonly suite: string;
}

/** The file with the bug in it; `path` is relative to the repository. */
export interface Seeded {
  readonly path: string;
  readonly original: string;
  readonly text: string;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** @throws {Error} when the pattern does not stand once in its place, or what it becomes does not parse. */
export function seed(bug: Bug): Seeded {
  const { path, original, start, end, replacement } = placeOf(bug);
  const text = original.slice(0, start) + replacement + original.slice(end);
  if (text === original) throw new Error(`The bug ${bug.name} changes nothing in ${path}.`);
  parse(`${path} with the bug ${bug.name}`, text);
  return { path, original, text };
}

interface Place {
  readonly path: string;
  readonly original: string;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

function placeOf(bug: Bug): Place {
  const { where, scopes } = scopesOf(bug);
  const found = scopes.flatMap(({ file, node }) =>
    findMatches(bug.find, file, node).map((match) => ({ file, match })),
  );
  const [place] = found;
  if (place === undefined || found.length > 1)
    throw new Error(`The bug ${bug.name} is stale: its pattern stands ${found.length} times in ${where}.`);
  const { file, match } = place;
  const replacement = fillTemplate(bug.replace, match.captures);
  return { path: file.fileName, original: file.text, start: match.start, end: match.end, replacement };
}

function scopesOf(bug: Bug): { readonly where: string; readonly scopes: readonly Declaration[] } {
  const symbol = bug.in ?? bug.beside;
  if (symbol === undefined)
    return { where: 'all sources', scopes: sources().map((file) => ({ file, node: file })) };
  const found = declarationsOf(symbol.name);
  const [declaration] = found;
  if (declaration === undefined || found.length > 1)
    throw new Error(`The bug ${bug.name} is stale: ${found.length} files export a ${symbol.name}.`);
  const { file, node } = declaration;
  return {
    where: `${file.fileName}, ${symbol.name}`,
    scopes: [{ file, node: bug.in === undefined ? file : node }],
  };
}

interface Declaration {
  readonly file: ts.SourceFile;
  readonly node: ts.Node;
}

/** The exports of that name that are written as a class, a function or a constant. */
const declarationsOf = (name: string): Declaration[] =>
  sources().flatMap((file) =>
    file.statements.flatMap((node) => {
      const isExported = ts.canHaveModifiers(node) && node.modifiers?.some(({ kind }) => kind === EXPORT);
      return isExported && namesOf(node).includes(name) ? [{ file, node }] : [];
    }),
  );

const EXPORT = ts.SyntaxKind.ExportKeyword;

function namesOf(node: ts.Statement): string[] {
  if (ts.isVariableStatement(node))
    return node.declarationList.declarations.map(({ name }) => name.getText());
  return ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) ? [node.name?.text ?? ''] : [];
}

let parsed: readonly ts.SourceFile[] | undefined;

/** The sources of the library. */
function sources(): readonly ts.SourceFile[] {
  parsed ??= ['src', 'machines']
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) =>
        join(folder, path),
      ),
    )
    .filter((path) => path.endsWith('.ts') && !path.startsWith(join('src', 'inspector')))
    .map((path) => parse(path, readFileSync(join(ROOT, path), 'utf8')));
  return parsed;
}
