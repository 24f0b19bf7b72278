/**
 * Structural search and replace over TypeScript's syntax tree, in the manner of Semgrep and Coccinelle.
 *
 * A pattern is TypeScript. `$name` matches any one node and the same text wherever it stands again; `$$name` matches any
 * number of arguments, properties or statements. All else must be equal node by node, so layout, comments and the names
 * behind `$` do not matter. A pattern of several statements matches consecutive statements.
 */
import ts from 'typescript';

type Captures = ReadonlyMap<string, string>;

/** Where a pattern stands, and the texts of its `$` names. */
export interface Match {
  readonly start: number;
  readonly end: number;
  readonly captures: Captures;
}

/** All places of the pattern within a node of the file. */
export function findMatches(pattern: string, file: ts.SourceFile, scope: ts.Node): Match[] {
  const wanted = parsePattern(pattern);
  const matches: Match[] = [];
  const visit = (node: ts.Node): void => {
    const children = childrenOf(node, file);
    if (wanted.length === 1) {
      const captures = new Map<string, string>();
      if (isSame(wanted[0] as ts.Node, node, file, captures)) matches.push(matchOf(node, node, captures));
    } else if (node.kind === ts.SyntaxKind.SyntaxList) {
      for (let i = 0; i + wanted.length <= children.length; i++) {
        const captures = new Map<string, string>();
        if (wanted.every((item, k) => isSame(item, children[i + k] as ts.Node, file, captures)))
          matches.push(matchOf(children[i] as ts.Node, children[i + wanted.length - 1] as ts.Node, captures));
      }
    }
    for (const child of children) visit(child);
  };
  const matchOf = (first: ts.Node, last: ts.Node, captures: Captures): Match => ({
    start: first.getStart(file),
    end: last.end,
    captures,
  });
  visit(scope);
  return matches;
}

/** The template with the captured texts in the places of its `$` names.
 * @throws {Error} when the pattern captured no text for one of them. */
export function fillTemplate(template: string, captures: Captures): string {
  return template.replace(/\$\$?[A-Za-z]\w*/g, (name) => {
    const text = captures.get(name);
    if (text === undefined) throw new Error(`The replacement names ${name}, which the pattern does not.`);
    return text;
  });
}

/** @throws {SyntaxError} when the text does not parse. */
export function parse(path: string, text: string): ts.SourceFile {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const [problem] = (file as unknown as { parseDiagnostics: readonly ts.Diagnostic[] }).parseDiagnostics;
  if (problem !== undefined)
    throw new SyntaxError(`${path}: ${ts.flattenDiagnosticMessageText(problem.messageText, ' ')}`);
  return file;
}

/** One expression, or a list of statements when the text ends a statement. */
function parsePattern(pattern: string): readonly ts.Node[] {
  const text = pattern.trim();
  const isStatements = /[;}]$/.test(text) && !text.startsWith('{');
  const [statement] = parse(
    text,
    isStatements ? `async () => {${text}}` : `async () => (${text})`,
  ).statements;
  const { body } = (statement as ts.ExpressionStatement).expression as ts.ArrowFunction;
  return ts.isBlock(body) ? body.statements : [(body as ts.ParenthesizedExpression).expression];
}

function isSame(
  pattern: ts.Node,
  node: ts.Node,
  file: ts.SourceFile,
  captures: Map<string, string>,
): boolean {
  const name = captureName(pattern);
  if (name !== undefined) return capture(name, node.getText(file), captures);
  if (pattern.kind !== node.kind) return false;
  const from = pattern.getSourceFile();
  const [wanted, children] = [childrenOf(pattern, from), childrenOf(node, file)];
  if (wanted.length === 0 && children.length === 0) return pattern.getText(from) === node.getText(file);
  return isSameList(wanted, children, file, captures);
}

/** With at most one `$$name`, which takes what the others leave. */
function isSameList(
  wanted: readonly ts.Node[],
  nodes: readonly ts.Node[],
  file: ts.SourceFile,
  captures: Map<string, string>,
): boolean {
  const at = wanted.findIndex((item) => captureName(item)?.startsWith('$$'));
  if (at < 0) {
    return (
      wanted.length === nodes.length &&
      wanted.every((item, i) => isSame(item, nodes[i] as ts.Node, file, captures))
    );
  }
  const after = wanted.length - at - 1;
  if (nodes.length < at + after) return false;
  const taken = nodes.slice(at, nodes.length - after);
  const text = taken.length === 0 ? '' : file.text.slice(taken[0]?.getStart(file), taken.at(-1)?.end);
  return (
    isSameList(wanted.slice(0, at), nodes.slice(0, at), file, captures) &&
    capture(captureName(wanted[at] as ts.Node) as string, text, captures) &&
    isSameList(wanted.slice(at + 1), nodes.slice(nodes.length - after), file, captures)
  );
}

function capture(name: string, text: string, captures: Map<string, string>): boolean {
  const earlier = captures.get(name);
  captures.set(name, earlier ?? text);
  return earlier === undefined || earlier === text;
}

/** The `$` name that a node of a pattern consists of: alone, or as a statement, a property, a parameter or a binding. */
function captureName(node: ts.Node): string | undefined {
  if (ts.isIdentifier(node)) return node.text.startsWith('$') ? node.text : undefined;
  if (ts.isExpressionStatement(node)) return captureName(node.expression);
  if (ts.isShorthandPropertyAssignment(node)) return captureName(node.name);
  const isPlain = (ts.isParameter(node) || ts.isBindingElement(node)) && node.getChildCount() === 1;
  return isPlain ? captureName(node.name) : undefined;
}

/** Without comments and the commas of lists. */
function childrenOf(node: ts.Node, file: ts.SourceFile): readonly ts.Node[] {
  const isList = node.kind === ts.SyntaxKind.SyntaxList;
  return node
    .getChildren(file)
    .filter((child) => !ts.isJSDoc(child) && !(isList && child.kind === ts.SyntaxKind.CommaToken));
}
