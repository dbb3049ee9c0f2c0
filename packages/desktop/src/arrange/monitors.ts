/** Where monitors lie: those that a person adds lie on a side of the first, one behind the other. No page is known. */
import type { Rectangle, Size } from "./place.ts";

export const SIDES = ["right", "left", "above", "below"] as const;
export type Side = (typeof SIDES)[number];

/** What the arrangement has of one. */
export interface ArrangedMonitor {
  readonly id: number;
  /** For windows. */
  readonly area: Rectangle;
  /** All that there is, with the panel's part. */
  readonly screen: Rectangle;
}

/** @returns where each lies, in order; the least x and y are 0 */
export function placesOf(first: Size, others: readonly (Size & { readonly side: Side })[]): Rectangle[] {
  let left = 0,
    top = 0,
    right = first.width,
    bottom = first.height;
  const places: Rectangle[] = [{ x: 0, y: 0, width: first.width, height: first.height }];
  for (const { side, width, height } of others) {
    const isBeside = side === "left" || side === "right";
    if (side === "left") left -= width;
    if (side === "above") top -= height;
    const x = side === "right" ? right : side === "left" ? left : 0;
    const y = side === "below" ? bottom : side === "above" ? top : 0;
    places.push({ x: isBeside ? x : 0, y: isBeside ? 0 : y, width, height });
    if (side === "right") right += width;
    if (side === "below") bottom += height;
  }
  return places.map((place) => ({ ...place, x: place.x - left, y: place.y - top }));
}

/** On which a point lies; of one that is on none, the nearest. */
export function monitorAt(monitors: readonly ArrangedMonitor[], x: number, y: number): ArrangedMonitor {
  const beyond = (at: number, from: number, length: number): number => Math.max(from - at, 0, at - (from + length - 1));
  const distance = ({ screen }: ArrangedMonitor): number =>
    Math.hypot(beyond(x, screen.x, screen.width), beyond(y, screen.y, screen.height));
  return monitors.reduce((best, each) => (distance(each) < distance(best) ? each : best));
}
