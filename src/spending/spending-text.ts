/** Spending as text, for people. */
import { amountText } from './budget.js';
import type { SpendingTotals } from './ledger.js';
import type { Spending } from './spending.js';

/** `$1.01, 181 calls, 12,000 inputTokens; uncertain, in flight at a crash: $0.02`. Rows are left out: they are counted anyway. */
export function spendingText({ certain, uncertain }: SpendingTotals): string {
  const perhaps = amountsText(uncertain);
  const spent = amountsText(certain) || 'nothing';
  return perhaps === '' ? spent : `${spent}; uncertain, in flight at a crash: ${perhaps}`;
}

function amountsText({ usd, rows: _, ...others }: Spending): string {
  const amounts = Object.entries(others).map(([name, sum]) => `${sum.toLocaleString('en-US')} ${name}`);
  return [...(usd === undefined ? [] : [amountText('usd', usd)]), ...amounts].join(', ');
}
