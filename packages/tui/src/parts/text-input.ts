/** One line that is typed. */
import { glyphsOf, widthOf } from "../terminal/cell-text.ts";
import type { Key } from "../terminal/key.ts";
import type { Canvas } from "./canvas.ts";

/** Of characters; what is typed beyond is not taken. */
const LENGTH_MAX = 1000;

export class TextInput {
  #before: string[] = [];
  #after: string[] = [];

  constructor(text = "") {
    this.#before = Array.from(text);
  }

  get text(): string {
    return [...this.#before, ...this.#after].join("");
  }

  /** @returns false: it is not for this one */
  press({ name, text }: Key): boolean {
    const [before, after] = [this.#before, this.#after];
    if (name === "left" || name === "ctrl-b") {
      if (before.length > 0) after.unshift(before.pop()!);
    } else if (name === "right" || name === "ctrl-f") {
      if (after.length > 0) before.push(after.shift()!);
    } else if (name === "home" || name === "ctrl-a") [this.#before, this.#after] = [[], [...before, ...after]];
    else if (name === "end" || name === "ctrl-e") [this.#before, this.#after] = [[...before, ...after], []];
    else if (name === "backspace" || name === "ctrl-h") before.pop();
    else if (name === "delete" || name === "ctrl-d") after.shift();
    else if (name === "ctrl-u") this.#before = [];
    else if (name === "ctrl-k") this.#after = [];
    else if (name === "ctrl-w") this.#before = Array.from(before.join("").replace(/\S*\s*$/, ""));
    else if (text !== "") {
      if (before.length + after.length < LENGTH_MAX) before.push(text);
    } else return false;
    return true;
  }

  /** In a row of the canvas from that column on, with the cursor. */
  draw(canvas: Canvas, column: number, row: number, isSecret = false): void {
    const room = Math.max(canvas.columns - column - 1, 1);
    const shown = (part: readonly string[]): string => (isSecret ? "*".repeat(part.length) : part.join(""));
    let before = glyphsOf(shown(this.#before));
    const width = (): number => before.reduce((sum, glyph) => sum + glyph.width, 0);
    while (width() > room) before = before.slice(1);
    const text = before.map((glyph) => glyph.text).join("");
    canvas.write(column, row, text + shown(this.#after), "input");
    canvas.screen.cursor = { column: canvas.area.column + column + widthOf(text), row: canvas.area.row + row };
  }
}
