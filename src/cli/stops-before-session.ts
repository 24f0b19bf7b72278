/** Requests to stop that come before a session has begun: nothing is to be saved, the process just ends. */
import { FAILED } from './exit-codes.js';
import { reportError } from './output/report.js';
import type { Terminal } from './output/terminal.js';
import { StopRequests } from './stop-requests.js';

export function stopsBeforeSession(terminal: Terminal, verbose: boolean): StopRequests {
  return new StopRequests(terminal, ({ exitCode, error }) => {
    if (error === undefined) process.exit(exitCode);
    reportError(terminal, error, verbose);
    void terminal.flush().then(() => process.exit(FAILED));
  });
}
