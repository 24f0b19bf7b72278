/**
 * Loads a pipeline file, TypeScript or JavaScript, without a build.
 *
 * 1. jiti loads TypeScript, Node loads JavaScript. jiti also loads JavaScript that Node cannot: outside a project with the
 *    package installed, with imports of TypeScript, and to locate a syntax error.
 * 2. A file loaded by jiti imports `xstate-pipeline` from this copy of the package, untransformed.
 * 3. Every problem is a `PipelineFileError` in one line: file, line and column if known, and the fix.
 * 4. The default export is checked by shape only: another copy of the package may have made it. A function is called with the arguments.
 */
import { open, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isArgumentList, MAX_ARGUMENTS } from '../checkpoint/envelope.js';
import { PipelineFileError } from '../errors.js';
import { checkStages } from '../executor/definition.js';
import { isPipeline, type Pipeline } from '../executor/pipeline.js';
import { printable } from '../observers/progress/terminal-text.js';
import { problemOf } from '../platform/file-problems.js';
import { codeOf, messageOf } from '../platform/thrown.js';
import { COMPLETED, isForeseen, WRONG_USAGE } from './exit-codes.js';
import { shownPath, userFrame } from './output/report.js';

export interface LoadedPipeline {
  /** Absolute. */
  readonly file: string;
  readonly pipeline: Pipeline<unknown>;
}

const TYPESCRIPT = ['.ts', '.mts', '.cts'];
const JAVASCRIPT = ['.js', '.mjs', '.cjs'];
const END_IT_WITH = "End it with: export default pipeline('name').from(source).pipe(stage).to(sink)";
const CORRECT_IT = ' Fix it and run again.';

/** @param fileArguments what the default export is called with, if it is a function.
 * @throws {PipelineFileError} */
export async function loadPipelineFile(
  given: string,
  fileArguments: readonly string[] = [],
): Promise<LoadedPipeline> {
  const file = resolve(given);
  const shown = shownPath(file);
  await assertFile(file, shown);
  const loaded = await settled(importFile(file, shown), shown);
  const pipeline = await pipelineOf(loaded, fileArguments, file, shown);
  try {
    checkStages(pipeline.stages);
  } catch (error) {
    throw new PipelineFileError(`${shown}: ${messageOf(error)}`, { cause: error });
  }
  return { file, pipeline };
}

/** Without this, a file that awaits for ever, or that ends the process, would end it with exit code 0. */
async function settled<T>(loading: Promise<T>, shown: string): Promise<T> {
  const giveUp = new Promise<never>((_, reject) => {
    const onIdle = () =>
      reject(
        new PipelineFileError(
          `${shown} never finishes loading: a top-level await never settles. Remove it, or make it settle.`,
        ),
      );
    // Signals end the process with other codes.
    const onExit = (code: number) => {
      if (code !== COMPLETED) return;
      process.exitCode = WRONG_USAGE;
      process.stderr.write(
        `error: ${shown} ends the process while it is loaded. Remove process.exit() from it.\n`,
      );
    };
    process.once('beforeExit', onIdle).once('exit', onExit);
    const done = () => process.off('beforeExit', onIdle).off('exit', onExit);
    loading.then(done, done);
  });
  return Promise.race([loading, giveUp]);
}

async function assertFile(file: string, shown: string): Promise<void> {
  try {
    if ((await stat(file)).isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    await (await open(file)).close();
  } catch (error) {
    throw new PipelineFileError(`Cannot load the pipeline file ${shown}: ${problemOf(error)}.`, {
      cause: error,
    });
  }
  const known = [...TYPESCRIPT, ...JAVASCRIPT];
  if (!known.includes(extname(file)))
    throw new PipelineFileError(`${shown} is not a pipeline file: its name must end in ${known.join(', ')}.`);
}

async function importFile(file: string, shown: string): Promise<unknown> {
  try {
    if (JAVASCRIPT.includes(extname(file))) {
      try {
        return await import(pathToFileURL(file).href);
      } catch (error) {
        if (!isWorthAnotherWay(error)) throw error;
      }
    }
    return await importThroughJiti(file);
  } catch (error) {
    throw asFileError(error, file, shown);
  }
}

/** Errors of linking: the module has not run yet; of CommonJS, only the lines above the `require`. */
function isWorthAnotherWay(error: unknown): boolean {
  const code = codeOf(error);
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND')
    return /'xstate-pipeline[/']/.test(messageOf(error));
  return code === 'ERR_UNKNOWN_FILE_EXTENSION' || (code === 'SyntaxError' && !isMissingExport(error));
}

const isMissingExport = (error: unknown) => messageOf(error).includes('does not provide an export');

async function importThroughJiti(file: string): Promise<unknown> {
  // Not by import(): Node would scan all 190 KB for exports, which doubles the time.
  const { createJiti } = createRequire(import.meta.url)('jiti') as typeof import('jiti');
  const [index, node, machines, browser, recording, storage, sql, pages, parquet] = await Promise.all([
    import('../index.js'),
    import('../node.js'),
    import('../../machines/index.js'),
    import('../browser.js'),
    import('../recording.js'),
    import('../storage.js'),
    import('../sql.js'),
    import('../pages.js'),
    import('../parquet.js'),
  ]);
  const jiti = createJiti(pathToFileURL(file).href, {
    // jiti's substitute would hide a missing default export.
    interopDefault: false,
    virtualModules: {
      'xstate-pipeline': index,
      'xstate-pipeline/node': node,
      'xstate-pipeline/machines': machines,
      'xstate-pipeline/browser': browser,
      'xstate-pipeline/recording': recording,
      'xstate-pipeline/storage': storage,
      'xstate-pipeline/sql': sql,
      'xstate-pipeline/pages': pages,
      'xstate-pipeline/parquet': parquet,
    },
  });
  return jiti.import(file);
}

function asFileError(error: unknown, file: string, shown: string): PipelineFileError {
  const fail = (place: string, what: string, advice = '') =>
    new PipelineFileError(`${place}: ${what.replace(/[.\s]+$/, '')}.${advice}`, { cause: error });
  const message = messageOf(error);
  // jiti's format: "ParseError: <what> \n <file>:<line from 1>:<column from 0>".
  const parsed = /^(?:ParseError|SyntaxError): (.*?)\s*\n\s*(\S[^\n]*):(\d+):(\d+)\s*$/s.exec(message);
  if (parsed !== null) {
    const [, what = '', path = file, line, column] = parsed;
    return fail(
      `${shownPath(path)}:${line}:${Number(column) + 1}`,
      `syntax error: ${printable(what)}`,
      CORRECT_IT,
    );
  }
  if (error instanceof SyntaxError) {
    const [, path = file, line] = /^(?:file:\/\/)?(\/\S+):(\d+)\n/.exec(error.stack ?? '') ?? [];
    const place = line === undefined ? shown : `${shownPath(path)}:${line}`;
    return fail(place, `syntax error: ${printable(message)}`, CORRECT_IT);
  }
  const missing = /Cannot find (?:module|package) '([^']+)'/.exec(message)?.[1];
  if (missing !== undefined && /^[@~]\/|^~[\w-]/.test(missing))
    return fail(
      shown,
      `it imports ${missing}, a path alias of tsconfig.json. Aliases are not resolved here: import a relative path`,
    );
  if (missing !== undefined && missing !== file) {
    const isOwn = /^[./]|^file:/.test(missing);
    return fail(
      shown,
      `it imports ${isOwn ? `${shownPath(missing)}, which does not exist. Check the path` : `${missing}, which is not installed. Install it: npm install ${missing}`}`,
    );
  }
  const frame = userFrame(error) ?? shown;
  if (isForeseen(error)) return fail(frame, printable(message));
  return fail(frame, `the file threw an error while it was loaded: ${printable(message)}`);
}

/** The default export, or what it returns.
 * @throws {PipelineFileError} */
async function pipelineOf(
  loaded: unknown,
  fileArguments: readonly string[],
  file: string,
  shown: string,
): Promise<Pipeline<unknown>> {
  const build = functionOf(loaded);
  if (build === undefined) {
    const pipeline = defaultExportOf(loaded, shown);
    if (fileArguments.length === 0) return pipeline;
    throw new PipelineFileError(
      `${shown} takes no arguments: its default export is a pipeline. Export a function of the arguments (withArguments), or leave them out.`,
    );
  }
  if (!isArgumentList(fileArguments))
    throw new PipelineFileError(
      `The arguments of ${shown} have more than ${MAX_ARGUMENTS} characters. They are stored with the session: put them into a file, and give its path.`,
    );
  let built: unknown;
  try {
    built = await settled(Promise.resolve(build([...fileArguments])), shown);
  } catch (error) {
    throw asFileError(error, file, shown);
  }
  return defaultExportOf({ default: built }, shown, 'its default export is a function that returned');
}

type BuildPipeline = (fileArguments: string[]) => unknown;

function functionOf(loaded: unknown): BuildPipeline | undefined {
  const { default: value = loaded } = (loaded ?? {}) as { readonly default?: unknown };
  return typeof value === 'function' ? (value as BuildPipeline) : undefined;
}

/** @param subject begins the error for a value that is no pipeline. */
function defaultExportOf(
  loaded: unknown,
  shown: string,
  subject = 'its default export is',
): Pipeline<unknown> {
  const fail = (what: string) => new PipelineFileError(`${shown}: ${what}`);
  // CommonJS: module.exports = pipeline(…)….
  if (isPipeline(loaded)) return loaded;
  const module = loaded as { readonly default?: unknown } | null | undefined;
  const value = typeof module === 'object' || typeof module === 'function' ? module?.default : undefined;
  if (isPipeline(value)) return value;
  const isThere = typeof module === 'object' && module !== null && 'default' in module;
  if (value === undefined && isThere)
    throw fail(`${subject} undefined. Check the name of the exported value and of its import.`);
  if (value === undefined) throw fail(`it has no default export. ${END_IT_WITH}`);
  const shape = value as { readonly then?: unknown; readonly to?: unknown; readonly from?: unknown } | null;
  if (typeof shape?.then === 'function') {
    Promise.resolve(value).catch(() => {});
    throw fail(`${subject} a promise. Export the pipeline itself, without run(): the command runs it.`);
  }
  if (typeof shape?.to === 'function')
    throw fail(`${subject} a pipeline without a sink. End it with .to(sink).`);
  if (typeof shape?.from === 'function') throw fail(`${subject} a pipeline without a source. ${END_IT_WITH}`);
  throw fail(`${subject} ${kindOf(value)}, not a pipeline. ${END_IT_WITH}`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
