/**
 * A profile as a tree of calls, from the outermost in: what one function called from one place is one node, whichever
 * of V8's nodes it was, and idling is left out. As a picture each is as wide as its time.
 */
import { IDLE, type CpuProfile } from "./cpu-profile.ts";
import { nameOf, placesOf, selfTimes, whereOf } from "./hot-functions.ts";

export interface Flame {
  readonly function: string;
  /** Empty: of V8 itself. */
  readonly where: string;
  readonly selfMs: number;
  /** With what it called. */
  readonly totalMs: number;
  /** The one of most time first. */
  readonly children: readonly Flame[];
}

interface Growing {
  readonly function: string;
  readonly where: string;
  selfMs: number;
  totalMs: number;
  readonly byKey: Map<string, Growing>;
  children: Growing[];
}

const grow = (name: string, where: string): Growing => ({
  function: name,
  where,
  selfMs: 0,
  totalMs: 0,
  byKey: new Map(),
  children: [],
});

export function flameOf(profile: CpuProfile): Flame {
  const { nodes } = profile;
  const selfMs = selfTimes(profile);
  const placeOf = placesOf(nodes);
  const isChild = new Uint8Array(nodes.length);
  for (const { children = [] } of nodes) {
    for (const child of children) {
      const at = placeOf.get(child);
      if (at !== undefined) isChild[at] = 1;
    }
  }
  const root = grow("all", "");
  // Parents stand before their children.
  const made = [root];
  const isVisited = new Uint8Array(nodes.length);
  const left: [place: number, below: Growing][] = [];
  nodes.forEach((_, place) => void (isChild[place] === 0 && left.push([place, root])));
  while (left.length > 0) {
    const [place, below] = left.pop()!;
    if (isVisited[place] === 1) continue;
    isVisited[place] = 1;
    const { callFrame, children = [] } = nodes[place]!;
    const name = nameOf(callFrame);
    const where = whereOf(callFrame);
    if (where === "" && name === IDLE) continue;
    const isRoot = where === "" && name === "(root)";
    const key = `${name}\0${where}`;
    let node = isRoot ? root : below.byKey.get(key);
    if (node === undefined) {
      node = grow(name, where);
      below.byKey.set(key, node);
      below.children.push(node);
      made.push(node);
    }
    node.selfMs += selfMs[place]!;
    for (const child of children) {
      const at = placeOf.get(child);
      if (at !== undefined) left.push([at, node]);
    }
  }
  for (const node of made.toReversed()) {
    node.totalMs = node.selfMs + node.children.reduce((sum, child) => sum + child.totalMs, 0);
    node.children.sort((a, b) => b.totalMs - a.totalMs || (a.function < b.function ? -1 : 1));
  }
  return root;
}

/** @param path  places among children, from the root on. @returns those on the way, the root first; null: none */
export function flameAt(root: Flame, path: readonly number[]): readonly Flame[] | null {
  const way = [root];
  for (const place of path) {
    const next = way.at(-1)!.children[place];
    if (next === undefined) return null;
    way.push(next);
  }
  return way;
}

export interface FlameBox {
  readonly flame: Flame;
  /** Places among children, from where the picture begins. */
  readonly path: readonly number[];
  /** Of the whole width, from 0 to 1. */
  readonly left: number;
  readonly width: number;
}

interface FlameBounds {
  readonly depthMax: number;
  /** Of the whole width; what is narrower is left out, with all that it called. */
  readonly widthMin: number;
}

export function flameBoxes(from: Flame, { depthMax, widthMin }: FlameBounds): FlameBox[] {
  if (from.totalMs <= 0) return [];
  const boxes: FlameBox[] = [{ flame: from, path: [], left: 0, width: 1 }];
  for (const { flame, path, left } of boxes) {
    if (path.length >= depthMax) continue;
    let at = left;
    flame.children.forEach((child, place) => {
      const width = child.totalMs / from.totalMs;
      if (width >= widthMin) boxes.push({ flame: child, path: [...path, place], left: at, width });
      at += width;
    });
  }
  return boxes;
}
