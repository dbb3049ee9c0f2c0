/**
 * The function of a program's file that a place lies in, by the file's symbol table (System V gABI 4.1, "Symbol
 * Table"). The file is the guest's and may hold anything.
 */
import { byteString } from "@stratos/base";
import { type Inode, peekFile } from "@stratos/kernel";

/** What is read of a file at most: headers, and its symbols with their names. */
const HEADERS_MAX = 256;
const TABLE_BYTES_MAX = 16 << 20;
const SYMBOL_BYTES = 24;
const SHT_SYMTAB = 2,
  SHT_DYNSYM = 11,
  PT_LOAD = 1,
  STT_FUNC = 2;

/** @returns "name + 0x12" for an offset in the file; null: nobody knows */
export function functionAt(inode: Inode, offset: number): string | null {
  const head = read(inode, 0, 64);
  if (head === null || head.getUint32(0) !== 0x7f454c46 || head.getUint8(4) !== 2) return null;
  const address = addressOf(inode, head, offset);
  if (address === null) return null;
  const sections = table(inode, u64(head, 40), { size: head.getUint16(58, true), count: head.getUint16(60, true) });
  for (const type of [SHT_SYMTAB, SHT_DYNSYM]) {
    const symbols = sections.find((section) => section.getUint32(4, true) === type);
    const strings = symbols === undefined ? undefined : sections[symbols.getUint32(40, true)];
    if (symbols === undefined || strings === undefined) continue;
    const found = symbolAt(contentOf(inode, symbols), contentOf(inode, strings), address);
    if (found !== null) return found;
  }
  return null;
}

/** Where the program expects what the file has at the offset. */
function addressOf(inode: Inode, head: DataView, offset: number): number | null {
  const headers = { size: head.getUint16(54, true), count: head.getUint16(56, true) };
  for (const segment of table(inode, u64(head, 32), headers)) {
    const from = u64(segment, 8);
    if (segment.getUint32(0, true) === PT_LOAD && offset >= from && offset < from + u64(segment, 32))
      return u64(segment, 16) + offset - from;
  }
  return null;
}

function symbolAt(symbols: DataView | null, strings: DataView | null, address: number): string | null {
  if (symbols === null || strings === null) return null;
  for (let at = 0; at + SYMBOL_BYTES <= symbols.byteLength; at += SYMBOL_BYTES) {
    const value = u64(symbols, at + 8);
    const isFunction = (symbols.getUint8(at + 4) & 15) === STT_FUNC;
    if (!isFunction || address < value || address >= value + u64(symbols, at + 16)) continue;
    const name = nameAt(strings, symbols.getUint32(at, true));
    if (name !== "") return `${name} + 0x${(address - value).toString(16)}`;
  }
  return null;
}

const NAME_MAX = 200;

function nameAt(strings: DataView, at: number): string {
  const bytes = new Uint8Array(strings.buffer, strings.byteOffset, strings.byteLength);
  const end = bytes.indexOf(0, at);
  return end < 0 ? "" : byteString(bytes.subarray(at, Math.min(end, at + NAME_MAX))).replace(/[^\x21-\x7e]/g, "?");
}

/** Headers of one kind. */
function table(inode: Inode, offset: number, { size, count }: { size: number; count: number }): DataView[] {
  if (size < 56 || size > 256) return [];
  const bytes = read(inode, offset, size * Math.min(count, HEADERS_MAX));
  if (bytes === null) return [];
  return Array.from(
    { length: bytes.byteLength / size },
    (_, index) => new DataView(bytes.buffer, index * size, size),
  ).filter((header) => header.byteLength >= 56);
}

/** Of a section. */
function contentOf(inode: Inode, section: DataView): DataView | null {
  return read(inode, u64(section, 24), u64(section, 32));
}

/** Null: there is not so much, or too much. */
function read(inode: Inode, offset: number, count: number): DataView | null {
  if (!(count > 0 && count <= TABLE_BYTES_MAX && offset >= 0 && offset + count <= inode.size)) return null;
  const bytes = new Uint8Array(count);
  return peekFile(inode, offset, bytes) === count ? new DataView(bytes.buffer) : null;
}

function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}
