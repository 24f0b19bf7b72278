/** The table of commands: their arguments and options, and what does each, loaded when it is asked for. */

import { type Command, Option } from 'commander';
import type { ControlCommand } from '../checkpoint/lock/lock.js';
import type { ChartOptions } from './commands/diagram.js';
import type { InspectOptions } from './commands/inspect.js';
import { INSPECTORS, type InspectorKind } from './inspectors/inspectors.js';
import type { RunViewer } from './inspectors/live-inspector.js';
import { batchNumber, portNumber, wholeNumber } from './option-values.js';
import { isVerbose } from './output/report.js';
import type { Terminal } from './output/terminal.js';

export interface CommonOptions {
  readonly stateDir: string;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

interface RunOptions extends CommonOptions {
  readonly threads?: number;
  readonly quiet?: boolean;
  readonly record?: boolean;
  readonly inspect?: InspectorKind;
}

/** Told which command was given; `action` does it and resolves to the exit code. */
export type SetAction = (options: CommonOptions, action: () => Promise<number>) => void;

const OLDER_THAN = '--older-than <age>';
const FROM = '--from <batch>';

/** Asked for here, when all that was given is known: commander asks first, and would call a mistyped one missing. */
function required<T>(value: T | undefined, option: string, command: Command): T {
  return value ?? command.error(`error: required option '${option}' not specified`);
}

export function addCommands(program: Command, terminal: Terminal, perform: SetAction): void {
  runCommand('run <file>', 'run a pipeline file as a new session')
    .option('--checkpoint-interval <rows>', 'rows between checkpoints', wholeNumber)
    .action((file: string, options: RunOptions & { checkpointInterval?: number }) =>
      perform(options, async () => {
        const viewer = await viewerFor(options);
        const { run } = await import('./commands/run.js');
        return run(file, { ...withSwitches(options), viewer }, terminal);
      }),
    );
  runCommand('resume <session> [file]', 'go on with a session: its id, the beginning of it, or last')
    .option('--explain', 'say what would be reused, run again or refused; run nothing')
    .option('--force', 'accept a pipeline or an input that has changed')
    .action(
      (
        session: string,
        file: string | undefined,
        options: RunOptions & { explain?: boolean; force?: boolean },
      ) =>
        perform(options, async () => {
          const { explain = false, force = false } = options;
          const viewer = explain ? undefined : await viewerFor(options);
          const { resume } = await import('./commands/resume.js');
          return resume(session, file, { ...withSwitches(options), viewer, explain, force }, terminal);
        }),
    );
  command('sessions', 'list what is stored')
    .option('--json', 'one JSON object a line')
    .action((options: CommonOptions) =>
      perform(options, async () => {
        const { sessions } = await import('./commands/sessions.js');
        return sessions(options.stateDir, options.json === true, terminal);
      }),
    );
  command('show <session>', 'all that is stored of a session')
    .option('--json', 'the checkpoint as JSON')
    .action((session: string, options: CommonOptions) =>
      perform(options, async () => {
        const { show } = await import('./commands/show.js');
        return show(session, options.stateDir, options.json === true, terminal);
      }),
    );
  command('prune', 'remove completed sessions of some age')
    .option(OLDER_THAN, 'required; for example 7d, 12h, 30m')
    .option('--all', 'unfinished ones too: they cannot be resumed afterwards')
    .option('--dry-run', 'only say what would be removed')
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
          const { control } = await import('./commands/control.js');
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
        const { inspect } = await import('./commands/inspect.js');
        const { allowCommands = false } = options;
        return inspect(session, { ...options, allowCommands }, terminal);
      }),
    );
  command('replay <recording> <file>', 'run a recorded run through the machines of today; no stage is called')
    .option('--json', 'the result as JSON')
    .action((recording: string, file: string, options: CommonOptions) =>
      perform(options, async () => {
        const { replay } = await import('./commands/replay.js');
        const { stateDir, json = false } = options;
        return replay(recording, file, { stateDir, json }, terminal);
      }),
    );
  runCommand(
    'fork <session> [file]',
    'run a session again from a batch on, into a new session; say what differs',
  )
    .option(FROM, 'required; the first batch to be done again, from 0', batchNumber)
    .option('--to <file>', 'where the rows go; default: beside the output, as <output>.fork.jsonl')
    .option('--key <field>', 'what makes a row the same row; default: the whole row')
    .action(
      (
        session: string,
        file: string | undefined,
        options: RunOptions & { from?: number; to?: string; key?: string },
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
    .option('--key <field>', 'what makes a row the same row; default: the whole row')
    .option('--json', 'the result as JSON')
    .action((older: string, newer: string, options: CommonOptions & { key?: string }) =>
      perform(options, async () => {
        const { diff } = await import('./commands/diff.js');
        return diff(older, newer, { ...options, json: options.json === true }, terminal);
      }),
    );
  program
    .command('diagram')
    .description('the statechart of the executor, or of one of its children, as Mermaid')
    .option('--stage', 'the chart of a stage')
    .option('--committer', 'the chart of the committer')
    .option('--publisher', 'the chart of the publisher')
    .option('--verbose', 'stacks of errors')
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
      .option('--state-dir <directory>', 'where sessions are kept', '.xstate-pipeline')
      .option('--verbose', 'stacks of errors');
  }

  /** A command that runs a session. */
  function runCommand(nameAndArguments: string, description: string): Command {
    return command(nameAndArguments, description)
      .option(
        '--threads <count>',
        'threads, this one among them, for the synchronous stages at the head of the pipeline',
        wholeNumber,
      )
      .option('--record', 'write a recording into the session, for inspect and replay')
      .addOption(inspectOption())
      .option('--json', 'one JSON event a line on standard output, and nothing else there')
      .option('--quiet', 'no progress and no notices: the session id, one line at the end, errors');
  }
}

function withSwitches<O extends RunOptions>(options: O) {
  const { json = false, quiet = false, record = false } = options;
  return { ...options, json, quiet, record, verbose: isVerbose(options.verbose) };
}

/** Before what runs is loaded: a page's server loads beside it. */
async function viewerFor({ inspect, stateDir }: RunOptions): Promise<RunViewer | undefined> {
  if (inspect !== 'page') return inspect;
  const { startPageServer } = await import('./inspectors/page-server.js');
  return startPageServer(stateDir);
}

function inspectOption(): Option {
  return new Option(
    '--inspect [viewer]',
    'watch it: in a page; or in a viewer of XState 4, or of Stately',
  ).choices(INSPECTORS);
}
