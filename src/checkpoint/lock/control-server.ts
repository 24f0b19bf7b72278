/**
 * The owner's end of the control channel: answers clients that connect to the session's lock.
 *
 * 1. A client cannot harm the run. Requests are bounded, validated and answered one at a time; connections are few; an idle
 *    connection is closed; no socket keeps the process alive.
 * 2. A command needs the token, which is compared in constant time.
 * 3. A handler's rejection is an answer, not a failure of the channel.
 */
import { timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { isObject, type JsonObject } from '../../formats/json.js';
import { codeOf, messageOf } from '../../platform/thrown.js';
import { CONTROL_COMMANDS, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, parseLine } from './control-protocol.js';
import type { LockHandlers } from './lock.js';

const MAX_CONNECTIONS = 16;

export interface ControlServer {
  readonly server: Server;
  /** Ends the connections that are not waiting for an answer; the others end with theirs. */
  endConnections(): void;
}

export function controlServer(token: string, handlers: LockHandlers, idleTimeoutMs: number): ControlServer {
  const connections = new Set<Connection>();
  let ending = false;
  const server = createServer((socket) => {
    const connection = new Connection(socket, token, handlers, idleTimeoutMs, () => ending);
    connections.add(connection);
    socket.on('close', () => connections.delete(connection));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.unref();
  return {
    server,
    endConnections() {
      ending = true;
      for (const connection of connections) connection.endIfIdle();
    },
  };
}

class Connection {
  private received = Buffer.alloc(0);
  private answering = false;

  constructor(
    private readonly socket: Socket,
    private readonly token: string,
    private readonly handlers: LockHandlers,
    private readonly idleTimeoutMs: number,
    private readonly ending: () => boolean,
  ) {
    socket.unref();
    socket.on('error', () => socket.destroy());
    socket.setTimeout(idleTimeoutMs, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
  }

  endIfIdle(): void {
    if (!this.answering) this.socket.destroy();
  }

  private receive(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk.subarray(0, MAX_REQUEST_BYTES + 1)]);
    if (this.received.length > MAX_REQUEST_BYTES) {
      this.received = Buffer.alloc(0);
      this.refuse('TOO_LONG', `A request has at most ${MAX_REQUEST_BYTES} bytes.`);
    } else void this.answerNext();
  }

  private async answerNext(): Promise<void> {
    if (this.answering || this.socket.destroyed || this.socket.writableEnded) return;
    const end = this.received.indexOf(10);
    if (end < 0) return;
    const line = this.received.toString('utf8', 0, end);
    this.received = this.received.subarray(end + 1);
    this.answering = true;
    // A command may take as long as the run needs for it.
    this.socket.setTimeout(0);
    await this.answer(parseLine(line, MAX_REQUEST_BYTES));
    this.answering = false;
    if (this.ending()) this.socket.end();
    this.socket.setTimeout(this.idleTimeoutMs);
    void this.answerNext();
  }

  private async answer(request: JsonObject | undefined): Promise<void> {
    if (request === undefined) return this.refuse('MALFORMED', 'A request is one line with a JSON object.');
    if (request.command === 'owner') return this.say({ pid: process.pid });
    if (!this.isToken(request.token)) return this.refuse('DENIED', 'The token is not the one of this owner.');
    const command = CONTROL_COMMANDS.find((name) => name === request.command);
    const handler = command === undefined ? undefined : this.handlers[command];
    if (handler === undefined) return this.refuse('UNKNOWN_COMMAND', 'The owner does not know this command.');
    try {
      this.say(await handler(isObject(request.value) ? request.value : {}));
    } catch (error) {
      this.say(errorAnswer(codeOf(error), messageOf(error)));
    }
  }

  private isToken(given: unknown): boolean {
    if (typeof given !== 'string') return false;
    const [a, b] = [Buffer.from(given), Buffer.from(this.token)];
    return a.length === b.length && timingSafeEqual(a, b);
  }

  private refuse(code: string, message: string): void {
    this.say(errorAnswer(code, message));
    // Destroyed, because 'end' alone would continue to receive.
    this.socket.end(() => this.socket.destroy());
  }

  /** @throws for an answer that is not JSON. */
  private say(answer: JsonObject): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    // The client sends requests and never reads answers.
    if (this.socket.writableLength > MAX_ANSWER_BYTES) this.socket.destroy();
    else this.socket.write(`${JSON.stringify(answer)}\n`);
  }
}

const errorAnswer = (code: string, message: string): JsonObject => ({ error: { code, message } });
