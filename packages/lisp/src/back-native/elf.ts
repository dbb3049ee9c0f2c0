/**
 * A program for Linux, static or with what the dynamic linker needs, as an ELF file. Source: System V ABI, chapter
 * "Object Files"; elf(5).
 */

export interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Beyond the bytes: zeros. */
  readonly memoryBytes: number;
  readonly access: "rw" | "rx" | "r";
}

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const ET_EXEC = 2;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_PHDR = 6;
const PT_GNU_STACK = 0x6474e551;
const FLAGS = { rw: 6, rx: 5, r: 4 } as const;

/** Places in memory, which all lie in segments. */
interface DynamicPlaces {
  readonly interpreter: { readonly address: number; readonly size: number };
  readonly dynamic: { readonly address: number; readonly size: number };
  /** Where the program's headers go, in the first segment: the dynamic linker is told where they lie in memory. */
  readonly headersAt: number;
}

/** @param segments  in order of their addresses, each at the beginning of a page; pages are of `pageBytes` at most */
export function writeElf(
  segments: readonly Segment[],
  options: { machine: number; flags: number; entry: number; pageBytes: number; dynamic?: DynamicPlaces | null },
): Uint8Array {
  const { machine, flags, entry, pageBytes, dynamic = null } = options;
  const headerCount = segments.length + (dynamic === null ? 1 : 4);
  const align = (at: number): number => Math.ceil(at / pageBytes) * pageBytes;
  // A dynamic program's first segment is the file's beginning: its first 64 bytes are the header (heap/layout.ts has
  // nothing there), and all headers lie in memory as far from the lowest address as in the file, which loaders rely on.
  let size = dynamic === null ? HEADER_BYTES + PROGRAM_HEADER_BYTES * headerCount : 0;
  const offsets = segments.map(({ bytes }) => {
    const at = bytes.length === 0 ? 0 : align(size);
    if (bytes.length > 0) size = at + bytes.length;
    return at;
  });
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  segments.forEach(({ bytes }, index) => file.set(bytes, offsets[index]));
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET_EXEC, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(entry), true);
  const first = segments[0]!;
  const headersAt = dynamic === null ? HEADER_BYTES : offsets[0]! + dynamic.headersAt - first.address;
  view.setBigUint64(32, BigInt(headersAt), true);
  view.setUint32(48, flags, true);
  view.setUint16(52, HEADER_BYTES, true);
  view.setUint16(54, PROGRAM_HEADER_BYTES, true);
  view.setUint16(56, headerCount, true);
  const header = (index: number, type: number, access: number, values: readonly number[]): void => {
    const at = headersAt + index * PROGRAM_HEADER_BYTES;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, access, true);
    values.forEach((value, place) => view.setBigUint64(at + 8 + 8 * place, BigInt(value), true));
  };
  let next = 0;
  if (dynamic !== null) {
    const part = (type: number, access: number, place: { address: number; size: number }): void => {
      const index = segments.findLastIndex(({ address }) => address <= place.address);
      const offset = offsets[index]! + place.address - segments[index]!.address;
      header(next++, type, access, [offset, place.address, place.address, place.size, place.size, 8]);
    };
    // Before all segments, as the ABI wants it.
    part(PT_PHDR, FLAGS.rw, { address: dynamic.headersAt, size: headerCount * PROGRAM_HEADER_BYTES });
    part(PT_INTERP, FLAGS.r, dynamic.interpreter);
    part(PT_DYNAMIC, FLAGS.rw, dynamic.dynamic);
  }
  segments.forEach(({ address, bytes, memoryBytes, access }, index) =>
    header(next++, PT_LOAD, FLAGS[access], [offsets[index]!, address, address, bytes.length, memoryBytes, pageBytes]),
  );
  header(next, PT_GNU_STACK, FLAGS.rw, [0, 0, 0, 0, 0, 16]);
  return file;
}
