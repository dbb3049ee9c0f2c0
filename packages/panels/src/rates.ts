/** Figures over time, as charts show them. */
export interface Point {
  readonly atMs: number;
  readonly value: number;
}

/** Of a figure that only grows: how much in a second. */
export function rates(points: readonly Point[]): Point[] {
  return points.slice(1).map(({ atMs, value }, at) => {
    const before = points[at]!;
    return { atMs, value: ((value - before.value) * 1000) / Math.max(atMs - before.atMs, 1) };
  });
}
