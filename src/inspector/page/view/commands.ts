/** The legal commands of a state, read from the statechart, and why the others are illegal. Pure. */
import type { Chart } from '../../chart.js';
import type { SessionCommand as Command } from '../../host.js';
import type { ExecutorMetrics } from './lanes.js';

export const COMMANDS: readonly Command[] = ['pause', 'resume', 'cancel'];
/** `execute` needs the pipeline file: it is shown here, and given on the command line. */
const COMMAND_EVENTS: ReadonlySet<string> = new Set(['execute', ...COMMANDS]);

export const isCommand = (event: string | null): event is Command =>
  event !== null && (COMMANDS as readonly string[]).includes(event);

const CANNOT_RESUME =
  'Cannot resume from here: nothing says how the pipeline was defined. Resume it where it was started';
const CANNOT_RESUME_HERE =
  'Cannot resume from here: another process holds the session. Resume it in that process';

export interface CommandButton {
  readonly command: Command;
  readonly enabled: boolean;
  /** Its effect, or why it is disabled. */
  readonly title: string;
}

export interface Now {
  readonly metrics: Pick<ExecutorMetrics, 'state' | 'doing'>;
  /** A process runs the session. */
  readonly live: boolean;
  /** Commands can be sent from here. */
  readonly commandable: boolean;
  /** The host can resume the session; undefined: unknown. */
  readonly canResume?: boolean | undefined;
}

const MEANING: Record<Command, string> = {
  pause: 'Finish and commit the batches in flight, then stop',
  resume: 'Continue from the last committed batch',
  cancel: 'Stop at once; the checkpoint is kept',
};

export function commandButtons(
  chart: Chart | undefined,
  { metrics, live, commandable, canResume }: Now,
): CommandButton[] {
  const { state, doing } = metrics;
  const legal = legalCommands(chart, state);
  return COMMANDS.map((command) => {
    const no = (title: string): CommandButton => ({ command, enabled: false, title });
    if (!commandable)
      return no('This page cannot send commands: it is read-only, or shows an exported recording');
    if (!live) {
      if (command !== 'resume') return no(`Cannot ${command}: no process runs this session. Resume it first`);
      if (state === 'COMPLETED') return no('Cannot resume: the run is complete');
      if (canResume === false) return no(CANNOT_RESUME);
      return { command, enabled: true, title: `${MEANING.resume}, in a new process` };
    }
    if (!legal.includes(command))
      return no(`Cannot ${command} while ${state}: legal now: ${legal.join(', ') || 'nothing'}`);
    if (command === 'resume' && canResume === false) return no(CANNOT_RESUME_HERE);
    if (command === 'pause' && doing.includes('pausing'))
      return no('Pausing: the batches in flight are being finished');
    return { command, enabled: true, title: MEANING[command] };
  });
}

export function legalCommands(chart: Chart | undefined, state: string): readonly string[] {
  const edges = chart?.wide.edges.filter((edge) => edge.from === state).flatMap((edge) => edge.lines) ?? [];
  const inside = chart?.wide.states.find((each) => each.key === state)?.inside ?? [];
  const events = [...inside, ...edges].flatMap(({ event }) => (event === null ? [] : [event]));
  const legal = [...new Set(events)].filter((event) => COMMAND_EVENTS.has(event));
  // The machine keeps a parent's pause while a run opens; a person's is taken once it runs.
  return state === 'INITIALIZING' ? legal.filter((event) => event !== 'pause') : legal;
}
