/**
 * The commands and their options; what they do is loaded when it is asked for, so that each starts fast.
 *
 * 1. Wrong usage is one line that says what was meant, and exit code 2.
 * 2. Whatever a command throws is reported here, once, and mapped to its exit code.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { ControlCommand } from '../checkpoint/lock.js';
import { exitCodeOf, WRONG_USAGE } from './exit-codes.js';
import { isVerbose, reportError } from './report.js';
import type { Terminal } from './terminal.js';

const EXAMPLES = `
Examples:
  xstate-pipeline run reviews.ts                  run it; Ctrl-C pauses, saves, and says how to resume
  xstate-pipeline resume last                     go on with the newest session that is not finished
  xstate-pipeline resume 3f0c --explain           what would be reused, run again or refused; runs nothing
  xstate-pipeline sessions                        what is stored in .xstate-pipeline/
  xstate-pipeline pause last                      from another terminal: pause the process that runs it
  xstate-pipeline run reviews.ts --json | jq .    one event a line

A pipeline file, TypeScript or JavaScript:
  import { map, pipeline } from 'xstate-pipeline';
  import { jsonl } from 'xstate-pipeline/node';
  export default pipeline('tidy').from(jsonl('in.jsonl')).pipe(map('trim', row => row)).to(jsonl('out.jsonl'));

Exit codes:
  0 completed   1 the run failed   2 wrong usage, or the file does not load   3 pipeline or input has changed
  4 no such session   5 another process runs it   6 corrupt checkpoint
  129, 130, 141, 143 paused or cancelled by SIGHUP, SIGINT (or a command), a closed pipe, SIGTERM`;

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
    program.parse(argv, { from: 'user' });
    return (await work?.()) ?? 0;
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error, argv, terminal);
    reportError(terminal, error, verbose);
    return exitCodeOf(error);
  }
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
    .option('--json', 'one JSON event a line on standard output, and nothing else there')
    .option('--quiet', 'no progress and no notices: the session id, one line at the end, errors')
    .action((file: string, options: CommonOptions & { checkpointInterval?: number; quiet?: boolean }) =>
      perform(options, async () => {
        const { run } = await import('./run.js');
        return run(file, withSwitches(options), terminal);
      }),
    );
  command('resume <session> [file]', 'go on with a session: its id, the beginning of it, or last')
    .option('--explain', 'say what would be reused, run again or refused; run nothing')
    .option('--force', 'accept a pipeline or an input that has changed')
    .option('--json', 'one JSON event a line on standard output, and nothing else there')
    .option('--quiet', 'no progress and no notices: the session id, one line at the end, errors')
    .action(
      (
        session: string,
        file: string | undefined,
        options: CommonOptions & { explain?: boolean; force?: boolean; quiet?: boolean },
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

function withSwitches<O extends CommonOptions & { readonly quiet?: boolean }>(options: O) {
  const { json = false, quiet = false } = options;
  return { ...options, json, quiet, verbose: isVerbose(options.verbose) };
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It has to be a whole number of rows, from 1.');
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
  const isKnown = /^(run|resume|sessions|show|prune|pause|cancel|status|diagram)$/.test(name);
  const help = `xstate-pipeline ${isKnown ? `${name} ` : ''}--help`;
  terminal.message(`${terminal.errorColors.red('error:')} ${what}${end} See ${help}`);
  return WRONG_USAGE;
}

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
