/**
 * How many cells a character takes, as wcwidth(3) of the C library has it for what people write: programs count with
 * it. By blocks of Unicode, not by each character.
 */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];
/** What stands above or below the character before, marks of direction, and joiners. */
const NONE: readonly (readonly [number, number])[] = [
  [0x300, 0x36f],
  [0x483, 0x489],
  [0x1ab0, 0x1aff],
  [0x1dc0, 0x1dff],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x20d0, 0x20ff],
  [0xfe00, 0xfe0f],
  [0xfe20, 0xfe2f],
  [0xfeff, 0xfeff],
];

export function widthOf(character: number): 0 | 1 | 2 {
  if (character < 0x300) return 1;
  const isIn = (ranges: typeof WIDE): boolean => ranges.some(([from, to]) => character >= from && character <= to);
  return isIn(NONE) ? 0 : isIn(WIDE) ? 2 : 1;
}
