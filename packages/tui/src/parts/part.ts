/** What has the keys: a view, or a dialog before it. */
import type { Key } from "../terminal/key.ts";
import type { Canvas } from "./canvas.ts";

/** A key that does something now, and what: for the line at the bottom. */
export type Hint = readonly [key: string, what: string];

export interface Part {
  draw(canvas: Canvas): void;
  /** @returns false: it is not for this one */
  press(key: Key): boolean;
  hints(): readonly Hint[];
}
