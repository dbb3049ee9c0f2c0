/** Rectangles of whole pixels, and short lists of them. */
import { list } from "@stratos/base/value-check";
import { rectangle, savedClass } from "../saved/saved-class.ts";

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What both cover; null when that is nothing. */
export function intersection(one: Rectangle, other: Rectangle): Rectangle | null {
  const x = Math.max(one.x, other.x),
    y = Math.max(one.y, other.y);
  const width = Math.min(one.x + one.width, other.x + other.width) - x,
    height = Math.min(one.y + one.height, other.y + other.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** The smallest that covers both. */
export function union(one: Rectangle, other: Rectangle): Rectangle {
  const x = Math.min(one.x, other.x),
    y = Math.min(one.y, other.y);
  return {
    x,
    y,
    width: Math.max(one.x + one.width, other.x + other.width) - x,
    height: Math.max(one.y + one.height, other.y + other.height) - y,
  };
}

/** Whole pixels that it covers at least a part of, where there are `scale` for one. */
export function scaledOut({ x, y, width, height }: Rectangle, scale: number): Rectangle {
  if (scale === 1) return { x, y, width, height };
  const left = Math.floor(x * scale),
    top = Math.floor(y * scale);
  return {
    x: left,
    y: top,
    width: Math.ceil((x + width) * scale) - left,
    height: Math.ceil((y + height) * scale) - top,
  };
}

/** Whole pixels nearest to it: who share an edge still do. */
export function scaledRound({ x, y, width, height }: Rectangle, scale: number): Rectangle {
  if (scale === 1) return { x, y, width, height };
  const left = Math.round(x * scale),
    top = Math.round(y * scale);
  return {
    x: left,
    y: top,
    width: Math.round((x + width) * scale) - left,
    height: Math.round((y + height) * scale) - top,
  };
}

export function containsPoint({ x, y, width, height }: Rectangle, pointX: number, pointY: number): boolean {
  return pointX >= x && pointY >= y && pointX < x + width && pointY < y + height;
}

export function isSameRectangle(one: Rectangle, other: Rectangle): boolean {
  return one.x === other.x && one.y === other.y && one.width === other.width && one.height === other.height;
}

/** Rectangles of a Damage; one more joins with the last. */
const PARTS_MAX = 16;

/** What is to be drawn again: at most PARTS_MAX rectangles, which may overlap, and cover at least what was added. */
export class Damage {
  #parts: Rectangle[] = [];

  get parts(): readonly Rectangle[] {
    return this.#parts;
  }

  add(part: Rectangle): void {
    if (!(part.width > 0 && part.height > 0)) return;
    const last = this.#parts.at(-1);
    if (last !== undefined && isSameRectangle(last, part)) return;
    if (this.#parts.length < PARTS_MAX) this.#parts.push(part);
    else this.#parts[PARTS_MAX - 1] = union(last!, part);
  }

  addAll(other: Damage): void {
    for (const part of other.parts) this.add(part);
  }

  /** Only what lies within `bounds`. */
  clip(bounds: Rectangle): void {
    this.#parts = this.#parts.flatMap((part) => intersection(part, bounds) ?? []);
  }

  /** What there was; nothing is left. */
  take(): readonly Rectangle[] {
    return this.#parts.splice(0);
  }

  static {
    savedClass(
      "Damage",
      this,
      { "#parts": list(rectangle, PARTS_MAX) },
      { save: (it) => ({ parts: it.#parts }), load: (it, from) => ({ parts: it.#parts } = from) },
    );
  }
}
