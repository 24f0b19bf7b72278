/** The options of `llm()`. */
import type { generateText, LanguageModel } from 'ai';
import type { BatchStageOptions } from '../stages/define.js';
import type { AnswerSchema } from './answer-schema.js';
import type { LlmPrice } from './price.js';

/** Versions 6 and 7 of the AI SDK name these types differently. */
type Call = Parameters<typeof generateText>[0];

/** Settings that the AI SDK passes to the model. Each but `headers` and `telemetry` is part of the stage's version. */
export interface LlmSettings {
  /** Of one request. A request that reaches it is a failure of its rows. Default: the provider's. */
  readonly maxOutputTokens?: number;
  /** Default: the provider's. */
  readonly temperature?: number;
  readonly topP?: number;
  /** Of the model's random choices, where the provider has one. */
  readonly seed?: number;
  /** What only this provider knows: reasoning effort, service tier, caching. */
  readonly providerOptions?: NonNullable<Call['providerOptions']>;
  /** HTTP headers of each request. `Idempotency-Key` is set unless it is here. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Telemetry of the AI SDK. Default: none; neither prompts nor answers are recorded. */
  readonly telemetry?: NonNullable<Call['experimental_telemetry']>;
}

/** Options of `llm`: those of a stage, and what is asked of which model. */
export interface LlmOptions<Row, Answer, Out>
  extends Omit<BatchStageOptions<Row, Out, Row, Out>, 'process' | 'output'>,
    LlmSettings {
  /** Any language model of the AI SDK. */
  readonly model: LanguageModel;
  /** What the model is to do with each row: the system message. */
  readonly instructions?: string;
  /** The text about a row. Synchronous; it depends on the row alone. */
  readonly prompt: (row: Row) => string;
  /** Schema of the answer about one row: zod 4, another Standard Schema that has JSON Schema (arktype), or what `jsonSchema()` of
   * the AI SDK makes. Its transforms apply to the answer. */
  readonly output: AnswerSchema<Answer>;
  /** Rows that one request asks about. Rows that need further requests ask for a permit and a reservation for each. Default 1. */
  readonly rowsPerCall?: number;
  /** Makes the stage's row. Default: the row with the fields of the answer. */
  readonly merge?: (row: Row, answer: Answer) => Out;
  /** What the model costs. Without it, tokens are counted and money is not. */
  readonly price?: LlmPrice;
  /** Default: derived from the model, the instructions, the prompt, the schema, the settings and `merge`: a change of any asks
   * again. The texts of the functions count; a variable that they use does not. */
  readonly version?: string;
  /** Default true: an answer that was paid for is journaled. */
  readonly durable?: boolean;
}
