/** Results as Markdown. */
import { paired, spread } from './statistics.mjs';

/**
 * @typedef {object} CaseResult
 * @property {string} name
 * @property {string} baseline
 * @property {string} figure
 * @property {'higher' | 'lower'} better
 * @property {string} unit
 * @property {Record<string, string> | undefined} [columns]
 * @property {import('./run-case.mjs').Measured[]} variants
 */

/**
 * Times say how much more than the baseline's, paired; rates say how many times the baseline's, paired.
 * @param {CaseResult} result
 */
export function caseTable({ baseline, figure, better, unit, columns = {}, variants }) {
  const base = variants.find(({ name }) => name === baseline)?.runs ?? [];
  const isTime = better === 'lower';
  const compared = isTime ? `${unit} more than ${baseline}` : '× baseline';
  const usage = isTime ? [] : ['CPU s', '× CPU', 'peak MB'];
  const head = ['variant', unit, 'min–max', compared, 'min–max', ...usage, ...Object.values(columns)];
  const lines = variants.map(({ name, runs, first, failure }) => {
    if (failure !== undefined || runs.length === 0) {
      const why = failure === undefined ? 'not run' : `failed: ${failure.split('\n')[0]}`;
      return [name, why, ...head.slice(2).map(() => '')];
    }
    const values = runs.map((run) => Number(run[figure]));
    const cells = [name, ...spreadCells(values, amount)];
    const others = base.map((run) => Number(run[figure]));
    if (name === baseline || others.length === 0) cells.push(isTime ? '0' : '1', '');
    else if (isTime)
      cells.push(
        ...spreadCells(
          paired(values, others, (a, b) => a - b),
          amount,
        ),
      );
    else
      cells.push(
        ...spreadCells(
          paired(values, others, (a, b) => a / b),
          (value) => value.toFixed(3),
        ),
      );
    if (!isTime) {
      const cpu = cpuOf(runs);
      const ratio = name === baseline ? '' : amount(spread(paired(cpuOf(base), cpu, (a, b) => a / b)).median);
      cells.push(
        amount(spread(cpu).median),
        ratio,
        amount(spread(runs.map((run) => Number(run.peakMb))).median),
      );
    }
    return [...cells, ...Object.keys(columns).map((key) => amount(figureOf(key, runs, first)))];
  });
  return table(head, lines);
}

/** Median, and from least to most. @param {number[]} values @param {(value: number) => string} written */
function spreadCells(values, written) {
  const { median, min, max } = spread(values);
  return [written(median), values.length > 1 ? `${written(min)}–${written(max)}` : ''];
}

/** @param {import('./measure.mjs').Figures[]} runs */
const cpuOf = (runs) => runs.map((run) => Number(run.cpuSeconds));

/**
 * The median of the runs, or the figure of the first, where it alone was counted.
 * @param {string} key
 * @param {import('./measure.mjs').Figures[]} runs
 * @param {import('./measure.mjs').Figures} [first]
 */
function figureOf(key, runs, first) {
  const measured = runs.some((run) => key in run) ? runs : first ? [first] : [];
  return spread(measured.map((run) => Number(run[key]))).median;
}

/** @param {number} value */
export function amount(value) {
  if (!Number.isFinite(value)) return '';
  if (Math.abs(value) >= 1_000) return Number(value.toPrecision(4)).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

/**
 * @param {string[]} head
 * @param {string[][]} lines
 */
export function table(head, lines) {
  const row = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [row(head), row(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...lines.map(row)].join('\n');
}
