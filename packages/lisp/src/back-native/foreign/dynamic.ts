/**
 * What the dynamic linker reads of a program: which libraries and functions it needs, and where their addresses go.
 * Source: System V ABI, chapter "Dynamic Linking"; elf(5).
 */
import { FOREIGN_IMPORTS, importAt } from "./places.ts";
import type { ForeignPlatform } from "./foreign-platform.ts";

const NEEDED = ["libc.so.6"];
const Tag = {
  needed: 1,
  hash: 4,
  stringTable: 5,
  symbolTable: 6,
  relocations: 7,
  relocationBytes: 8,
  relocationEntry: 9,
  stringBytes: 10,
  symbolEntry: 11,
  debug: 21,
  flags: 30,
} as const;
const BIND_NOW = 8;
const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 24;
/** A global function. */
const SYMBOL_INFO = 0x12;

interface DynamicPart {
  readonly bytes: Uint8Array;
  readonly interpreter: { readonly address: number; readonly size: number };
  readonly dynamic: { readonly address: number; readonly size: number };
}

/** @param address  where it will lie */
export function dynamicPart({ interpreter, wordRelocation }: ForeignPlatform, address: number): DynamicPart {
  const strings = ["", ...NEEDED, ...FOREIGN_IMPORTS];
  const offsets = new Map<string, number>();
  let text = "";
  for (const string of strings) {
    offsets.set(string, text.length);
    text += `${string}\0`;
  }
  const parts: { readonly size: number; at: number }[] = [];
  const part = (size: number): { readonly size: number; at: number } => {
    const before = parts.at(-1);
    const at = before === undefined ? 0 : (before.at + before.size + 7) & ~7;
    const made = { size, at };
    parts.push(made);
    return made;
  };
  const count = FOREIGN_IMPORTS.length;
  const path = part(interpreter.length + 1);
  const stringTable = part(text.length);
  const symbols = part(SYMBOL_BYTES * (count + 1));
  // One bucket that holds all.
  const hash = part(4 * (2 + 1 + count + 1));
  const relocations = part(RELOCATION_BYTES * count);
  const entries: [tag: number, value: number][] = [
    ...NEEDED.map((name): [number, number] => [Tag.needed, offsets.get(name)!]),
    [Tag.hash, address + hash.at],
    [Tag.stringTable, address + stringTable.at],
    [Tag.symbolTable, address + symbols.at],
    [Tag.relocations, address + relocations.at],
    [Tag.relocationBytes, relocations.size],
    [Tag.relocationEntry, RELOCATION_BYTES],
    [Tag.stringBytes, text.length],
    [Tag.symbolEntry, SYMBOL_BYTES],
    [Tag.debug, 0],
    [Tag.flags, BIND_NOW],
    [0, 0],
  ];
  const dynamic = part(16 * entries.length);
  const bytes = new Uint8Array(dynamic.at + dynamic.size);
  const view = new DataView(bytes.buffer);
  const put = (at: number, string: string): void => {
    for (let index = 0; index < string.length; index++) bytes[at + index] = string.charCodeAt(index);
  };
  put(path.at, interpreter);
  put(stringTable.at, text);
  view.setUint32(hash.at, 1, true);
  view.setUint32(hash.at + 4, count + 1, true);
  view.setUint32(hash.at + 8, 1, true);
  FOREIGN_IMPORTS.forEach((name, index) => {
    const symbol = symbols.at + SYMBOL_BYTES * (index + 1);
    view.setUint32(symbol, offsets.get(name)!, true);
    bytes[symbol + 4] = SYMBOL_INFO;
    // The chain: the next symbol, 0 after the last.
    view.setUint32(hash.at + 12 + 4 * (index + 1), index + 1 === count ? 0 : index + 2, true);
    const relocation = relocations.at + RELOCATION_BYTES * index;
    view.setBigUint64(relocation, BigInt(importAt(name)), true);
    view.setUint32(relocation + 8, wordRelocation, true);
    view.setUint32(relocation + 12, index + 1, true);
  });
  entries.forEach(([tag, value], index) => {
    view.setBigUint64(dynamic.at + 16 * index, BigInt(tag), true);
    view.setBigUint64(dynamic.at + 16 * index + 8, BigInt(value), true);
  });
  return {
    bytes,
    interpreter: { address: address + path.at, size: path.size },
    dynamic: { address: address + dynamic.at, size: dynamic.size },
  };
}
