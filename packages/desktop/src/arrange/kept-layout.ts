/** What a page leaves to the one that is loaded after it: which windows there are, from the bottom, and where. */
import type { Placement, Rectangle } from "./place.ts";

/** What a page that is loaded again needs. */
export interface KeptWindow {
  readonly id: string;
  /** By which it is made again; null: it comes by itself. */
  readonly kept: { readonly kind: string; readonly argument: unknown } | null;
  readonly free: Rectangle;
  readonly placement: Placement;
  readonly workspace: number;
  readonly isMinimized: boolean;
}

export interface KeptLayout {
  readonly workspace?: number;
  readonly windows?: readonly KeptWindow[];
  readonly active?: string | null;
}

/**
 * Windows are made again one after the other, and a page may be left before the last one is: those are windows still,
 * and lie where they lay.
 *
 * @param windows  which are there, from the bottom
 * @param awaited  which are not yet
 * @param order    ids of those of the page before, from the bottom
 */
export function withAwaited(
  windows: readonly KeptWindow[],
  awaited: Iterable<KeptWindow>,
  order: readonly string[],
): KeptWindow[] {
  const all = [...windows];
  for (const window of [...awaited].reverse()) {
    // A program's may have ended meanwhile, and then it never comes.
    if (window.kept === null) continue;
    const place = order.indexOf(window.id);
    const above = all.findIndex(({ id }) => order.indexOf(id) > place);
    all.splice(above < 0 ? all.length : above, 0, window);
  }
  return all;
}
