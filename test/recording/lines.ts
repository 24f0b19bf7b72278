/** Recordings made by hand: long ones, damaged ones, foreign ones. */

const START = 1_700_000_000_000;

const DEFINITION = {
  id: 'executor',
  initial: 'IDLE',
  states: [],
  transitions: [],
};

export const line = (kind: string, n: number, fields: object): string =>
  `{"k":"${kind}","n":${n},"t":${START + n},${JSON.stringify(fields).slice(1)}\n`;

export function head(n: number, fields: object = {}): string {
  const facts = { format: 1, sessionId: 's', pipeline: 'p', stages: ['a'], pid: 1, epoch: 1 };
  return (
    line('b', n, { ...facts, resumed: false, continued: false, ...fields }) +
    line('d', n + 1, { id: 'executor', definition: DEFINITION }) +
    keyframe(n + 2, 0)
  );
}

export function keyframe(n: number, count: number): string {
  const executor = { definition: 'executor', parent: null, state: 'EXECUTING', status: 'active' };
  return line('k', n, { actors: { executor: { ...executor, context: { count } } } });
}

export const step = (n: number, count: number): string =>
  `{"k":"s","n":${n},"t":${START + n},"a":"executor","e":{"type":"tick"},"f":"EXECUTING","x":0,"p":{"set":{"count":${count}}}}\n`;

/** A head, and then steps that count, with keyframes between. */
export function counting(records: number, keyframeEvery: number): string {
  const lines = [head(0)];
  for (let n = 3; n < records; n++) lines.push(n % keyframeEvery === 0 ? keyframe(n, n - 1) : step(n, n));
  return lines.join('');
}
