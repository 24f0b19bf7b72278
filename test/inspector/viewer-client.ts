/** The page's protocol without a browser: connects, authenticates, sends requests, receives news. */
import { once } from 'node:events';
import { request } from 'node:http';
import { WebSocket } from 'ws';
import {
  type Grown,
  PROTOCOL_VERSION,
  type Requests,
  type RequestType,
} from '../../src/inspector/protocol.js';

/** The parts of a URL that the inspector gave. */
export function partsOf(url: string) {
  const { host, origin, hostname, port, hash } = new URL(url);
  const token = new URLSearchParams(hash.slice(1)).get('token') ?? '';
  return { host, origin, hostname, port: Number(port), token };
}

export interface Answer {
  readonly id?: number | null;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
  readonly type?: string;
}

export class ViewerClient {
  readonly #waiting = new Map<number | null, (answer: Answer | Error) => void>();
  readonly news: Grown[] = [];
  #nextId = 0;
  #onNews = () => {};

  private constructor(readonly socket: WebSocket) {
    socket.on('close', () => {
      for (const answered of this.#waiting.values()) answered(new Error('closed'));
    });
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(String(data)) as Answer & Grown;
      if (message.type === 'grown') {
        this.news.push(message);
        this.#onNews();
      } else {
        this.#waiting.get(message.id ?? null)?.(message);
        this.#waiting.delete(message.id ?? null);
      }
    });
  }

  /** Connects without `hello`. Rejects with the status of a refusal. */
  static connect(url: string, headers: Readonly<Record<string, string>> = {}): Promise<ViewerClient> {
    const { host, origin } = partsOf(url);
    const socket = new WebSocket(`ws://${host}/feed`, { headers: { origin, ...headers } });
    return new Promise((resolve, reject) => {
      socket.on('open', () => resolve(new ViewerClient(socket)));
      socket.on('unexpected-response', (_, response) => {
        socket.terminate();
        reject(new Error(String(response.statusCode)));
      });
      socket.on('error', reject);
    });
  }

  static async welcome(url: string): Promise<ViewerClient> {
    const viewer = await ViewerClient.connect(url);
    await viewer.ask('hello', { token: partsOf(url).token, protocol: PROTOCOL_VERSION });
    return viewer;
  }

  /** @throws the code of an error answer. */
  async ask<T extends RequestType>(type: T, fields: Requests[T]['ask']): Promise<Requests[T]['answer']> {
    const id = this.#nextId++;
    const { error, result } = await this.raw(JSON.stringify({ id, type, ...fields }), id);
    if (error !== undefined) throw new Error(error.code);
    return result as Requests[T]['answer'];
  }

  /** Sends any message; resolves to the answer with that `id`. */
  raw(data: string | Buffer, id: number | null): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
      this.socket.send(data);
    });
  }

  /** Resolves to the first matching news, earlier ones included. */
  async heard(fits: (news: Grown) => boolean): Promise<Grown> {
    for (;;) {
      const found = this.news.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#onNews = resolve;
      });
    }
  }

  /** Later waits ignore the news so far. */
  later(): (news: Grown) => boolean {
    const known = new Set(this.news);
    return (news) => !known.has(news);
  }

  /** @returns the code of the end. */
  async closed(): Promise<number> {
    if (this.socket.readyState === WebSocket.CLOSED) return 0;
    const [code] = await once(this.socket, 'close');
    return code;
  }
}

/** A plain HTTP request with any header. */
export function fetched(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<{ status: number; headers: Readonly<Record<string, unknown>>; body: string }> {
  const { hostname, port } = partsOf(url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    })
      .on('error', reject)
      .end();
  });
}
