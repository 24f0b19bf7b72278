/** What calls spend: amounts by name, like `usd`, `inputTokens` and `outputTokens`. Finite numbers from 0. */
export type Spending = Readonly<Record<string, number>>;

export const NOTHING_SPENT: Spending = Object.freeze({});
