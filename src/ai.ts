/**
 * `xstate-pipeline/ai`: a language model as a stage, through the AI SDK. Needs the package `ai`, version 6 or 7, beside this one
 * and a provider such as `@ai-sdk/openai`.
 */
export { AnswerError, type AnswerProblem } from './ai/answer-error.js';
export type { AnswerSchema } from './ai/answer-schema.js';
export { type Answered, llm } from './ai/llm.js';
export type { LlmOptions, LlmSettings } from './ai/options.js';
export type { LlmPrice } from './ai/price.js';
