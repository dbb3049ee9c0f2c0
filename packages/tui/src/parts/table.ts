/** Rows of which one is chosen; they scroll, and can be filtered. */
import { clip, padEnd, padStart, widthOf } from "../terminal/cell-text.ts";
import type { Key } from "../terminal/key.ts";
import type { Style } from "../terminal/style.ts";
import type { Canvas } from "./canvas.ts";
import { TextInput } from "./text-input.ts";

interface Cell {
  readonly text: string;
  readonly style: Style;
}

interface Column<Row> {
  readonly title: string;
  readonly isNumber?: true;
  /** It takes the room that is left, and gives its own where there is too little. */
  readonly grows?: true;
  readonly cell: (row: Row) => string | Cell;
}

export interface TableOptions<Row> {
  readonly columns: readonly Column<Row>[];
  /** By which a row is known again when all are asked for anew. */
  readonly identity: (row: Row) => string;
  /** Said where there are none. */
  readonly none: string;
}

const GAP = 2;
/** A column that grows is at least as wide; others before it are not shown. */
const LEAST = 8;

export class Table<Row> {
  readonly #options: TableOptions<Row>;
  #rows: readonly Row[] = [];
  #chosen = 0;
  #first = 0;
  #page = 1;
  /** Null: there is none. */
  #filter: TextInput | null = null;
  #isTyping = false;

  constructor(options: TableOptions<Row>) {
    this.#options = options;
  }

  show(rows: readonly Row[]): void {
    const { identity } = this.#options;
    const kept = this.chosen;
    this.#rows = rows;
    if (kept === null) return this.#choose(this.#chosen);
    const name = identity(kept);
    const at = this.#filtered().findIndex((row) => identity(row) === name);
    this.#choose(at < 0 ? this.#chosen : at);
  }

  /** The row of that name, if it is there. */
  choose(name: string): void {
    const at = this.#filtered().findIndex((row) => this.#options.identity(row) === name);
    if (at >= 0) this.#choose(at);
  }

  get chosen(): Row | null {
    return this.#filtered()[this.#chosen] ?? null;
  }

  /** What is pressed is of the filter's text. */
  get isTyping(): boolean {
    return this.#isTyping;
  }

  get filter(): string {
    return this.#filter?.text ?? "";
  }

  /** A table of other rows is no longer filtered. */
  reset(): void {
    this.#filter = null;
    this.#isTyping = false;
    this.#choose(0);
  }

  press(key: Key): boolean {
    if (this.#isTyping) return this.#type(key);
    const last = this.#filtered().length - 1;
    switch (key.name) {
      case "up":
      case "k":
        this.#choose(this.#chosen - 1);
        return true;
      case "down":
      case "j":
        this.#choose(this.#chosen + 1);
        return true;
      case "pageup":
      case "ctrl-b":
        this.#choose(this.#chosen - this.#page);
        return true;
      case "pagedown":
      case "ctrl-f":
        this.#choose(this.#chosen + this.#page);
        return true;
      case "home":
      case "g":
        this.#choose(0);
        return true;
      case "end":
      case "G":
        this.#choose(last);
        return true;
      case "/":
        this.#filter ??= new TextInput();
        this.#isTyping = true;
        return true;
      case "escape":
        if (this.#filter === null) return false;
        this.reset();
        return true;
      default:
        return false;
    }
  }

  #type(key: Key): boolean {
    if (key.name === "escape") this.reset();
    else if (key.name === "enter" || key.name === "up" || key.name === "down") {
      this.#isTyping = false;
      if (this.#filter!.text === "") this.#filter = null;
    } else if (this.#filter!.press(key)) this.#choose(0);
    else return false;
    return true;
  }

  draw(canvas: Canvas): void {
    const { columns: all, none } = this.#options;
    const rows = this.#filtered();
    const columns = all.map((column) => ({ ...column, width: widthOf(column.title) }));
    const cells = rows.map((row) => all.map(({ cell }) => cellOf(cell(row))));
    for (const line of cells)
      line.forEach(({ text }, at) => (columns[at]!.width = Math.max(columns[at]!.width, widthOf(text))));
    const total = (): number => columns.reduce((sum, { width }) => sum + width + GAP, -GAP);
    const growing = columns.find(({ grows }) => grows === true);
    if (growing !== undefined) growing.width = Math.max(growing.width + canvas.columns - total(), LEAST);
    let column = 0;
    for (const { title, width, isNumber } of columns) {
      canvas.write(column, 0, (isNumber ? padStart : padEnd)(title, width), "head");
      column += width + GAP;
    }
    const hasFilter = this.#filter !== null;
    const height = Math.max(canvas.rows - 1 - (hasFilter ? 1 : 0), 1);
    this.#page = Math.max(height - 1, 1);
    this.#first = Math.min(this.#first, Math.max(rows.length - height, 0));
    if (this.#chosen < this.#first) this.#first = this.#chosen;
    if (this.#chosen >= this.#first + height) this.#first = this.#chosen - height + 1;
    for (let at = this.#first; at < Math.min(this.#first + height, rows.length); at++) {
      const isChosen = at === this.#chosen;
      const row = at - this.#first + 1;
      if (isChosen) canvas.bar(row, "", "chosen");
      let from = 0;
      cells[at]!.forEach(({ text, style }, index) => {
        const { width, isNumber } = columns[index]!;
        const padded = (isNumber ? padStart : padEnd)(clip(text, width), width);
        canvas.write(from, row, padded, isChosen ? "chosen" : style);
        from += width + GAP;
      });
    }
    if (rows.length === 0) canvas.write(0, 1, none, "dim");
    if (this.#filter !== null) {
      const at = canvas.rows - 1;
      canvas.write(0, at, "/", "key");
      if (this.#isTyping) this.#filter.draw(canvas, 1, at);
      else canvas.write(1, at, this.#filter.text, "strong");
      canvas.right(at, ` ${rows.length}/${this.#rows.length}`, "dim");
    }
  }

  #filtered(): readonly Row[] {
    const wanted = this.filter.toLowerCase();
    if (wanted === "") return this.#rows;
    const { columns } = this.#options;
    return this.#rows.filter((row) =>
      columns.some(({ cell }) => cellOf(cell(row)).text.toLowerCase().includes(wanted)),
    );
  }

  #choose(at: number): void {
    this.#chosen = Math.max(Math.min(at, this.#filtered().length - 1), 0);
  }
}

function cellOf(cell: string | Cell): Cell {
  return typeof cell === "string" ? { text: cell, style: "normal" } : cell;
}
