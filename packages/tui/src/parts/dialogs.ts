/** What is asked before something is done: yes or no, a word, one of several; and text to be read. */
import { widthOf, wrap } from "../terminal/cell-text.ts";
import type { Key } from "../terminal/key.ts";
import type { Style } from "../terminal/style.ts";
import { Canvas } from "./canvas.ts";
import type { Hint, Part } from "./part.ts";
import { TextInput } from "./text-input.ts";

/** Words of dialogs, in the user's language. */
export interface DialogWords {
  readonly yes: string;
  readonly no: string;
  readonly cancel: string;
  readonly choose: string;
  readonly close: string;
  readonly scroll: string;
}

/** Text is no wider than that, so that it is easy to read. */
const WIDTH_MAX = 72;
/** Frame and a space, at both sides. */
const BORDER = 4;

/** Draws the frame in the middle. @returns what is within */
function frame(canvas: Canvas, title: string, size: { columns: number; rows: number }, style: Style): Canvas {
  const columns = Math.min(size.columns + BORDER, canvas.columns);
  const rows = Math.min(size.rows + 2, canvas.rows);
  const [column, row] = [Math.floor((canvas.columns - columns) / 2), Math.floor((canvas.rows - rows) / 2)];
  const box = new Canvas(canvas.screen, {
    column: canvas.area.column + column,
    row: canvas.area.row + row,
    columns,
    rows,
  });
  const heading = title === "" ? "" : ` ${title} `;
  for (let at = 1; at < rows - 1; at++) {
    box.bar(at, "", "normal");
    box.write(0, at, "│", style);
    box.write(columns - 1, at, "│", style);
  }
  box.write(0, 0, `┌${"─".repeat(columns - 2)}┐`, style);
  box.write(2, 0, heading, style);
  box.write(0, rows - 1, `└${"─".repeat(columns - 2)}┘`, style);
  return new Canvas(canvas.screen, {
    column: box.area.column + 2,
    row: box.area.row + 1,
    columns: Math.max(columns - BORDER, 1),
    rows: Math.max(rows - 2, 1),
  });
}

/** Who presses nothing but Enter has said no. */
export class Confirm implements Part {
  readonly #question: string;
  readonly #words: DialogWords;
  readonly #done: (isYes: boolean) => void;
  #isYes = false;

  constructor(question: string, words: DialogWords, done: (isYes: boolean) => void) {
    this.#question = question;
    this.#words = words;
    this.#done = done;
  }

  draw(canvas: Canvas): void {
    const lines = wrap(this.#question, Math.min(canvas.columns - BORDER, WIDTH_MAX));
    const { yes, no } = this.#words;
    const buttons = widthOf(yes) + widthOf(no) + 6;
    const box = frame(
      canvas,
      "",
      { columns: Math.max(...lines.map(widthOf), buttons), rows: lines.length + 2 },
      "warning",
    );
    lines.forEach((line, row) => box.write(0, row, line, "dialog"));
    const after = box.write(0, lines.length + 1, ` ${yes} `, this.#isYes ? "chosen" : "normal");
    box.write(after + 2, lines.length + 1, ` ${no} `, this.#isYes ? "normal" : "chosen");
  }

  press({ name }: Key): boolean {
    const { yes, no } = this.#words;
    if (name === initial(yes)) this.#done(true);
    else if (name === initial(no) || name === "escape" || name === "q") this.#done(false);
    else if (name === "enter") this.#done(this.#isYes);
    else if (["left", "right", "tab", "shift-tab", "h", "l"].includes(name)) this.#isYes = !this.#isYes;
    return true;
  }

  hints(): readonly Hint[] {
    const { yes, no } = this.#words;
    return [
      [initial(yes), yes],
      [initial(no), no],
    ];
  }
}

/** The key that says the word: the letter that it tells in brackets, or its first. */
function initial(word: string): string {
  return (/\((\w)\)/.exec(word)?.[1] ?? word.charAt(0)).toLowerCase();
}

export class Prompt implements Part {
  readonly #label: string;
  readonly #words: DialogWords;
  readonly #done: (text: string | null) => void;
  readonly #input: TextInput;

  constructor(label: string, text: string, words: DialogWords, done: (text: string | null) => void) {
    this.#label = label;
    this.#words = words;
    this.#done = done;
    this.#input = new TextInput(text);
  }

  draw(canvas: Canvas): void {
    const box = frame(canvas, "", { columns: Math.min(canvas.columns - BORDER, WIDTH_MAX), rows: 2 }, "normal");
    box.write(0, 0, this.#label, "dialog");
    this.#input.draw(box, 0, 1);
  }

  press(key: Key): boolean {
    if (key.name === "enter") this.#done(this.#input.text);
    else if (key.name === "escape") this.#done(null);
    else this.#input.press(key);
    return true;
  }

  hints(): readonly Hint[] {
    return [
      ["Enter", "OK"],
      ["Esc", this.#words.cancel],
    ];
  }
}

export class Menu implements Part {
  readonly #title: string;
  readonly #items: readonly string[];
  readonly #words: DialogWords;
  readonly #done: (index: number | null) => void;
  #chosen = 0;

  constructor(title: string, items: readonly string[], words: DialogWords, done: (index: number | null) => void) {
    this.#title = title;
    this.#items = items;
    this.#words = words;
    this.#done = done;
  }

  draw(canvas: Canvas): void {
    const columns = Math.max(...this.#items.map(widthOf), widthOf(this.#title) + 2);
    const height = Math.min(this.#items.length, canvas.rows - 2);
    const box = frame(canvas, this.#title, { columns, rows: height }, "normal");
    const first = Math.max(Math.min(this.#chosen - height + 1, this.#items.length - height), 0);
    for (let row = 0; row < height; row++) {
      const at = first + row;
      box.bar(row, this.#items[at]!, at === this.#chosen ? "chosen" : "normal");
    }
  }

  press({ name }: Key): boolean {
    const last = this.#items.length - 1;
    if (name === "up" || name === "k") this.#chosen = Math.max(this.#chosen - 1, 0);
    else if (name === "down" || name === "j") this.#chosen = Math.min(this.#chosen + 1, last);
    else if (name === "enter") this.#done(this.#chosen);
    else if (name === "escape" || name === "q") this.#done(null);
    return true;
  }

  hints(): readonly Hint[] {
    return [
      ["Enter", this.#words.choose],
      ["Esc", this.#words.cancel],
    ];
  }
}

/** Text over all of the view. */
export class Pager implements Part {
  readonly #title: string;
  #text: string;
  readonly #words: DialogWords;
  readonly #done: () => void;
  #first = 0;
  #most = 0;
  #page = 1;

  constructor(title: string, text: string, words: DialogWords, done: () => void) {
    this.#title = title;
    this.#text = text.replace(/\n$/, "");
    this.#words = words;
    this.#done = done;
  }

  /** Whoever is at its end stays there. */
  show(text: string): void {
    const isAtEnd = this.#first >= this.#most;
    this.#text = text.replace(/\n$/, "");
    if (isAtEnd) this.#first = Infinity;
  }

  toEnd(): void {
    this.#first = Infinity;
  }

  draw(canvas: Canvas): void {
    const size = { columns: canvas.columns - BORDER, rows: canvas.rows - 2 };
    for (let row = 0; row < canvas.rows; row++) canvas.bar(row, "", "normal");
    const box = frame(canvas, this.#title, size, "normal");
    const lines = wrap(this.#text, box.columns);
    this.#page = Math.max(box.rows - 1, 1);
    this.#most = Math.max(lines.length - box.rows, 0);
    this.#first = Math.min(Math.max(this.#first, 0), this.#most);
    lines.slice(this.#first, this.#first + box.rows).forEach((line, row) => box.write(0, row, line));
  }

  press({ name }: Key): boolean {
    if (name === "up" || name === "k") this.#first--;
    else if (name === "down" || name === "j" || name === "enter") this.#first++;
    else if (name === "pageup" || name === "ctrl-b") this.#first -= this.#page;
    else if (name === "pagedown" || name === "ctrl-f" || name === "space") this.#first += this.#page;
    else if (name === "home" || name === "g") this.#first = 0;
    else if (name === "end" || name === "G") this.#first = Infinity;
    else if (name === "escape" || name === "q" || name === "?") this.#done();
    return true;
  }

  hints(): readonly Hint[] {
    return [
      ["↑↓", this.#words.scroll],
      ["Esc", this.#words.close],
    ];
  }
}
