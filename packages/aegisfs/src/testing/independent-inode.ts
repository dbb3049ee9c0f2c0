/** What the independent reader keeps of a volume, and how it takes bytes apart. Section numbers are FORMAT.md's. */

interface Extent {
  readonly index: bigint;
  readonly words: Uint32Array;
}

export interface ReadInode {
  readonly ino: number;
  /** §5. */
  words: Uint32Array;
  inline: Uint8Array | null;
  extents: Extent[];
  readonly entries: Map<string, number>;
  readonly attributes: Map<string, Uint8Array>;
}

export interface ReadSubvolume {
  readonly id: number;
  readonly name: string;
  readonly flags: number;
  nextIno: number;
  readonly inodes: Map<number, ReadInode>;
}

export function emptyInode(ino: number): ReadInode {
  return { ino, words: new Uint32Array(32), inline: null, extents: [], entries: new Map(), attributes: new Map() };
}

export const isFolder = ({ words }: ReadInode): boolean => words[0]! >>> 12 === 4;

export function expect(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`expected ${what}`);
}

export function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer);
}

export const pair = (words: Uint32Array, at: number): bigint => BigInt(words[at]!) | (BigInt(words[at + 1]!) << 32n);
export const signedPair = (words: Uint32Array, at: number): bigint => BigInt.asIntN(64, pair(words, at));

export function textOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
