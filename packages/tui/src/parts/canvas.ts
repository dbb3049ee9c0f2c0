/** A part of the screen, which something draws into from its own corner. */
import { clip, padEnd, widthOf } from "../terminal/cell-text.ts";
import type { Area, Screen } from "../terminal/screen.ts";
import type { Style } from "../terminal/style.ts";

/** Text of one look. */
type Span = string | { readonly text: string; readonly style: Style };

export class Canvas {
  readonly screen: Screen;
  readonly area: Area;

  constructor(screen: Screen, area: Area) {
    this.screen = screen;
    this.area = area;
  }

  get columns(): number {
    return this.area.columns;
  }

  get rows(): number {
    return this.area.rows;
  }

  /** A part of it, below so many rows. */
  below(rows: number, height: number = this.area.rows - rows): Canvas {
    const { column, row, columns } = this.area;
    return new Canvas(this.screen, { column, row: row + rows, columns, rows: Math.max(height, 0) });
  }

  /** @returns the column behind it */
  write(column: number, row: number, text: string, style: Style = "normal"): number {
    if (row < 0 || row >= this.area.rows) return column;
    const left = this.area.columns - column;
    if (left <= 0) return column;
    return this.screen.write(this.area.column + column, this.area.row + row, text, style, left) - this.area.column;
  }

  /** Spans one after the other; what does not fit is cut. */
  line(row: number, ...spans: readonly Span[]): void {
    let column = 0;
    for (const span of spans) {
      const { text, style } = typeof span === "string" ? { text: span, style: "normal" as const } : span;
      column = this.write(column, row, clip(text, this.columns - column), style);
    }
  }

  /** The whole row in one look. */
  bar(row: number, text: string, style: Style): void {
    this.write(0, row, padEnd(text, this.columns), style);
  }

  /** Its end is at the right edge. */
  right(row: number, text: string, style: Style = "normal"): void {
    this.write(Math.max(this.columns - widthOf(text), 0), row, text, style);
  }
}
