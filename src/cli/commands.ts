/** The table of commands: arguments, options, and the module of each, loaded on use. */

import { type Command, Option } from 'commander';
import type { SessionBudget } from '../spending/budget.js';
import type { ChartOptions } from './commands/diagram.js';
import type { InspectOptions } from './commands/inspect.js';
import type { TuneArguments } from './commands/tune.js';
import { INSPECTORS, type InspectorKind } from './inspectors/inspectors.js';
import type { RunViewer } from './inspectors/live-inspector.js';
import { batchNumber, budgetLimits, collect, portNumber, wholeNumber } from './option-values.js';
import { isVerbose } from './output/report.js';
import type { Terminal } from './output/terminal.js';

export interface CommonOptions {
  readonly stateDir: string;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

interface RunFlags extends CommonOptions {
  readonly threads?: number;
  readonly quiet?: boolean;
  readonly record?: boolean;
  readonly otel?: boolean;
  readonly inspect?: InspectorKind;
  readonly budget?: SessionBudget;
}

/** Receives the parsed command; `action` runs it and resolves to the exit code. */
export type SetAction = (options: CommonOptions, action: () => Promise<number>) => void;

const OLDER_THAN = '--older-than <age>';
const FROM = '--from <batch>';
const KEY = ['--key <field>', 'the field that identifies a row; default: the whole row'] as const;

/** Checks a required option after parsing: commander checks first, and would report a mistyped option as missing. */
function required<T>(value: T | undefined, option: string, command: Command): T {
  return value ?? command.error(`error: required option '${option}' not specified`);
}

export function addCommands(program: Command, terminal: Terminal, perform: SetAction): void {
  runCommand('run <file> [arguments...]', 'run a pipeline file as a new session; its arguments follow --')
    .option('--checkpoint-interval <rows>', 'rows between checkpoints', wholeNumber)
    .option('--limit <rows>', 'run only the first rows, into an output of their own', wholeNumber)
    .option('--sample <rows>', 'work on so many rows, then pause with a projection of the rest', wholeNumber)
    .action(
      (
        file: string,
        fileArguments: string[],
        options: RunFlags & { checkpointInterval?: number; sample?: number; limit?: number },
      ) =>
        perform(options, async () => {
          const viewer = await viewerFor(options);
          const { run } = await import('./commands/run.js');
          return run(file, { ...withSwitches(options), fileArguments, viewer }, terminal);
        }),
    );
  runCommand(
    'resume <session> [file] [arguments...]',
    'resume a session, given by its id, the first characters of it, or last; arguments are those that it began with',
  )
    .option('--explain', 'show what a resume reuses, reruns or refuses; run nothing')
    .option('--force', 'accept a changed pipeline or input')
    .option('--verify', 'read the whole unfinished output first, and refuse to resume if it was damaged')
    .option('--from-journal', 'resume from the journal, where the checkpoint is damaged or refused')
    .action(
      (
        session: string,
        file: string | undefined,
        fileArguments: string[],
        options: RunFlags & {
          explain?: boolean;
          force?: boolean;
          verify?: boolean;
          fromJournal?: boolean;
        },
      ) =>
        perform(options, async () => {
          const { explain = false, force = false, verify = false, fromJournal = false } = options;
          const how = { explain, force, verify, fromJournal };
          const viewer = explain ? undefined : await viewerFor(options);
          const { resume } = await import('./commands/resume.js');
          const given = { ...withSwitches(options), viewer, ...how, ...resumeArguments(file, fileArguments) };
          return resume(session, given.file, given, terminal);
        }),
    );
  runCommand('redrive <session> [file]', 'run the dead letters of a completed session as a new session')
    .option('--to <file>', 'the new output; default: <output>.redriven.jsonl beside the output')
    .option('--force', 'accept a pipeline whose earlier stages have changed')
    .action(
      (session: string, file: string | undefined, options: RunFlags & { to?: string; force?: boolean }) =>
        perform(options, async () => {
          const { force = false } = options;
          const viewer = await viewerFor(options);
          const { redrive } = await import('./commands/redrive.js');
          return redrive(session, file, { ...withSwitches(options), viewer, force }, terminal);
        }),
    );
  command('sessions', 'list the stored sessions')
    .option('--json', 'print one JSON object per line')
    .action((options: CommonOptions) =>
      perform(options, async () => {
        const { sessions } = await import('./commands/sessions.js');
        return sessions(options.stateDir, options.json === true, terminal);
      }),
    );
  command('show <session>', 'show the checkpoint of a session')
    .option('--json', 'print the checkpoint as JSON')
    .action((session: string, options: CommonOptions) =>
      perform(options, async () => {
        const { show } = await import('./commands/show.js');
        return show(session, options.stateDir, options.json === true, terminal);
      }),
    );
  command('prune', 'remove completed sessions older than a given age')
    .option(OLDER_THAN, 'required; for example 7d, 12h, 30m')
    .option('--all', 'also remove unfinished sessions, which then cannot be resumed')
    .option('--dry-run', 'only print what would be removed')
    .action((options: CommonOptions & { olderThan?: string; all?: boolean; dryRun?: boolean }, command) => {
      const { stateDir, all = false, dryRun = false } = options;
      const olderThan = required(options.olderThan, OLDER_THAN, command);
      perform(options, async () => {
        const [{ prune }, { parseAge }] = await Promise.all([
          import('./commands/prune.js'),
          import('./output/durations.js'),
        ]);
        return prune({ stateDir, olderThanMs: parseAge(olderThan), all, dryRun }, terminal);
      });
    });
  const controls: readonly ['pause' | 'cancel' | 'status', string][] = [
    ['pause', 'tell the process that runs a session to finish the batches in flight, save and end'],
    ['cancel', 'tell the process that runs a session to drop the batches in flight, save and end'],
    ['status', 'print the progress of a session'],
  ];
  for (const [name, description] of controls) {
    command(`${name} <session>`, description)
      .option('--json', 'print the answer as JSON')
      .action((session: string, options: CommonOptions) =>
        perform(options, async () => {
          const { control, status } = await import('./commands/control.js');
          const { stateDir, json = false } = options;
          if (name === 'status') return status(session, { stateDir, json }, terminal);
          return control(name, session, { stateDir, json }, terminal);
        }),
      );
  }
  command('tune <session>', 'change concurrency and rate limits of a running session')
    .option(
      '--concurrency <stage=number>',
      'batches or calls at once; stage=2-16 where it adapts',
      collect,
      [],
    )
    .option('--limit <limiter.unit=number/period>', 'for example openai.requests=300/60s', collect, [])
    .option('--json', 'print what is in force as JSON')
    .action((session: string, options: CommonOptions & TuneArguments) =>
      perform(options, async () => {
        const { tune } = await import('./commands/tune.js');
        return tune(session, options, terminal);
      }),
    );
  command(
    'inspect [session]',
    'open the inspector for a session, a recording (file or folder), or the list of sessions',
  )
    .option('--port <number>', 'default: any free port', portNumber)
    .option(
      '--host <address>',
      'an address of this computer; default: 127.0.0.1, reachable from this computer only',
    )
    .option('--allow-commands', 'let the page pause, resume and cancel')
    .option('--export <file>', 'write the session as one HTML file instead of serving it')
    .action((session: string | undefined, options: CommonOptions & Partial<InspectOptions>) =>
      perform(options, async () => {
        const { inspect } = await import('./commands/inspect.js');
        const { allowCommands = false } = options;
        return inspect(session, { ...options, allowCommands }, terminal);
      }),
    );
  command('replay <recording> <file>', 'replay a recorded run in the current machines; no stage is called')
    .option('--json', 'print the result as JSON')
    .action((recording: string, file: string, options: CommonOptions) =>
      perform(options, async () => {
        const { replay } = await import('./commands/replay.js');
        const { stateDir, json = false } = options;
        return replay(recording, file, { stateDir, json }, terminal);
      }),
    );
  runCommand(
    'fork <session> [file]',
    'rerun a session from a batch into a new session, and compare the outputs',
  )
    .option(FROM, 'required; the first batch to rerun, from 0', batchNumber)
    .option('--to <file>', 'the new output; default: <output>.fork.jsonl beside the output')
    .option(...KEY)
    .action(
      (
        session: string,
        file: string | undefined,
        options: RunFlags & { from?: number; to?: string; key?: string },
        command,
      ) => {
        const from = required(options.from, FROM, command);
        perform(options, async () => {
          const viewer = await viewerFor(options);
          const { fork } = await import('./commands/fork.js');
          return fork(session, file, { ...withSwitches(options), from, viewer }, terminal);
        });
      },
    );
  command('diff <session> <session>', 'compare the outputs of two sessions, row by row')
    .option(...KEY)
    .option('--json', 'print the result as JSON')
    .action((older: string, newer: string, options: CommonOptions & { key?: string }) =>
      perform(options, async () => {
        const { diff } = await import('./commands/diff.js');
        return diff(older, newer, { ...options, json: options.json === true }, terminal);
      }),
    );
  program
    .command('init [folder]')
    .description('write a new project: a pipeline, its tests, a README')
    .option('--verbose', 'print the stacks of errors')
    .action((folder: string | undefined, options: { verbose?: boolean }) =>
      perform({ ...options, stateDir: '' }, async () => {
        const { init } = await import('./commands/init.js');
        return init(folder ?? '.', terminal);
      }),
    );
  program
    .command('diagram')
    .description('print the statechart of the executor, or of one of its children, as Mermaid')
    .option('--stage', 'print the chart of a stage')
    .option('--committer', 'print the chart of the committer')
    .option('--publisher', 'print the chart of the publisher')
    .option('--verbose', 'print the stacks of errors')
    .action((options: ChartOptions & { verbose?: boolean }) =>
      perform({ ...options, stateDir: '' }, async () => {
        const { diagram } = await import('./commands/diagram.js');
        return diagram(options, terminal);
      }),
    );

  function command(nameAndArguments: string, description: string): Command {
    return program
      .command(nameAndArguments)
      .description(description)
      .option('--state-dir <directory>', 'the directory of the stored sessions', '.xstate-pipeline')
      .option('--verbose', 'print the stacks of errors');
  }

  /** A command that runs a session. */
  function runCommand(nameAndArguments: string, description: string): Command {
    return command(nameAndArguments, description)
      .option(
        '--threads <count>',
        'threads, including the main thread, for the synchronous stages at the head of the pipeline',
        wholeNumber,
      )
      .option(
        '--budget <limits>',
        'limits of what the session may spend: usd=10,calls=500; of a stage: name:usd=5',
        budgetLimits,
      )
      .option('--otel', 'trace and measure the run with the OpenTelemetry SDK that this process has loaded')
      .option('--record', 'record the run into the session, for inspect and replay')
      .addOption(inspectOption())
      .option('--json', 'print one JSON event per line on standard output, and nothing else there')
      .option('--quiet', 'print only the session id, one line at the end, and errors');
  }
}

/** In `resume last -- --country DE` there is no file. */
function resumeArguments(file: string | undefined, fileArguments: readonly string[]) {
  const isArgument = file?.startsWith('-') === true;
  const words = isArgument ? [file, ...fileArguments] : fileArguments;
  return { file: isArgument ? undefined : file, fileArguments: words };
}

function withSwitches<O extends RunFlags>(options: O) {
  const { json = false, quiet = false, record = false, otel = false } = options;
  return { ...options, json, quiet, record, otel, verbose: isVerbose(options.verbose) };
}

/** Starts the page's process before the run is loaded, so that both load at once. */
async function viewerFor({ inspect, stateDir }: RunFlags): Promise<RunViewer | undefined> {
  if (inspect !== 'page') return inspect;
  const { startPageServer } = await import('./inspectors/page-server.js');
  return startPageServer(stateDir);
}

function inspectOption(): Option {
  return new Option(
    '--inspect [viewer]',
    'watch the run in a page (default), in a viewer of XState 4 (classic), or of Stately (stately)',
  ).choices(INSPECTORS);
}
