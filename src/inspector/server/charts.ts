/** The charts of a recording's definitions. Each is laid out once for all sessions. */
import type { MachineDefinition } from '../../recording/format.js';
import type { Chart } from '../chart.js';
import { layoutChart } from '../layout.js';

const KEPT = 32;
const known = new Map<string, Promise<Chart>>();

export async function chartsOf(
  definitions: Readonly<Record<string, MachineDefinition>>,
): Promise<Record<string, Chart>> {
  const charts: Record<string, Chart> = {};
  for (const [id, definition] of Object.entries(definitions)) charts[id] = await chartOf(definition);
  return charts;
}

function chartOf(definition: MachineDefinition): Promise<Chart> {
  const key = JSON.stringify(definition);
  const chart = known.get(key) ?? layoutChart(definition);
  known.delete(key);
  known.set(key, chart);
  for (const [oldest] of known) {
    if (known.size <= KEPT) break;
    known.delete(oldest);
  }
  return chart;
}
