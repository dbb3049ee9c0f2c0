/**
 * VHD images, as Azure, Hyper-V and VirtualBox take them. Source: Microsoft, Virtual Hard Disk Image Format
 * Specification 1.0. Big-endian.
 *
 *     fixed     the disk as it is │ footer
 *     dynamic   footer again │ header │ block table │ blocks of 2 MiB, each behind a bitmap of its sectors │ footer
 */
import { byteStringOf } from "@stratos/base";
import { isZero, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { uuidBytes } from "../gpt/guid.ts";

export interface VhdOptions {
  readonly kind: "fixed" | "dynamic";
  readonly uuid: string;
  /** seconds since 1970 */
  readonly time: number;
  readonly onProgress?: (done: number) => void;
}

const SECTOR = 512;
const BLOCK = 2 << 20;
const BITMAP = BLOCK / SECTOR / 8;
const FOOTER = 512,
  HEADER = 1024;
/** 2000-01-01 in seconds since 1970. */
const EPOCH = 946_684_800;
/** Sizes that Azure takes, and that Hyper-V's own tools make. */
export const VHD_ALIGNMENT = 1 << 20;
/** The format's own bound. */
const SIZE_MAX = 2040 * 2 ** 30;
const COPY = 1 << 20;

/**
 * Copies a disk into a file, which becomes as long as it has to be. The disk's size must be a number of whole
 * MiB. @throws FormatError
 */
export function writeVhd(source: Disk, file: Disk, options: VhdOptions): void {
  if (source.size % VHD_ALIGNMENT !== 0)
    throw new FormatError(
      `a VHD image has a number of whole MiB, and the disk has ${source.size} bytes; give it a size of such`,
    );
  if (source.size > SIZE_MAX) throw new FormatError(`a VHD image holds at most ${SIZE_MAX} bytes`);
  if (options.kind === "fixed") writeFixed(source, file, options);
  else writeDynamic(source, file, options);
}

function writeFixed(source: Disk, file: Disk, options: VhdOptions): void {
  file.resize(source.size + FOOTER);
  const buffer = new Uint8Array(COPY);
  for (let at = 0; at < source.size; at += COPY) {
    source.read(at, buffer);
    // What is zero stays a hole of the file.
    for (let part = 0; part < COPY; part += 65536)
      if (!isZero(buffer.subarray(part, part + 65536))) file.write(at + part, buffer.subarray(part, part + 65536));
    options.onProgress?.(at + COPY);
  }
  file.write(source.size, footer(source.size, options));
}

function writeDynamic(source: Disk, file: Disk, options: VhdOptions): void {
  const blocks = Math.ceil(source.size / BLOCK),
    tableAt = FOOTER + HEADER,
    table = new Uint8Array(Math.ceil((blocks * 4) / SECTOR) * SECTOR).fill(0xff),
    view = viewOf(table);
  let end = tableAt + table.length;
  const bytes = new Uint8Array(BLOCK),
    bitmap = new Uint8Array(BITMAP).fill(0xff);
  file.resize(end);
  for (let block = 0; block < blocks; block++) {
    const at = block * BLOCK,
      count = Math.min(BLOCK, source.size - at);
    if (count < BLOCK) bytes.fill(0);
    source.read(at, bytes.subarray(0, count));
    options.onProgress?.(at + count);
    if (isZero(bytes)) continue;
    view.setUint32(block * 4, end / SECTOR);
    file.resize(end + BITMAP + BLOCK);
    file.write(end, bitmap);
    file.write(end + BITMAP, bytes);
    end += BITMAP + BLOCK;
  }
  file.resize(end + FOOTER);
  const last = footer(source.size, options);
  file.write(end, last);
  file.write(0, last);
  file.write(FOOTER, header(blocks, tableAt));
  file.write(tableAt, table);
}

function footer(size: number, { kind, uuid, time }: VhdOptions): Uint8Array {
  const bytes = new Uint8Array(FOOTER),
    view = viewOf(bytes);
  bytes.set(byteStringOf("conectix"));
  view.setUint32(8, 2); // reserved, always set
  view.setUint32(12, 0x00010000);
  if (kind === "fixed") bytes.fill(0xff, 16, 24);
  else writeU64(view, 16, FOOTER, false);
  view.setUint32(24, Math.max(0, Math.min(0xffffffff, Math.floor(time) - EPOCH)));
  // Of images by other programs, QEMU and others take the size from the geometry, which cannot tell every size.
  bytes.set(byteStringOf("win "), 28);
  view.setUint32(32, 0x000a0000);
  bytes.set(byteStringOf("Wi2k"), 36);
  writeU64(view, 40, size, false);
  writeU64(view, 48, size, false);
  const { cylinders, heads, sectors } = geometry(size / SECTOR);
  view.setUint16(56, cylinders);
  view.setUint8(58, heads);
  view.setUint8(59, sectors);
  view.setUint32(60, kind === "fixed" ? 2 : 3);
  bytes.set(uuidBytes(uuid), 68);
  view.setUint32(64, checksum(bytes));
  return bytes;
}

function header(blocks: number, tableAt: number): Uint8Array {
  const bytes = new Uint8Array(HEADER),
    view = viewOf(bytes);
  bytes.set(byteStringOf("cxsparse"));
  bytes.fill(0xff, 8, 16);
  writeU64(view, 16, tableAt, false);
  view.setUint32(24, 0x00010000);
  view.setUint32(28, blocks);
  view.setUint32(32, BLOCK);
  view.setUint32(36, checksum(bytes));
  return bytes;
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return ~sum >>> 0;
}

/** The specification's appendix, "CHS Calculation". */
function geometry(total: number): { cylinders: number; heads: number; sectors: number } {
  const all = Math.min(total, 65535 * 16 * 255);
  let heads = 16,
    sectors = 255,
    perHead = Math.floor(all / sectors);
  if (all < 65535 * 16 * 63) {
    sectors = 17;
    perHead = Math.floor(all / sectors);
    heads = Math.max(4, Math.floor((perHead + 1023) / 1024));
    if (perHead >= heads * 1024 || heads > 16) {
      sectors = 31;
      heads = 16;
      perHead = Math.floor(all / sectors);
    }
    if (perHead >= heads * 1024) {
      sectors = 63;
      heads = 16;
      perHead = Math.floor(all / sectors);
    }
  }
  return { cylinders: Math.floor(perHead / heads), heads, sectors };
}
