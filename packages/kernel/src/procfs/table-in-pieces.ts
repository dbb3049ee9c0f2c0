/** Tables of /proc with a line for each of things of which there may be hundreds of thousands. */
import type { TextPiece } from "../pseudo/pseudo-inodes.ts";
import type { Task } from "../task/task.ts";

/** Units of work of a line. */
const LINE_WORK = 2;

/**
 * The lines from place `from` on, as far as the call under way may work.
 *
 * @param header  stands before the first line
 * @param items  by ascending places
 * @param describe  one line, as the so many-th; "": it has none
 */
export function tableInPieces<Item>(
  { kernel }: Task,
  { from, kept = null, header = "" }: { from: number; kept?: unknown; header?: string },
  items: Iterable<readonly [place: number, item: Item]>,
  describe: (item: Item, line: number) => string,
): TextPiece {
  const { work } = kernel;
  let text = from === 0 ? header : "";
  let line = (kept as number | null) ?? 0;
  let passed = 0;
  let isBegun = false;
  for (const [place, item] of items) {
    if (place < from) {
      if ((++passed & 255) === 0) work.charge(1);
      continue;
    }
    if (isBegun && work.isUsed) return { text, next: place, kept: line };
    isBegun = true;
    work.charge(LINE_WORK);
    const row = describe(item, line);
    if (row !== "") line++;
    text += row;
  }
  return { text, next: -1 };
}

/**
 * Things without numbers of their own, by the order in which they stand: of those that come or go while the table is
 * read one may be missing, as of seq_file's (Linux' Documentation/filesystems/seq_file.rst).
 */
export function* numbered<Item>(items: Iterable<Item>): Generator<readonly [place: number, item: Item]> {
  let place = 0;
  for (const item of items) yield [place++, item];
}
