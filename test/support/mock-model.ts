/** Language models of the AI SDK's own mocks that answer what `llm()` asks. */
import { MockLanguageModelV3 } from 'ai/test';

export interface Item {
  readonly id: string;
  readonly text: string;
}

export interface MockAnswer {
  /** Text, or JSON of it. */
  readonly content: unknown;
  /** Default: 'stop'. */
  readonly finish?: 'stop' | 'length' | 'content-filter' | 'error' | 'other';
  /** Of the response. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Asked {
  readonly items: readonly Item[];
  readonly system: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

type Call = Parameters<MockLanguageModelV3['doGenerate']>[0];

/** A model that answers by a function; `asked` lists its requests.
 * @param answer gets the items and the number of the request, from 0; what it throws is the provider's error. */
export function mockModel(answer: (items: readonly Item[], request: number) => MockAnswer) {
  const asked: Asked[] = [];
  const model = new MockLanguageModelV3({
    provider: 'mock',
    modelId: 'small',
    doGenerate: async ({ prompt, headers = {} }: Call) => {
      const items = JSON.parse(textOf(prompt, 'user')) as Item[];
      asked.push({ items, system: textOf(prompt, 'system'), headers });
      const { content, finish = 'stop', headers: responseHeaders } = answer(items, asked.length - 1);
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      return {
        content: [{ type: 'text', text }],
        finishReason: { unified: finish, raw: undefined },
        usage: {
          inputTokens: { total: 10 * items.length, noCache: 10 * items.length, cacheRead: 0, cacheWrite: 0 },
          outputTokens: { total: items.length, text: items.length, reasoning: 0 },
        },
        warnings: [],
        ...(responseHeaders && { response: { headers: { ...responseHeaders } } }),
      };
    },
  });
  return { model, asked };
}

function textOf(prompt: Call['prompt'], role: 'system' | 'user'): string {
  return prompt
    .filter((message) => message.role === role)
    .map(({ content }) =>
      typeof content === 'string'
        ? content
        : content.map((part) => (part.type === 'text' ? part.text : '')).join(''),
    )
    .join('');
}
