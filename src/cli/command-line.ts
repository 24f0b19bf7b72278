/**
 * The command line as a function: parses the arguments, runs the command, reports its error.
 *
 * 1. Wrong usage prints one line with a suggestion, and exits with code 2.
 * 2. An error of a command is reported here, once, and mapped to its exit code.
 * 3. It uses the given terminal only, so that tests call it in their own process.
 */
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { addCommands, type SetAction } from './commands.js';
import { COMPLETED, exitCodeOf, WRONG_USAGE } from './exit-codes.js';
import { EXAMPLES } from './output/help-examples.js';
import { isVerbose, reportError } from './output/report.js';
import type { Terminal } from './output/terminal.js';

/** @param argv without Node and script. @returns the exit code. */
export async function commandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  let work: (() => Promise<number>) | undefined;
  let verbose = isVerbose(argv.includes('--verbose'));
  const program = programFor(terminal, (options, action) => {
    verbose = isVerbose(options.verbose);
    work = action;
  });
  try {
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return WRONG_USAGE;
    }
    program.parse(helpOfUnknown(inspectWithoutValue(argv), program), { from: 'user' });
    const code = (await work?.()) ?? COMPLETED;
    if (code === COMPLETED) await terminal.assertWritten();
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error, argv, program, terminal);
    reportError(terminal, error, verbose);
    return exitCodeOf(error);
  }
}

function programFor(terminal: Terminal, perform: SetAction): Command {
  const program = new Command('xstate-pipeline')
    .description('Run a pipeline of stages over rows. Pause, kill, resume and inspect it.')
    .version(version(), '-V, --version')
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      // usageExit prints usage errors, in one line.
      writeErr: (text) => {
        if (!text.startsWith('error:')) terminal.printMessage(text.trimEnd());
      },
    })
    .exitOverride()
    .addHelpText('after', EXAMPLES);
  addCommands(program, terminal, perform);
  return program;
}

/** In `run --inspect reviews.ts`, the file is not the value of `--inspect`. */
function inspectWithoutValue(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, i) => (word === '--inspect' && (end < 0 || i < end) ? '--inspect=page' : word));
}

/** `help nope` is an unknown command, not the general help. */
function helpOfUnknown(argv: readonly string[], program: Command): readonly string[] {
  const [first, second] = argv;
  return first === 'help' && second !== undefined && !commandNamed(second, program) ? [second] : argv;
}

function commandNamed(name: string | undefined, { commands }: Command): Command | undefined {
  return commands.find((command) => command.name() === name);
}

/** Help and version exit with 0. */
function usageExit(
  error: CommanderError,
  argv: readonly string[],
  program: Command,
  terminal: Terminal,
): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return WRONG_USAGE;
  const what = error.message
    .replace(/^error:\s*/, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.? \(Did you mean (.*)\?\)$/, '. Did you mean $1?');
  const end = /[.?]$/.test(what) ? '' : '.';
  const known = commandNamed(
    argv.find((word) => !word.startsWith('-')),
    program,
  );
  const help = `xstate-pipeline ${known === undefined ? '' : `${known.name()} `}--help`;
  terminal.printMessage(`${terminal.errorColors.red('error:')} ${what}${end} See ${help}`);
  return WRONG_USAGE;
}

function version(): string {
  const { version } = createRequire(import.meta.url)('xstate-pipeline/package.json') as { version: string };
  return version;
}
