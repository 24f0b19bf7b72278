/**
 * The commands and their options; what they do is loaded when it is asked for, so that each starts fast.
 *
 * 1. Wrong usage is one line that says what was meant, and exit code 2.
 * 2. Whatever a command throws is reported here, once, and mapped to its exit code.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { ControlCommand } from '../checkpoint/lock.js';
import { exitCodeOf, WRONG_USAGE } from './exit-codes.js';
import { EXAMPLES } from './help-examples.js';
import type { InspectOptions } from './inspect.js';
import { INSPECTORS, type InspectorKind } from './inspectors.js';
import { isVerbose, reportError } from './report.js';
import type { Terminal } from './terminal.js';

interface CommonOptions {
  readonly stateDir: string;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

/** @param argv without Node and script. @returns the exit code. */
export async function commandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  let work: (() => Promise<number>) | undefined;
  let verbose = isVerbose(argv.includes('--verbose'));
  const program = describeCommands(terminal, (options, action) => {
    verbose = isVerbose(options.verbose);
    work = action;
  });
  try {
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return WRONG_USAGE;
    }
    program.parse(inspectWithoutValue(argv), { from: 'user' });
    return (await work?.()) ?? 0;
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error, argv, terminal);
    reportError(terminal, error, verbose);
    return exitCodeOf(error);
  }
}

interface RunOptions extends CommonOptions {
  readonly threads?: number;
  readonly quiet?: boolean;
  readonly record?: boolean;
  readonly inspect?: InspectorKind;
}

type Perform = (options: CommonOptions, action: () => Promise<number>) => void;

function describeCommands(terminal: Terminal, perform: Perform): Command {
  const program = new Command('xstate-pipeline')
    .description('Run a pipeline of stages over rows: pause it, kill it, resume it, look at what is stored.')
    .version(version(), '-V, --version')
    .configureOutput({ writeErr: () => {} })
    .exitOverride()
    .addHelpText('after', EXAMPLES);
  program.configureOutput({
    writeOut: (text) => terminal.data(text),
    // Usage errors are told by usageExit, in one line; help goes where it is asked to.
    writeErr: (text) => {
      if (!text.startsWith('error:')) terminal.message(text.trimEnd());
    },
  });

  command('run <file>', 'run a pipeline file as a new session')
    .option('--checkpoint-interval <rows>', 'rows between checkpoints', wholeNumber)
    .option(
      '--threads <count>',
      'worker threads for the synchronous stages at the head of the pipeline',
      wholeNumber,
    )
    .option('--record', 'write a recording into the session, for inspect and replay')
    .addOption(inspectOption())
    .option('--json', 'one JSON event a line on standard output, and nothing else there')
    .option('--quiet', 'no progress and no notices: the session id, one line at the end, errors')
    .action((file: string, options: RunOptions & { checkpointInterval?: number }) =>
      perform(options, async () => {
        const { run } = await import('./run.js');
        return run(file, withSwitches(options), terminal);
      }),
    );
  command('resume <session> [file]', 'go on with a session: its id, the beginning of it, or last')
    .option('--explain', 'say what would be reused, run again or refused; run nothing')
    .option('--force', 'accept a pipeline or an input that has changed')
    .option(
      '--threads <count>',
      'worker threads for the synchronous stages at the head of the pipeline',
      wholeNumber,
    )
    .option('--record', 'write a recording into the session, for inspect and replay')
    .addOption(inspectOption())
    .option('--json', 'one JSON event a line on standard output, and nothing else there')
    .option('--quiet', 'no progress and no notices: the session id, one line at the end, errors')
    .action(
      (
        session: string,
        file: string | undefined,
        options: RunOptions & { explain?: boolean; force?: boolean },
      ) =>
        perform(options, async () => {
          const { resume } = await import('./resume.js');
          const { explain = false, force = false } = options;
          return resume(session, file, { ...withSwitches(options), explain, force }, terminal);
        }),
    );
  command('sessions', 'list what is stored')
    .option('--json', 'one JSON object a line')
    .action((options: CommonOptions) =>
      perform(options, async () => {
        const { sessions } = await import('./sessions.js');
        return sessions(options.stateDir, options.json === true, terminal);
      }),
    );
  command('show <session>', 'all that is stored of a session')
    .option('--json', 'the checkpoint as JSON')
    .action((session: string, options: CommonOptions) =>
      perform(options, async () => {
        const { show } = await import('./show.js');
        return show(session, options.stateDir, options.json === true, terminal);
      }),
    );
  command('prune', 'remove completed sessions of some age')
    .requiredOption('--older-than <age>', 'for example 7d, 12h, 30m')
    .option('--all', 'unfinished ones too: they cannot be resumed afterwards')
    .option('--dry-run', 'only say what would be removed')
    .action((options: CommonOptions & { olderThan: string; all?: boolean; dryRun?: boolean }) =>
      perform(options, async () => {
        const [{ prune }, { parseAge }] = await Promise.all([import('./prune.js'), import('./durations.js')]);
        const { stateDir, olderThan, all = false, dryRun = false } = options;
        return prune({ stateDir, olderThanMs: parseAge(olderThan), all, dryRun }, terminal);
      }),
    );
  const controls: readonly [ControlCommand, string][] = [
    ['pause', 'have the process that runs a session finish what is in flight, save and end'],
    ['cancel', 'have the process that runs a session drop what is in flight, save and end'],
    ['status', 'how far a session is'],
  ];
  for (const [name, description] of controls) {
    command(`${name} <session>`, description)
      .option('--json', 'the answer as JSON')
      .action((session: string, options: CommonOptions) =>
        perform(options, async () => {
          const { control } = await import('./control.js');
          const { stateDir, json = false } = options;
          return control(name, session, { stateDir, json }, terminal);
        }),
      );
  }
  command(
    'inspect [session]',
    'look at a session, or at a recording: a file or folder; without one, at the list',
  )
    .option('--port <number>', 'default: any that is free', portNumber)
    .option('--host <address>', 'of this machine; default: 127.0.0.1, which nobody else reaches')
    .option('--allow-commands', 'the page may pause, resume and cancel')
    .option('--export <file>', 'write the session as one HTML file, and serve nothing')
    .action((session: string | undefined, options: CommonOptions & Partial<InspectOptions>) =>
      perform(options, async () => {
        const { inspect } = await import('./inspect.js');
        const { allowCommands = false } = options;
        return inspect(session, { ...options, allowCommands }, terminal);
      }),
    );
  command('replay <recording> <file>', 'run a recorded run through the machines of today; no stage is called')
    .option('--json', 'the result as JSON')
    .action((recording: string, file: string, options: CommonOptions) =>
      perform(options, async () => {
        const { replay } = await import('./replay.js');
        const { stateDir, json = false } = options;
        return replay(recording, file, { stateDir, json }, terminal);
      }),
    );
  command(
    'fork <session> [file]',
    'run a session again from a batch on, into a new session; say what differs',
  )
    .requiredOption('--from <batch>', 'the first batch to be done again, from 0', batchNumber)
    .option('--to <file>', 'where the rows go; default: beside the output, as <output>.fork.jsonl')
    .option('--key <field>', 'what makes a row the same row; default: the whole row')
    .option('--quiet', 'no progress and no notices')
    .action(
      (
        session: string,
        file: string | undefined,
        options: CommonOptions & { from: number; to?: string; key?: string; quiet?: boolean },
      ) =>
        perform(options, async () => {
          const { fork } = await import('./fork.js');
          const { quiet = false } = options;
          return fork(session, file, { ...options, quiet, verbose: isVerbose(options.verbose) }, terminal);
        }),
    );
  command('diff <session> <session>', 'compare the outputs of two sessions, row by row')
    .option('--key <field>', 'what makes a row the same row; default: the whole row')
    .option('--json', 'the result as JSON')
    .action((older: string, newer: string, options: CommonOptions & { key?: string }) =>
      perform(options, async () => {
        const { diff } = await import('./diff.js');
        return diff(older, newer, { ...options, json: options.json === true }, terminal);
      }),
    );
  program
    .command('diagram')
    .description('the statechart of the executor as Mermaid')
    .option('--stage', 'that of a stage')
    .option('--verbose', 'stacks of errors')
    .action((options: { stage?: boolean; verbose?: boolean }) =>
      perform({ ...options, stateDir: '' }, async () => {
        const { diagram } = await import('./diagram.js');
        return diagram(options.stage === true, terminal);
      }),
    );
  return program;

  function command(nameAndArguments: string, description: string): Command {
    return program
      .command(nameAndArguments)
      .description(description)
      .option('--state-dir <directory>', 'where sessions are kept', '.xstate-pipeline')
      .option('--verbose', 'stacks of errors');
  }
}

function withSwitches<O extends RunOptions>(options: O) {
  const { json = false, quiet = false, record = false } = options;
  return { ...options, json, quiet, record, verbose: isVerbose(options.verbose) };
}

function inspectOption(): Option {
  return new Option(
    '--inspect [viewer]',
    'watch it: in a page; or in a viewer of XState 4, or of Stately',
  ).choices(INSPECTORS);
}

/** `run --inspect reviews.ts`: the file is not the viewer. */
function inspectWithoutValue(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, i) => (word === '--inspect' && (end < 0 || i < end) ? '--inspect=page' : word));
}

function portNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535)
    throw new InvalidArgumentError('It has to be a number up to 65535.');
  return value;
}

function batchNumber(text: string): number {
  return text === '0' ? 0 : wholeNumber(text);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It has to be a whole number, from 1.');
  return value;
}

/** Help and version are no errors. */
function usageExit(error: CommanderError, argv: readonly string[], terminal: Terminal): number {
  if (error.exitCode === 0 || error.code === 'commander.help') return error.exitCode === 0 ? 0 : WRONG_USAGE;
  const what = error.message
    .replace(/^error:\s*/, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.? \(Did you mean (.*)\?\)$/, '. Did you mean $1?');
  const end = /[.?]$/.test(what) ? '' : '.';
  const [name = ''] = argv.filter((word) => !word.startsWith('-'));
  const isKnown =
    /^(run|resume|sessions|show|prune|pause|cancel|status|inspect|replay|fork|diff|diagram)$/.test(name);
  const help = `xstate-pipeline ${isKnown ? `${name} ` : ''}--help`;
  terminal.message(`${terminal.errorColors.red('error:')} ${what}${end} See ${help}`);
  return WRONG_USAGE;
}

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
