/** `inspect [session or recording]`: serves the inspector's page for stored and running sessions, or exports one session. */
import { writeFile } from 'node:fs/promises';
import { InvalidOptionError } from '../../errors.js';
import { grouped } from '../../observers/progress/terminal-text.js';
import { codeOf } from '../../platform/thrown.js';
import { type InspectorHost, inspectorHost } from '../../sessions/inspector-host.js';
import { quoted } from '../../sessions/invocation.js';
import { COMPLETED } from '../exit-codes.js';
import { inspectorPackage } from '../inspectors/inspector-package.js';
import { recordingHost } from '../inspectors/recording-host.js';
import type { Terminal } from '../output/terminal.js';
import { recordingPlaceOf } from '../recording-argument.js';

export interface InspectOptions {
  readonly stateDir: string;
  readonly host?: string;
  readonly port?: number;
  readonly allowCommands: boolean;
  /** A file to write instead of serving the page. */
  readonly export?: string;
}

interface Shown {
  readonly host: InspectorHost;
  /** Undefined: the list of sessions. */
  readonly session: string | undefined;
  readonly what: string;
}

/** @param given a session, a file or folder of a recording, or undefined. @returns the exit code. */
export async function inspect(
  given: string | undefined,
  options: InspectOptions,
  terminal: Terminal,
): Promise<number> {
  if (options.export !== undefined && given === undefined)
    throw new InvalidOptionError(
      '--export writes one session. Name it, for example: inspect last --export FILE.',
    );
  const inspector = await inspectorPackage();
  const { host, session, what } = await shownOf(given, options.stateDir);
  if (options.export !== undefined && session !== undefined) {
    const { html, records, omitted } = await inspector.exportHtml(host, session);
    await write(options.export, html);
    const size = `${(Buffer.byteLength(html) / 1e6).toFixed(1)} MB`;
    terminal.printResult(
      `${options.export}: ${grouped(records)} records of ${what}, ${size}. It opens in any browser.`,
    );
    if (omitted !== undefined) terminal.printMessage(terminal.errorColors.yellow(omitted));
    return COMPLETED;
  }
  const { allowCommands: commands, host: address, port } = options;
  const served = await inspector.serveInspector(host, {
    commands,
    ...(address === undefined ? {} : { host: address }),
    ...(port === undefined ? {} : { port }),
    ...(session === undefined ? {} : { session }),
  });
  terminal.printResult(`inspector  ${served.url}`);
  const may = commands
    ? 'the page may pause, resume and cancel'
    : 'read-only; --allow-commands lets the page pause, resume and cancel';
  terminal.printMessage(`Shows ${what}; ${may}. The address grants access. Press Ctrl-C to stop.`);
  await interrupted(terminal);
  await served.close();
  return COMPLETED;
}

async function shownOf(given: string | undefined, stateDir: string): Promise<Shown> {
  if (given === undefined)
    return { host: inspectorHost({ stateDir }), session: undefined, what: `the sessions of ${stateDir}` };
  const place = await recordingPlaceOf(given, stateDir);
  if (typeof place === 'string') {
    const host = await recordingHost(place);
    const [recording] = await host.sessions();
    return { host, session: recording?.id, what: given };
  }
  return { host: inspectorHost({ stateDir }), session: place.session, what: `session ${place.session}` };
}

async function write(path: string, html: string): Promise<void> {
  await writeFile(path, html, { mode: 0o600 }).catch((error: unknown) => {
    throw new InvalidOptionError(`Cannot write ${quoted(path)} (${codeOf(error)}). Choose another file.`, {
      cause: error,
    });
  });
}

/** Resolves at a signal, or when the output is closed. */
function interrupted(terminal: Terminal): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
    terminal.onBroken(() => resolve());
  });
}
