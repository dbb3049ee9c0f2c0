/**
 * What a text console shows: cells, a cursor, and what terminals do with them (console_codes(4)). It knows no bytes and
 * no pixels: escape-codes.ts calls it, draw-text.ts looks at it.
 *
 *   cell:  31 … 30 │ 29 underlined │ 28 … 25 background │ 24 … 21 colour │ 20 … 0 character (Unicode)
 */
import { stateClass } from "@stratos/base";

export const CHARACTER_MASK = 0x1fffff;
export const UNDERLINED = 1 << 29;
const BLANK = 0x20;
const PLAIN_COLOUR = 7;
const TAB = 8;

/** How characters look that come next, as programs have said it. */
interface Pen {
  colour: number;
  background: number;
  /** 0 dim, 1 normal, 2 bold. */
  intensity: number;
  isUnderlined: boolean;
  isReversed: boolean;
}

function plainPen(): Pen {
  return { colour: PLAIN_COLOUR, background: 0, intensity: 1, isUnderlined: false, isReversed: false };
}

/** VGA's sixteen, as 0xRRGGBB. */
const COLOURS: readonly number[] = [
  ...[0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa],
  ...[0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff],
];

export class TextScreen {
  readonly columns: number;
  readonly rows: number;
  readonly cells: Uint32Array;
  /** Rows that look different from when somebody last looked (a byte each). */
  readonly changed: Uint8Array;
  /** Goes up with everything that would be seen. */
  changes = 0;
  /** A program has written something. */
  isWritten = false;
  readonly palette: number[] = [...COLOURS];
  column = 0;
  row = 0;
  /** The last column is written: the next character begins a line. */
  isWrapping = false;
  isCursorShown = true;
  /** DECSCNM. */
  isReversed = false;
  /** IRM: what is written moves the rest of its line. */
  isInserting = false;
  /** DECAWM. */
  wraps = true;
  /** DECOM: rows count from the region's first. */
  isOriginRelative = false;
  pen = plainPen();
  /** The rows that scroll: first, and the one behind the last. */
  top = 0;
  bottom: number;
  #tabs: Uint8Array;
  #saved = { column: 0, row: 0, pen: plainPen(), isOriginRelative: false };

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.bottom = rows;
    this.cells = new Uint32Array(columns * rows);
    this.changed = new Uint8Array(rows);
    this.#tabs = new Uint8Array(columns);
    this.reset();
  }

  /** RIS: as it was made. */
  reset(): void {
    this.palette.splice(0, COLOURS.length, ...COLOURS);
    this.pen = plainPen();
    this.isCursorShown = true;
    this.isReversed = false;
    this.isInserting = false;
    this.wraps = true;
    this.isOriginRelative = false;
    this.setRegion(0, this.rows);
    for (let column = 0; column < this.columns; column++) this.#tabs[column] = column % TAB === 0 ? 1 : 0;
    this.saveCursor();
    this.eraseRows(0, this.rows);
  }

  /** Everything is to be drawn again. */
  touchAll(): void {
    this.changed.fill(1);
    this.changes++;
  }

  #touch(row: number): void {
    this.changed[row] = 1;
    this.changes++;
  }

  // Writing.

  /** A cell with the pen's colours. */
  #cell(character: number): number {
    const { pen } = this;
    let { colour, background } = pen;
    if (pen.intensity === 2) colour |= 8;
    else if (pen.intensity === 0 && colour < 8) colour = 8;
    if (pen.isReversed) [colour, background] = [background, colour];
    return (character | (colour << 21) | (background << 25) | (pen.isUnderlined ? UNDERLINED : 0)) >>> 0;
  }

  /** What is erased keeps the background alone (BCE). */
  get #blank(): number {
    const { pen } = this;
    return (BLANK | (PLAIN_COLOUR << 21) | ((pen.isReversed ? pen.colour : pen.background) << 25)) >>> 0;
  }

  put(character: number): void {
    if (this.isWrapping) {
      this.column = 0;
      this.lineFeed();
    }
    this.isWrapping = false;
    if (this.isInserting) this.insertCells(1);
    this.cells[this.row * this.columns + this.column] = this.#cell(character);
    this.#touch(this.row);
    this.isWritten = true;
    if (this.column < this.columns - 1) this.column++;
    else this.isWrapping = this.wraps;
  }

  // The cursor.

  /** @param row  from the top, or from the region's first where DECOM is on; what lies outside is put within */
  moveTo(column: number, row: number): void {
    const [first, end] = this.isOriginRelative ? [this.top, this.bottom] : [0, this.rows];
    this.#touch(this.row);
    this.column = Math.min(this.columns - 1, Math.max(0, column));
    this.row = Math.min(end - 1, Math.max(first, this.isOriginRelative ? this.top + row : row));
    this.isWrapping = false;
    this.#touch(this.row);
  }

  /** The row, as `moveTo` counts it. */
  get cursorRow(): number {
    return this.isOriginRelative ? this.row - this.top : this.row;
  }

  lineFeed(): void {
    this.#touch(this.row);
    if (this.row === this.bottom - 1) this.scroll(1);
    else if (this.row < this.rows - 1) this.row++;
    this.isWrapping = false;
    this.#touch(this.row);
  }

  reverseLineFeed(): void {
    this.#touch(this.row);
    if (this.row === this.top) this.scroll(-1);
    else if (this.row > 0) this.row--;
    this.isWrapping = false;
    this.#touch(this.row);
  }

  saveCursor(): void {
    const { column, row, isOriginRelative } = this;
    this.#saved = { column, row, pen: { ...this.pen }, isOriginRelative };
  }

  restoreCursor(): void {
    const { column, row, pen, isOriginRelative } = this.#saved;
    this.isOriginRelative = isOriginRelative;
    this.pen = { ...pen };
    this.moveTo(column, isOriginRelative ? row - this.top : row);
  }

  showCursor(isShown: boolean): void {
    this.isCursorShown = isShown;
    this.#touch(this.row);
  }

  reverseScreen(isReversed: boolean): void {
    this.isReversed = isReversed;
    this.touchAll();
  }

  setColour(index: number, rgb: number): void {
    this.palette[index] = rgb;
    this.touchAll();
  }

  restoreColours(): void {
    this.palette.splice(0, COLOURS.length, ...COLOURS);
    this.touchAll();
  }

  resetPen(): void {
    this.pen = plainPen();
  }

  // Tabs.

  nextTab(): void {
    let column = this.column;
    if (column === this.columns - 1) return;
    while (column < this.columns - 1 && this.#tabs[++column] === 0);
    this.moveTo(column, this.cursorRow);
  }

  setTab(): void {
    this.#tabs[this.column] = 1;
  }

  clearTab(): void {
    this.#tabs[this.column] = 0;
  }

  clearTabs(): void {
    this.#tabs.fill(0);
  }

  // Regions.

  /** DECSTBM; the cursor goes home. Nothing where `end` is not two rows below `first`. */
  setRegion(first: number, end: number): void {
    if (first < 0 || end > this.rows || end - first < Math.min(2, this.rows)) return;
    this.top = first;
    this.bottom = end;
    this.moveTo(0, 0);
  }

  /** Rows of the region go up by `count`, or down where it is below 0. */
  scroll(count: number): void {
    this.#move(this.top, count);
  }

  /** IL, or DL where `count` is below 0; outside of the region nothing. */
  insertRows(count: number): void {
    if (this.row < this.top || this.row >= this.bottom) return;
    this.#move(this.row, -count);
    this.isWrapping = false;
  }

  #move(first: number, up: number): void {
    const { bottom, cells, columns } = this;
    const count = Math.min(Math.abs(up), bottom - first);
    if (count === 0) return;
    if (up > 0) {
      cells.copyWithin(first * columns, (first + count) * columns, bottom * columns);
      cells.fill(this.#blank, (bottom - count) * columns, bottom * columns);
    } else {
      cells.copyWithin((first + count) * columns, first * columns, (bottom - count) * columns);
      cells.fill(this.#blank, first * columns, (first + count) * columns);
    }
    this.changed.fill(1, first, bottom);
    this.changes++;
  }

  /** ICH. */
  insertCells(count: number): void {
    const at = this.row * this.columns + this.column;
    const end = (this.row + 1) * this.columns;
    const most = Math.min(count, end - at);
    this.cells.copyWithin(at + most, at, end - most);
    this.#blankCells(at, at + most);
  }

  /** DCH. */
  deleteCells(count: number): void {
    const at = this.row * this.columns + this.column;
    const end = (this.row + 1) * this.columns;
    const most = Math.min(count, end - at);
    this.cells.copyWithin(at, at + most, end);
    this.#blankCells(end - most, end);
  }

  /** Cells of the cursor's row, those of columns `from` to before `to`. */
  eraseCells(from: number, to: number): void {
    const at = this.row * this.columns;
    this.#blankCells(at + from, at + Math.min(to, this.columns));
  }

  #blankCells(from: number, to: number): void {
    this.cells.fill(this.#blank, from, to);
    this.isWrapping = false;
    this.#touch(this.row);
  }

  eraseRows(first: number, end: number): void {
    this.cells.fill(this.#blank, first * this.columns, end * this.columns);
    this.changed.fill(1, first, end);
    this.changes++;
  }

  /** DECALN. */
  fillWith(character: number): void {
    this.cells.fill((character | (PLAIN_COLOUR << 21)) >>> 0);
    this.touchAll();
  }

  static {
    stateClass("TextScreen", this, {
      save: (it) => ({ tabs: it.#tabs, saved: it.#saved }),
      load: (it, from) => ({ tabs: it.#tabs, saved: it.#saved } = from),
    });
  }
}
