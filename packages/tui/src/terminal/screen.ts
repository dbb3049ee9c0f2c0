/**
 * What the terminal is to show, as a grid of cells. `flush` gives the sequences that turn what it shows into that: only
 * what has changed, so that a slow line carries little.
 */
import { glyphsOf } from "./cell-text.ts";
import { plainText } from "./plain-text.ts";
import { type Style, styleSequence } from "./style.ts";

export interface ScreenLook {
  readonly hasColours: boolean;
  /** It takes UTF-8; else all is said in ASCII. */
  readonly hasUtf8: boolean;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Area extends Size {
  readonly column: number;
  readonly row: number;
}

interface Cell {
  /** A character with its marks; empty: the right half of the one before. */
  text: string;
  style: Style;
}

/** Between two changes of a row: so many cells are written again rather than the cursor moved. */
const GAP = 6;
/** Terminals that know it show a frame at once (synchronised output); others take no notice. */
const [BEGIN, END] = ["\x1b[?2026h", "\x1b[?2026l"];

export class Screen {
  #size: Size;
  #cells: Cell[];
  /** What the terminal shows; null: nobody knows. */
  #shown: Cell[] | null = null;
  readonly #look: ScreenLook;
  /** Where the cursor is to stand, and seen; null: nowhere. */
  cursor: { readonly column: number; readonly row: number } | null = null;

  constructor(size: Size, look: ScreenLook) {
    this.#size = size;
    this.#look = look;
    this.#cells = blankCells(size);
  }

  get size(): Size {
    return this.#size;
  }

  resize(size: Size): void {
    this.#size = size;
    this.#cells = blankCells(size);
    this.forget();
  }

  /** Something else may have written to the terminal. */
  forget(): void {
    this.#shown = null;
  }

  clear(): void {
    for (const cell of this.#cells) {
      cell.text = " ";
      cell.style = "normal";
    }
    this.cursor = null;
  }

  /** Writes within a row, as far as there is room. @returns the column behind it */
  write(column: number, row: number, text: string, style: Style = "normal", columnsMax = Infinity): number {
    const { columns, rows } = this.#size;
    const end = Math.min(columns, column + columnsMax);
    if (row < 0 || row >= rows) return column;
    let at = column;
    for (const glyph of glyphsOf(this.#look.hasUtf8 ? text : plainText(text))) {
      if (at + glyph.width > end) break;
      if (at >= 0) {
        this.#cut(at, row);
        if (glyph.width === 2) this.#cut(at + 1, row);
        this.#set(at, row, glyph.text, style);
        if (glyph.width === 2) this.#set(at + 1, row, "", style);
      }
      at += glyph.width;
    }
    return at;
  }

  /** Of what is written over half of, nothing is left. */
  #cut(column: number, row: number): void {
    const at = row * this.#size.columns + column;
    if (this.#cells[at]!.text === "" && column > 0) this.#cells[at - 1]!.text = " ";
    if (column + 1 < this.#size.columns && this.#cells[at + 1]!.text === "") this.#cells[at + 1]!.text = " ";
  }

  #set(column: number, row: number, text: string, style: Style): void {
    const cell = this.#cells[row * this.#size.columns + column]!;
    cell.text = text;
    cell.style = style;
  }

  /** @returns what is to be written to the terminal */
  flush(): string {
    const { columns, rows } = this.#size;
    let out = "";
    let style: Style | null = null;
    if (this.#shown === null) {
      out += "\x1b[0m\x1b[2J";
      this.#shown = blankCells(this.#size);
    }
    const shown = this.#shown;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns;) {
        if (this.#isShown(row * columns + column)) {
          column++;
          continue;
        }
        let end = column + 1;
        for (let same = 0, at = end; at < columns && same < GAP; at++) {
          if (this.#isShown(row * columns + at)) same++;
          else {
            same = 0;
            end = at + 1;
          }
        }
        // Whole characters alone are written.
        while (column > 0 && this.#cells[row * columns + column]!.text === "") column--;
        while (end < columns && this.#cells[row * columns + end]!.text === "") end++;
        out += `\x1b[${row + 1};${column + 1}H`;
        for (; column < end; column++) {
          const cell = this.#cells[row * columns + column]!;
          if (cell.style !== style) out += styleSequence((style = cell.style), this.#look.hasColours);
          out += cell.text;
          Object.assign(shown[row * columns + column]!, cell);
        }
      }
    }
    if (style !== null && style !== "normal") out += "\x1b[0m";
    const { cursor } = this;
    out += cursor === null ? "\x1b[?25l" : `\x1b[${cursor.row + 1};${cursor.column + 1}H\x1b[?25h`;
    return `${BEGIN}${out}${END}`;
  }

  #isShown(at: number): boolean {
    const [wanted, shown] = [this.#cells[at]!, this.#shown![at]!];
    return wanted.text === shown.text && wanted.style === shown.style;
  }
}

function blankCells({ columns, rows }: Size): Cell[] {
  return Array.from({ length: columns * rows }, () => ({ text: " ", style: "normal" as const }));
}
