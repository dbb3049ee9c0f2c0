/** A static program for Linux, as an ELF file. Source: System V ABI, chapter "Object Files"; elf(5). */

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
const PT_GNU_STACK = 0x6474e551;
const FLAGS = { rw: 6, rx: 5, r: 4 } as const;

/** @param segments  in order of their addresses, each at the beginning of a page; pages are of `pageBytes` at most */
export function writeElf(
  segments: readonly Segment[],
  { machine, flags, entry, pageBytes }: { machine: number; flags: number; entry: number; pageBytes: number },
): Uint8Array {
  const align = (at: number): number => Math.ceil(at / pageBytes) * pageBytes;
  let size = HEADER_BYTES + PROGRAM_HEADER_BYTES * (segments.length + 1);
  const offsets = segments.map(({ bytes }) => {
    const at = bytes.length === 0 ? 0 : align(size);
    if (bytes.length > 0) size = at + bytes.length;
    return at;
  });
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET_EXEC, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(entry), true);
  view.setBigUint64(32, BigInt(HEADER_BYTES), true);
  view.setUint32(48, flags, true);
  view.setUint16(52, HEADER_BYTES, true);
  view.setUint16(54, PROGRAM_HEADER_BYTES, true);
  view.setUint16(56, segments.length + 1, true);
  const header = (index: number, type: number, access: number, values: readonly number[]): void => {
    const at = HEADER_BYTES + index * PROGRAM_HEADER_BYTES;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, access, true);
    values.forEach((value, place) => view.setBigUint64(at + 8 + 8 * place, BigInt(value), true));
  };
  segments.forEach(({ address, bytes, memoryBytes, access }, index) => {
    file.set(bytes, offsets[index]);
    header(index, PT_LOAD, FLAGS[access], [offsets[index]!, address, address, bytes.length, memoryBytes, pageBytes]);
  });
  header(segments.length, PT_GNU_STACK, FLAGS.rw, [0, 0, 0, 0, 0, 16]);
  return file;
}
