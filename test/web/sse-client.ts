/** Reads server-sent events from a response, one at a time. */
export interface Message {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** @returns the next message of a kind; undefined at the end of the stream. */
export function messagesOf(response: Response) {
  if (response.body === null) throw new Error(`no body: status ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const next = async (): Promise<Message | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const message = parse(text.slice(0, end));
        text = text.slice(end + 2);
        if (message !== undefined) return message;
        continue;
      }
      const { done, value } = await reader.read();
      if (done) return undefined;
      text += value;
    }
  };
  return {
    next,
    async nextOf(...kinds: readonly string[]): Promise<Message | undefined> {
      for (let message = await next(); message !== undefined; message = await next())
        if (kinds.includes(message.event)) return message;
      return undefined;
    },
    async rest(): Promise<Message[]> {
      const all: Message[] = [];
      for (let message = await next(); message !== undefined; message = await next()) all.push(message);
      return all;
    },
    stop: () => reader.cancel(),
  };
}

/** Comments and `retry` are no messages. */
function parse(block: string): Message | undefined {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
  );
  const data = fields.get('data');
  return data === undefined
    ? undefined
    : { event: fields.get('event') ?? 'message', id: fields.get('id'), data: JSON.parse(data) };
}
