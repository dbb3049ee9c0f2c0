/**
 * GUID partition tables. Source: UEFI 2.10 §5.2 (protective MBR) and §5.3.
 *
 *     LBA 0  protective MBR     1  header     2 … 33  entries, 128 of 128 bytes     34 …  partitions
 *     … last − 33  entries again     last  header again
 *
 * Both headers and both tables carry a CRC-32; a reader takes the second pair when the first is damaged.
 */
import { byteStringOf, crc32 } from "@stratos/base";
import { readBytes, readU64, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { guidBytes, guidText } from "./guid.ts";

export const SECTOR_SIZE = 512;
const ENTRY_COUNT = 128;
const ENTRY_SIZE = 128;
const TABLE_SECTORS = (ENTRY_COUNT * ENTRY_SIZE) / SECTOR_SIZE;
const HEADER_SIZE = 92;
const SIGNATURE = "EFI PART";
const NO_TYPE = "00000000-0000-0000-0000-000000000000";
/** A name has at most so many UTF-16 units. */
const NAME_MAX = 36;
/** Table sizes beyond this are not from any tool. */
const FOREIGN_ENTRIES_MAX = 4096;

export interface GptPartition {
  /** GUID; {@link PARTITION_TYPES} has the usual ones */
  readonly type: string;
  readonly id: string;
  readonly name: string;
  /** bytes from the start of the disk; a multiple of 512 */
  readonly start: number;
  /** bytes; a multiple of 512 */
  readonly size: number;
  /** the low half of the attributes; bit 2: legacy BIOS bootable */
  readonly attributes: number;
}

export interface GptTable {
  readonly diskId: string;
  readonly partitions: readonly GptPartition[];
}

/** First byte that a partition may have, and the one after the last. */
export function gptSpace(diskSize: number): { start: number; end: number } {
  return { start: (2 + TABLE_SECTORS) * SECTOR_SIZE, end: (Math.floor(diskSize / SECTOR_SIZE) - 1 - TABLE_SECTORS) * SECTOR_SIZE };
}

/**
 * Writes both copies of the table, and the protective MBR; the boot code in the MBR's first 440 bytes stays.
 * @throws FormatError when the partitions don't fit, overlap, or are not whole sectors
 */
export function writeGpt(disk: Disk, table: GptTable): void {
  checkTable(disk, table);
  const sectors = Math.floor(disk.size / SECTOR_SIZE);
  const entries = new Uint8Array(ENTRY_COUNT * ENTRY_SIZE);
  const view = viewOf(entries);
  table.partitions.forEach((partition, index) => {
    const at = index * ENTRY_SIZE;
    entries.set(guidBytes(partition.type), at);
    entries.set(guidBytes(partition.id), at + 16);
    writeU64(view, at + 32, partition.start / SECTOR_SIZE);
    writeU64(view, at + 40, (partition.start + partition.size) / SECTOR_SIZE - 1);
    writeU64(view, at + 48, partition.attributes);
    for (let unit = 0; unit < partition.name.length; unit++) view.setUint16(at + 56 + unit * 2, partition.name.charCodeAt(unit), true);
  });
  const entriesCrc = crc32(entries);
  const header = (own: number, other: number, entriesAt: number): Uint8Array => {
    const bytes = new Uint8Array(SECTOR_SIZE);
    const fields = viewOf(bytes);
    bytes.set(byteStringOf(SIGNATURE));
    fields.setUint32(8, 0x00010000, true);
    fields.setUint32(12, HEADER_SIZE, true);
    writeU64(fields, 24, own);
    writeU64(fields, 32, other);
    writeU64(fields, 40, 2 + TABLE_SECTORS);
    writeU64(fields, 48, sectors - 2 - TABLE_SECTORS);
    bytes.set(guidBytes(table.diskId), 56);
    writeU64(fields, 72, entriesAt);
    fields.setUint32(80, ENTRY_COUNT, true);
    fields.setUint32(84, ENTRY_SIZE, true);
    fields.setUint32(88, entriesCrc, true);
    fields.setUint32(16, crc32(bytes.subarray(0, HEADER_SIZE)), true);
    return bytes;
  };
  // The second copy first: a writer that is interrupted leaves one of the two whole.
  disk.write((sectors - 1 - TABLE_SECTORS) * SECTOR_SIZE, entries);
  disk.write((sectors - 1) * SECTOR_SIZE, header(sectors - 1, 1, sectors - 1 - TABLE_SECTORS));
  disk.write(2 * SECTOR_SIZE, entries);
  disk.write(SECTOR_SIZE, header(1, sectors - 1, 2));
  writeProtectiveMbr(disk, sectors);
}

function checkTable(disk: Disk, table: GptTable): void {
  const space = gptSpace(disk.size);
  if (table.partitions.length > ENTRY_COUNT) throw new FormatError(`${table.partitions.length} partitions; a table has room for ${ENTRY_COUNT}`);
  let end = space.start;
  let before = "the partition table";
  for (const partition of [...table.partitions].sort((a, b) => a.start - b.start)) {
    if (partition.start % SECTOR_SIZE !== 0 || partition.size % SECTOR_SIZE !== 0 || partition.size <= 0) throw new FormatError(`partition ${partition.name}: not a number of whole sectors`);
    if (partition.name.length > NAME_MAX) throw new FormatError(`partition ${partition.name}: a name has at most ${NAME_MAX} characters`);
    if (partition.start < end) throw new FormatError(`partition ${partition.name}: overlaps ${before}`);
    end = partition.start + partition.size;
    before = `partition ${partition.name}`;
  }
  if (end > space.end) throw new FormatError(`${before}: ends ${end - space.end} bytes after the last that a partition can have`);
}

function writeProtectiveMbr(disk: Disk, sectors: number): void {
  const mbr = readBytes(disk, 0, SECTOR_SIZE);
  const view = viewOf(mbr);
  mbr.fill(0, 446, 510);
  mbr.set([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff], 446);
  view.setUint32(454, 1, true);
  view.setUint32(458, Math.min(sectors - 1, 0xffffffff), true);
  mbr.set([0x55, 0xaa], 510);
  disk.write(0, mbr);
}

/** @returns the table, or undefined when the disk has none. @throws FormatError when it has one of which both copies are damaged */
export function readGpt(disk: Disk): GptTable | undefined {
  if (disk.size < 3 * SECTOR_SIZE) return undefined;
  const first = readCopy(disk, 1);
  if (typeof first === "object") return first;
  const second = readCopy(disk, Math.floor(disk.size / SECTOR_SIZE) - 1);
  if (typeof second === "object") return second;
  if (first === "none" && second === "none") return undefined;
  throw new FormatError("both copies of the partition table are damaged");
}

function readCopy(disk: Disk, lba: number): GptTable | "none" | "damaged" {
  const header = readBytes(disk, lba * SECTOR_SIZE, SECTOR_SIZE);
  const fields = viewOf(header);
  for (let index = 0; index < 8; index++) if (header[index] !== SIGNATURE.charCodeAt(index)) return "none";
  const headerSize = fields.getUint32(12, true);
  if (headerSize < HEADER_SIZE || headerSize > SECTOR_SIZE) return "damaged";
  const crc = fields.getUint32(16, true);
  fields.setUint32(16, 0, true);
  if (crc32(header.subarray(0, headerSize)) !== crc) return "damaged";
  const count = fields.getUint32(80, true), size = fields.getUint32(84, true);
  if (count > FOREIGN_ENTRIES_MAX || size < ENTRY_SIZE || size > 4096) return "damaged";
  const entriesAt = readU64(fields, 72) * SECTOR_SIZE;
  if (entriesAt + count * size > disk.size) return "damaged";
  const entries = readBytes(disk, entriesAt, count * size);
  if (crc32(entries) !== fields.getUint32(88, true)) return "damaged";
  const partitions: GptPartition[] = [];
  const view = viewOf(entries);
  for (let at = 0; at < entries.length; at += size) {
    const type = guidText(entries.subarray(at, at + 16));
    if (type === NO_TYPE) continue;
    const start = readU64(view, at + 32) * SECTOR_SIZE, end = (readU64(view, at + 40) + 1) * SECTOR_SIZE;
    if (end <= start || end > disk.size) return "damaged";
    let name = "";
    for (let unit = 0; unit < NAME_MAX; unit++) {
      const code = view.getUint16(at + 56 + unit * 2, true);
      if (code === 0) break;
      name += String.fromCharCode(code);
    }
    partitions.push({ type, id: guidText(entries.subarray(at + 16, at + 32)), name, start, size: end - start, attributes: view.getUint32(at + 48, true) });
  }
  return { diskId: guidText(header.subarray(56, 72)), partitions };
}
