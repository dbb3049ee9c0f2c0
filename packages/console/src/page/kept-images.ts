/**
 * What a terminal shows with its pictures, as text that brings another one to show the same. Each row of a picture is
 * an inline image of its own (iTerm2's), written behind the text of its row: so one that has scrolled away in part, or
 * that something was written over, is what it was. Pictures of the alternate screen are left out: who draws there draws
 * anew.
 */
import type { Terminal } from "@xterm/xterm";
import { byteCount, pngText } from "./inline-file.ts";

/** In base64, of all pictures: those above go first. */
const KEPT_LETTERS = 1 << 20;
const HAS_EXTENDED = 0x10000000;
const NO_TILE = -1;

/** Rows of the normal screen as text and sequences. @param isLast  with what else a terminal has, behind them */
export type TextOf = (rows: { readonly start: number; readonly end: number }, isLast: boolean) => string;

/** What the addon has of a picture, in tiles that are as large as cells. */
interface StoredImage {
  readonly actual?: HTMLCanvasElement | ImageBitmap;
  readonly actualCellSize: { readonly width: number; readonly height: number };
}

/** Of the addon's own. */
export interface ImageStore {
  readonly _images: ReadonlyMap<number, StoredImage>;
}

interface Line {
  getBg(column: number): number;
  readonly _extendedAttrs: Readonly<Record<number, { readonly imageId?: number; readonly tileId?: number }>>;
}

/** Of one row: so many tiles of a picture, one after the other. */
interface Run {
  readonly column: number;
  readonly image: number;
  readonly tile: number;
  count: number;
}

/** By what it is of: most are asked for again and again. */
const known = new WeakMap<StoredImage, Map<string, string>>();

/** @returns null: there is none */
export function screenWithImages(
  terminal: Terminal,
  store: ImageStore,
  textOf: TextOf,
  scrollback: number,
): string | null {
  if (store._images.size === 0) return null;
  const { normal } = terminal.buffer;
  const first = Math.max(0, normal.length - terminal.rows - scrollback);
  const last = normal.length - 1;
  const images = new Map<number, string>();
  for (let row = last, left = KEPT_LETTERS; row >= first; row--) {
    const sequences = runsOf(terminal, store, row).map((run) => sequenceOf(run, store._images.get(run.image)!));
    const text = sequences.join("");
    left -= text.length;
    if (left < 0) break;
    if (text !== "") images.set(row, text);
  }
  if (images.size === 0) return null;

  let screen = "";
  for (let start = first; start <= last;) {
    let end = start;
    // A line that is wrapped stays one.
    while (end < last && normal.getLine(end + 1)?.isWrapped === true) end++;
    screen += `${start === first ? "" : "\r\n"}\x1b[m${textOf({ start, end }, false)}`;
    for (let row = start; row <= end; row++) {
      const text = images.get(row);
      if (text !== undefined) screen += `${move(end - row, "A")}${text}${move(end - row, "B")}`;
    }
    if (end === last) {
      const cursor = normal.baseY + normal.cursorY;
      const plain = textOf({ start, end }, false);
      const rest = textOf({ start, end }, true).slice(plain.length);
      screen += `\r${move(last - cursor, "A")}${move(normal.cursorX, "C")}${rest}`;
    }
    start = end + 1;
  }
  return screen;
}

function move(count: number, to: "A" | "B" | "C"): string {
  return count > 0 ? `\x1b[${count}${to}` : "";
}

function runsOf(terminal: Terminal, store: ImageStore, row: number): Run[] {
  const { _core: core } = terminal as unknown as {
    _core: { buffers: { normal: { lines: { get(row: number): Line | undefined } } } };
  };
  const line = core.buffers.normal.lines.get(row);
  const runs: Run[] = [];
  if (line === undefined) return runs;
  for (let column = 0; column < terminal.cols; column++) {
    if ((line.getBg(column) & HAS_EXTENDED) === 0) continue;
    const { imageId = NO_TILE, tileId = NO_TILE } = line._extendedAttrs[column] ?? {};
    if (tileId === NO_TILE || store._images.get(imageId)?.actual === undefined) continue;
    const before = runs.at(-1);
    const isNext = before?.image === imageId && before.column + before.count === column;
    if (isNext && before.tile + before.count === tileId) before.count++;
    else runs.push({ column, image: imageId, tile: tileId, count: 1 });
  }
  return runs;
}

function sequenceOf({ column, tile, count }: Run, image: StoredImage): string {
  const { width, height } = image.actualCellSize;
  const key = `${tile} ${count} ${width} ${height}`;
  const texts = known.get(image) ?? new Map<string, string>();
  known.set(image, texts);
  const png = texts.get(key) ?? pictureOf(image, tile, count);
  texts.set(key, png);
  const head = `File=inline=1;width=${count};height=1;preserveAspectRatio=0;size=${byteCount(png)}`;
  return `\r${move(column, "C")}\x1b]1337;${head}:${png}\x07`;
}

/** In base64. */
function pictureOf({ actual, actualCellSize: { width, height } }: StoredImage, tile: number, count: number): string {
  const across = Math.ceil(actual!.width / width);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.floor(count * width));
  canvas.height = Math.max(1, Math.floor(height));
  const [x, y] = [Math.floor((tile % across) * width), Math.floor(Math.floor(tile / across) * height)];
  canvas.getContext("2d")!.drawImage(actual!, -x, -y);
  return pngText(canvas);
}
