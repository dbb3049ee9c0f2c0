/** The text that a terminal shows and has shown, line by line as programs wrote it: whatever width it has. */
import type { Terminal } from "@xterm/xterm";

/** A line with all rows that it takes; `row` is the first of them. */
interface TextLine {
  readonly row: number;
  readonly rows: number;
  readonly text: string;
  /** Of each unit of the text, its cell: rows × columns, counted from the first. */
  readonly cells: readonly number[];
}

/** Of cells: where it begins, and how many it takes. */
interface TextPlace {
  readonly row: number;
  readonly column: number;
  readonly length: number;
}

/** The line that has that row. */
export function lineAt({ buffer: { active }, cols }: Terminal, row: number): TextLine {
  let first = row;
  while (first > 0 && active.getLine(first)?.isWrapped === true) first--;
  let text = "",
    rows = 0;
  const cells: number[] = [];
  for (let line = active.getLine(first); line !== undefined; line = active.getLine(first + rows)) {
    if (rows > 0 && !line.isWrapped) break;
    for (let column = 0; column < cols; column++) {
      const cell = line.getCell(column);
      // Behind a wide letter.
      if (cell === undefined || cell.getWidth() === 0) continue;
      const letters = cell.getChars() || " ";
      for (let unit = 0; unit < letters.length; unit++) cells.push(rows * cols + column);
      text += letters;
    }
    rows++;
  }
  return { row: first, rows: Math.max(1, rows), text, cells };
}

/** @param from  in the text, as `to`, which is behind the end */
export function placeOf({ cols }: Terminal, { row, cells }: TextLine, from: number, to: number): TextPlace {
  const start = cells[from]!;
  return { row: row + Math.floor(start / cols), column: start % cols, length: cells[to - 1]! - start + 1 };
}

/** Work: all that the terminal keeps. @param text  without capitals it stands for both */
export function findText(terminal: Terminal, text: string): TextPlace[] {
  const found: TextPlace[] = [];
  const isPlain = text === text.toLowerCase();
  for (let row = 0; text !== "" && row < terminal.buffer.active.length;) {
    const line = lineAt(terminal, row);
    const lowered = line.text.toLowerCase();
    // A letter that has another length then is looked for as it is.
    const within = isPlain && lowered.length === line.text.length ? lowered : line.text;
    for (let at = within.indexOf(text); at >= 0; at = within.indexOf(text, at + text.length))
      found.push(placeOf(terminal, line, at, at + text.length));
    row = line.row + line.rows;
  }
  return found;
}
