/**
 * What ldconfig(8) learns of a file: little, but of every library there is. A new version of a library that it alone
 * has looked at changes nothing for it while this stays.
 *
 * Source: glibc elf/readelflib.c, elf/ldconfig.c: the header's kind and machine, the dynamic section's name and flags,
 * the notes that name a processor's features.
 */
import {
  hasElfMagic,
  isElfError,
  parseElf,
  PT_DYNAMIC,
  PT_GNU_PROPERTY,
  PT_LOAD,
  PT_NOTE,
  type Blob,
  type ElfImage,
} from "@stratos/formats";

const HEADER_BYTES = 4096;
/** A file that has more of anything is taken as a whole. */
const SEGMENT_BYTES_MAX = 1 << 16;
const NAME_BYTES_MAX = 4096;
const DT_NULL = 0,
  DT_NEEDED = 1,
  DT_STRTAB = 5,
  DT_SONAME = 14,
  DT_FLAGS_1 = 0x6ffffffb;
const NT_GNU_BUILD_ID = 3;

/**
 * A text that is the same for two files which ldconfig treats alike, and of what is no library a text of its whole
 * content.
 */
export function libraryTraits(content: Blob): string {
  const header = readPart(content, 0, Math.min(HEADER_BYTES, content.sizeBytes));
  const whole = `content ${content.digest}`;
  if (!hasElfMagic(header)) return whole;
  const image = parseElf(header, (offset, bytes) => content.read(offset, bytes));
  if (isElfError(image)) return whole;
  const dynamic = readDynamic(content, image),
    notes = readNotes(content, image);
  if (dynamic === undefined || notes === undefined) return whole;
  return JSON.stringify([[...header.subarray(0, 16)], image.type, image.machine, image.flags, dynamic, notes]);
}

function readDynamic(content: Blob, image: ElfImage): readonly (string | number)[] | undefined {
  const bytes = readSegment(
    content,
    image.segments.find(({ type }) => type === PT_DYNAMIC),
  );
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const offsets: [tag: number, offset: number][] = [],
    found: (string | number)[] = [];
  let strings: number | undefined;
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    const tag = Number(view.getBigUint64(at, true)),
      value = Number(view.getBigUint64(at + 8, true));
    if (tag === DT_NULL) break;
    if (tag === DT_STRTAB) strings = offsetOf(image, value);
    else if (tag === DT_NEEDED || tag === DT_SONAME) offsets.push([tag, value]);
    else if (tag === DT_FLAGS_1) found.push(tag, value);
  }
  for (const [tag, offset] of offsets) {
    const name = strings === undefined ? undefined : readName(content, strings + offset);
    if (name === undefined) return undefined;
    found.push(tag, name);
  }
  return found;
}

/** Where in the file what is loaded at an address stands. */
function offsetOf(image: ElfImage, address: number): number | undefined {
  const segment = image.segments.find(
    ({ type, vaddr, filesz }) => type === PT_LOAD && address >= vaddr && address < vaddr + filesz,
  );
  return segment === undefined ? undefined : segment.offset + address - segment.vaddr;
}

function readName(content: Blob, offset: number): string | undefined {
  if (!Number.isSafeInteger(offset)) return undefined;
  const bytes = readPart(content, offset, Math.max(0, Math.min(NAME_BYTES_MAX, content.sizeBytes - offset))),
    end = bytes.indexOf(0);
  return end < 0 ? undefined : String.fromCharCode(...bytes.subarray(0, end));
}

/** All notes but the build's own number. elf(5), "Notes (Nhdr)". */
function readNotes(content: Blob, image: ElfImage): readonly string[] | undefined {
  const notes: string[] = [];
  for (const segment of image.segments) {
    if (segment.type !== PT_NOTE && segment.type !== PT_GNU_PROPERTY) continue;
    const bytes = readSegment(content, segment);
    if (bytes === undefined) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      step = segment.align === 8 ? 8 : 4;
    for (let at = 0; at + 12 <= bytes.length;) {
      const nameAt = at + 12,
        contentAt = align(nameAt + view.getUint32(at, true), step),
        end = contentAt + view.getUint32(at + 4, true),
        type = view.getUint32(at + 8, true);
      if (end > bytes.length) return undefined;
      const name = String.fromCharCode(...bytes.subarray(nameAt, nameAt + view.getUint32(at, true)));
      if (name !== "GNU\0" || type !== NT_GNU_BUILD_ID)
        notes.push(`${name}${type} ${[...bytes.subarray(contentAt, end)].join(" ")}`);
      at = align(end, step);
    }
  }
  return notes;
}

function align(at: number, step: number): number {
  return Math.ceil(at / step) * step;
}

function readSegment(content: Blob, segment: ElfImage["segments"][number] | undefined): Uint8Array | undefined {
  if (
    segment === undefined ||
    segment.filesz > SEGMENT_BYTES_MAX ||
    segment.offset + segment.filesz > content.sizeBytes
  )
    return undefined;
  return readPart(content, segment.offset, segment.filesz);
}

function readPart(content: Blob, offset: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  return bytes.subarray(0, Math.max(0, content.read(offset, bytes)));
}
