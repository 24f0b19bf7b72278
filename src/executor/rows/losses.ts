/** The rows that a batch lost to errors (I12): all are counted, the first are named, and their reasons are in a table. */
import {
  addLosses,
  type Losses,
  MAX_NAMED_LOSSES,
  NO_LOSSES,
  reasonIndex,
} from '../../../machines/context.js';
import { codeOf, messageOf } from '../../platform/thrown.js';

const MAX_REASON = 160;

export class LossLedger {
  #total = 0;
  #named: [number, number, number, number][] = [];
  #reasons: string[] = [];

  recordLoss(batch: number, row: number, stage: number, error: unknown): void {
    this.#total++;
    if (this.#named.length >= MAX_NAMED_LOSSES) return;
    const reason = `${codeOf(error)}: ${messageOf(error)}`.slice(0, MAX_REASON);
    this.#named.push([batch, row, stage, reasonIndex(this.#reasons, reason)]);
  }

  /** @returns a function that takes back later losses. */
  savepoint(): () => void {
    const [total, named, reasons] = [this.#total, this.#named.length, this.#reasons.length];
    return () => {
      this.#total = total;
      this.#named.length = named;
      this.#reasons.length = reasons;
    };
  }

  addLosses(losses: Losses): void {
    const sum = addLosses(this.losses, losses);
    this.#total = sum.total;
    this.#named = sum.named.map(([batch, row, stage, reason]) => [batch, row, stage, reason]);
    this.#reasons = [...sum.reasons];
  }

  get losses(): Losses {
    if (this.#total === 0) return NO_LOSSES;
    return { total: this.#total, named: this.#named, reasons: this.#reasons };
  }
}
