/** A text console's cells as pixels of the frame buffer device. */
import { PAGE_SIZE } from "@stratos/abi";
import { fromBase64 } from "@stratos/base";
import type { Screen } from "../graphics/screen.ts";
import { FONT_ROWS, FONT_RUNS } from "./console-font.ts";
import { CHARACTER_MASK, type TextScreen, UNDERLINED } from "./text-screen.ts";

export const GLYPH_WIDTH = 8,
  GLYPH_HEIGHT = 16;
/** Rows of a glyph that the cursor and an underline take. */
const CURSOR_FROM = 14;
const UNDERLINE = 15;
const BYTES_PER_PIXEL = 4;
const REPLACEMENT = 0xfffd;
/** A box for what the font lacks. */
const MISSING = Uint8Array.of(0, 0, 0x7e, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x7e, 0, 0, 0);

/** Made when somebody first looks at a console. */
let font: { readonly rows: Uint8Array; readonly places: ReadonlyMap<number, number> } | null = null;

function loadFont(): NonNullable<typeof font> {
  const places = new Map<number, number>();
  for (const [first, count] of FONT_RUNS)
    for (let at = 0; at < count; at++) places.set(first + at, places.size * GLYPH_HEIGHT);
  const glyphs = fromBase64(FONT_ROWS)!;
  const rows = new Uint8Array(glyphs.length + MISSING.length);
  rows.set(glyphs);
  rows.set(MISSING, glyphs.length);
  places.set(REPLACEMENT, glyphs.length);
  return { rows, places };
}

/**
 * Draws the rows that changed. Work: their pixels. What finds no memory is drawn when somebody looks again.
 *
 */
export function drawText(text: TextScreen, screen: Screen): void {
  font ??= loadFont();
  const { changed, columns, rows } = text;
  let pixels: Uint32Array | null = null;
  for (let row = 0; row < rows; row++) {
    if (changed[row] === 0) continue;
    pixels ??= new Uint32Array(screen.width * GLYPH_HEIGHT);
    for (let column = 0; column < columns; column++) drawCell(text, row, column, pixels, screen.width);
    if (!storePixels(screen, row * GLYPH_HEIGHT, pixels)) return;
    changed[row] = 0;
  }
}

function drawCell(text: TextScreen, row: number, column: number, into: Uint32Array, pitch: number): void {
  const { rows, places } = font!;
  const cell = text.cells[row * text.columns + column]!;
  const place = places.get(cell & CHARACTER_MASK) ?? places.get(REPLACEMENT)!;
  let colour = text.palette[(cell >>> 21) & 15]!;
  let background = text.palette[(cell >>> 25) & 15]!;
  if (text.isReversed) [colour, background] = [background, colour];
  const isCursor = text.isCursorShown && row === text.row && column === text.column;
  for (let line = 0; line < GLYPH_HEIGHT; line++) {
    let bits = rows[place + line]!;
    if ((cell & UNDERLINED) !== 0 && line === UNDERLINE) bits = 0xff;
    if (isCursor && line >= CURSOR_FROM) bits = 0xff;
    const at = line * pitch + column * GLYPH_WIDTH;
    for (let bit = 0; bit < GLYPH_WIDTH; bit++) into[at + bit] = (bits & (0x80 >> bit)) === 0 ? background : colour;
  }
}

/** All is dark. */
export function drawNothing(screen: Screen): void {
  const pixels = new Uint32Array(screen.width * GLYPH_HEIGHT);
  for (let line = 0; line < screen.height; line += GLYPH_HEIGHT) if (!storePixels(screen, line, pixels)) return;
}

/** @returns false: there is no memory for them */
function storePixels(screen: Screen, line: number, pixels: Uint32Array): boolean {
  const { pages } = screen.consoleMemory;
  const lines = Math.min(GLYPH_HEIGHT, screen.height - line);
  const bytes = new Uint8Array(pixels.buffer, 0, lines * screen.width * BYTES_PER_PIXEL);
  const from = line * screen.consolePitch;
  for (let done = 0; done < bytes.length;) {
    const page = Math.floor((from + done) / PAGE_SIZE);
    const inPage = (from + done) % PAGE_SIZE;
    const part = Math.min(bytes.length - done, PAGE_SIZE - inPage);
    const frame = pages.frameForWrite(page);
    if (frame < 0) return false;
    pages.frames.physical.u8.set(bytes.subarray(done, done + part), frame * PAGE_SIZE + inPage);
    pages.markDirty(page);
    done += part;
  }
  return true;
}
