/**
 * Which libraries a program of a tree needs to start, so that it can be taken along elsewhere: its interpreter, and the
 * DT_NEEDED of it and of them. Source: System V ABI, chapter 5, "Program Header" and "Dynamic Section".
 */
import { byteString } from "@stratos/base";
import { FormatError } from "@stratos/formats";
import type { TreePaths } from "../tree/tree-paths.ts";

const PT_LOAD = 1,
  PT_DYNAMIC = 2,
  PT_INTERP = 3;
const DT_NEEDED = 1,
  DT_STRTAB = 5;
const FOLDERS = ["lib", "usr/lib", "lib64", "usr/lib64"];
const TRIPLETS = ["x86_64-linux-gnu", "aarch64-linux-gnu", "riscv64-linux-gnu"];

/**
 * Paths under which libraries have to stand, with the program's own dependencies first. @throws FormatError when one is
 * missing
 */
export function librariesOf(program: string, paths: TreePaths): string[] {
  const found = new Set<string>();
  const pending = [program];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const bytes = paths.bytes(path);
    if (bytes === undefined) throw new FormatError(`${path}: is not in the tree`);
    const { interpreter, needed } = dynamicNeeds(bytes);
    for (const library of [
      ...(interpreter === undefined ? [] : [interpreter.replace(/^\/+/, "")]),
      ...needed.map((name) => findLibrary(name, program, paths)),
    ]) {
      if (found.has(library)) continue;
      found.add(library);
      pending.push(library);
    }
  }
  return [...found];
}

function findLibrary(name: string, program: string, paths: TreePaths): string {
  const places = FOLDERS.flatMap((folder) => [
    ...TRIPLETS.flatMap((triplet) => [`${folder}/${triplet}/${name}`, `${folder}/${triplet}/systemd/${name}`]),
    `${folder}/${name}`,
  ]);
  const place = paths.firstFile(places);
  if (place === undefined) throw new FormatError(`${program}: needs ${name}, which the tree does not have`);
  return place;
}

/** What the program header says; nothing for what is no ELF file of 64 bits (a script). */
function dynamicNeeds(bytes: Uint8Array): { interpreter: string | undefined; needed: string[] } {
  const none = { interpreter: undefined, needed: [] };
  if (bytes.length < 64 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[4] !== 2 || bytes[5] !== 1) return none;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u64 = (at: number): number =>
    at + 8 <= bytes.length ? view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32 : 0;
  const start = u64(32),
    size = view.getUint16(54, true),
    count = view.getUint16(56, true);
  const loads: { address: number; offset: number; size: number }[] = [];
  let dynamic: { offset: number; size: number } | undefined, interpreter: string | undefined;
  for (let index = 0; index < count; index++) {
    const at = start + index * size;
    if (at + 56 > bytes.length) return none;
    const type = view.getUint32(at, true),
      offset = u64(at + 8),
      length = u64(at + 32);
    if (type === PT_LOAD) loads.push({ address: u64(at + 16), offset, size: length });
    if (type === PT_DYNAMIC) dynamic = { offset, size: length };
    if (type === PT_INTERP) interpreter = text(bytes, offset);
  }
  if (dynamic === undefined) return { interpreter, needed: [] };
  const names: number[] = [];
  let strings = 0;
  for (let at = dynamic.offset; at + 16 <= Math.min(bytes.length, dynamic.offset + dynamic.size); at += 16) {
    const tag = u64(at),
      value = u64(at + 8);
    if (tag === DT_NEEDED) names.push(value);
    if (tag === DT_STRTAB) strings = value;
  }
  const load = loads.find(({ address, size: length }) => strings >= address && strings < address + length);
  if (load === undefined) return { interpreter, needed: [] };
  const table = strings - load.address + load.offset;
  return { interpreter, needed: names.map((name) => text(bytes, table + name)) };
}

function text(bytes: Uint8Array, at: number): string {
  let end = at;
  while (end < bytes.length && bytes[end] !== 0) end++;
  return byteString(bytes, at, end);
}
