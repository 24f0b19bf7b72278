/** Polylines as SVG paths. Pure. */

interface Point {
  readonly x: number;
  readonly y: number;
}

const pointsOf = (flat: readonly number[]): Point[] =>
  Array.from({ length: flat.length >> 1 }, (_, i) => ({ x: flat[2 * i] ?? 0, y: flat[2 * i + 1] ?? 0 }));

/** Corners rounded by `radius`, or by half of the shorter side. */
export function roundedPath(flat: readonly number[], radius: number): string {
  const points = pointsOf(flat);
  const [first] = points;
  const last = points[points.length - 1];
  if (first === undefined || last === undefined) return '';
  let path = `M${first.x} ${first.y}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [a, b, c] = [points[i - 1] as Point, points[i] as Point, points[i + 1] as Point];
    const r = Math.min(radius, distance(a, b) / 2, distance(b, c) / 2);
    const [from, to] = [towards(b, a, r), towards(b, c, r)];
    path += `L${from.x} ${from.y}Q${b.x} ${b.y} ${to.x} ${to.y}`;
  }
  return `${path}L${last.x} ${last.y}`;
}

/** The arrow head. */
export function arrowHead(flat: readonly number[], size = 6): string {
  const points = pointsOf(flat);
  const [before, tip] = points.slice(-2);
  if (before === undefined || tip === undefined) return '';
  const base = towards(tip, before, size + 1);
  const length = distance(before, tip) || 1;
  const [nx, ny] = [((tip.y - before.y) / length) * size * 0.55, ((before.x - tip.x) / length) * size * 0.55];
  return `M${tip.x} ${tip.y}L${base.x + nx} ${base.y + ny}L${base.x - nx} ${base.y - ny}Z`;
}

const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

function towards(from: Point, to: Point, length: number): Point {
  const share = length / (distance(from, to) || 1);
  return { x: round(from.x + (to.x - from.x) * share), y: round(from.y + (to.y - from.y) * share) };
}

const round = (value: number): number => Math.round(value * 10) / 10;
