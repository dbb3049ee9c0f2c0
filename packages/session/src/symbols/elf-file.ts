/**
 * What a program's file says about its code: sections, where the file's bytes lie in memory, functions by name and by
 * place (System V gABI 4.1). The file is the guest's and may hold anything; what is wrong in it is as if it were not
 * there.
 */
import { PT_LOAD, SHT_DYNSYM, STT_FUNC, STT_OBJECT } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { type Inode, peekFile } from "@stratos/kernel";

/** What is read of a file at most: headers, one section, and its symbols. */
const HEADERS_MAX = 256;
const SECTION_BYTES_MAX = 64 << 20;
const SYMBOLS_MAX = 500_000;
const NAME_MAX = 200;
const SYMBOL_BYTES = 24;
const SHT_SYMTAB = 2,
  SHT_NOBITS = 8,
  SHF_COMPRESSED = 0x800,
  STB_LOCAL = 0;

interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly address: number;
  readonly bytes: Uint8Array;
}

interface ElfSymbol {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Of one object file alone: others may have something else of this name. */
  readonly isLocal: boolean;
}

interface SectionHeader {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

interface Segment {
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

export class ElfFile {
  #inode: Inode;
  readonly #segments: readonly Segment[];
  readonly #sections: readonly SectionHeader[];
  #functions: readonly ElfSymbol[] | null = null;
  #variables: readonly ElfSymbol[] | null = null;

  private constructor(inode: Inode, segments: readonly Segment[], sections: readonly SectionHeader[]) {
    this.#inode = inode;
    this.#segments = segments;
    this.#sections = sections;
  }

  /** @returns null: it is no 64-bit ELF file that can be read */
  static open(inode: Inode): ElfFile | null {
    const head = read(inode, 0, 64);
    if (head === null || head.getUint32(0) !== 0x7f454c46 || head.getUint8(4) !== 2) return null;
    const segments = table(inode, u64(head, 32), { size: head.getUint16(54, true), count: head.getUint16(56, true) })
      .filter((header) => header.getUint32(0, true) === PT_LOAD)
      .map((header) => ({ offset: u64(header, 8), address: u64(header, 16), size: u64(header, 32) }));
    const headers = table(inode, u64(head, 40), { size: head.getUint16(58, true), count: head.getUint16(60, true) });
    const names = headers[head.getUint16(62, true)];
    const strings = names === undefined ? null : read(inode, u64(names, 24), u64(names, 32));
    const sections = headers.map((header) => ({
      name: strings === null ? "" : textAt(bytesOf(strings), header.getUint32(0, true)),
      type: header.getUint32(4, true),
      flags: u64(header, 8),
      address: u64(header, 16),
      offset: u64(header, 24),
      size: u64(header, 32),
      link: header.getUint32(40, true),
    }));
    return new ElfFile(inode, segments, sections);
  }

  /** The same file, of the machine that there is now: what is read later is read from it. */
  moveTo(inode: Inode): void {
    this.#inode = inode;
  }

  /** Where the program expects what the file has at the offset; null: it is not loaded. */
  addressOf(offset: number): number | null {
    const found = this.#segments.find((each) => offset >= each.offset && offset < each.offset + each.size);
    return found === undefined ? null : found.address + offset - found.offset;
  }

  /** @returns null: there is none, or it is compressed or too large */
  section(name: string): ElfSection | null {
    const header = this.#sections.find((each) => each.name === name && each.type !== SHT_NOBITS);
    if (header === undefined || (header.flags & SHF_COMPRESSED) !== 0) return null;
    const content = read(this.#inode, header.offset, header.size);
    return content === null ? null : { name, type: header.type, address: header.address, bytes: bytesOf(content) };
  }

  /** "name + 0x12" for an address as the file has it; null: nobody knows. */
  placeName(address: number): string | null {
    const found = this.functionAt(address);
    return found === null ? null : `${found.name} + 0x${(address - found.start).toString(16)}`;
  }

  functionAt(address: number): ElfSymbol | null {
    const { functions } = this;
    let low = 0;
    let high = functions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (functions[middle]!.start <= address) low = middle + 1;
      else high = middle;
    }
    // Those that begin alike, or lie in each other, are few.
    for (let at = low - 1; at >= 0 && at > low - 8; at--) if (address < functions[at]!.end) return functions[at]!;
    return null;
  }

  functionNamed(name: string): ElfSymbol | null {
    return this.functions.find((each) => each.name === name) ?? null;
  }

  variableNamed(name: string): ElfSymbol | null {
    this.#variables ??= this.#readSymbols(STT_OBJECT);
    const named = this.#variables.filter((each) => each.name === name);
    return named.find(({ isLocal }) => !isLocal) ?? named[0] ?? null;
  }

  /** By where they begin. */
  get functions(): readonly ElfSymbol[] {
    return (this.#functions ??= this.#readSymbols(STT_FUNC));
  }

  #readSymbols(kind: number): ElfSymbol[] {
    const found: ElfSymbol[] = [];
    const seen = new Set<number>();
    for (const type of [SHT_SYMTAB, SHT_DYNSYM]) {
      const symbols = this.#sections.find((section) => section.type === type);
      const strings = symbols === undefined ? undefined : this.#sections[symbols.link];
      if (symbols === undefined || strings === undefined) continue;
      const entries = read(this.#inode, symbols.offset, symbols.size);
      const text = read(this.#inode, strings.offset, strings.size);
      if (entries === null || text === null) continue;
      const end = Math.min(entries.byteLength, SYMBOLS_MAX * SYMBOL_BYTES);
      for (let at = 0; at + SYMBOL_BYTES <= end; at += SYMBOL_BYTES) {
        const info = entries.getUint8(at + 4);
        if ((info & 15) !== kind) continue;
        const start = u64(entries, at + 8);
        const size = u64(entries, at + 16);
        // What another file has lies at 0. Of a function one name is told; a variable is looked for by each of
        // its names (environ, __environ).
        if (size === 0 || start === 0 || (kind === STT_FUNC && seen.has(start))) continue;
        const name = textAt(bytesOf(text), entries.getUint32(at, true));
        if (name === "") continue;
        seen.add(start);
        found.push({ name, start, end: start + size, isLocal: info >> 4 === STB_LOCAL });
      }
    }
    return found.sort((a, b) => a.start - b.start);
  }
}

function textAt(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  return end < 0 ? "" : byteString(bytes.subarray(at, Math.min(end, at + NAME_MAX))).replace(/[^\x21-\x7e]/g, "?");
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
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

/** Null: there is not so much, or too much. */
function read(inode: Inode, offset: number, count: number): DataView | null {
  if (!(count > 0 && count <= SECTION_BYTES_MAX && offset >= 0 && offset + count <= inode.size)) return null;
  const bytes = new Uint8Array(count);
  return peekFile(inode, offset, bytes) === count ? new DataView(bytes.buffer) : null;
}

function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}
