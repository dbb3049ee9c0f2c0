/**
 * GUID partition tables. Source: UEFI 2.10 §5.2 (protective MBR) and §5.3.
 *
 *     LBA 0  protective MBR     1  header     2 … 33  entries, 128 of 128 bytes     34 …  partitions
 *     … last − 33  entries again     last  header again
 *
 * So with sectors of 512 bytes; of 4096 bytes four hold the entries. All is counted in sectors of the disk, and a table
 * made for the one is not seen on the other. Both headers and both tables carry a CRC-32; a reader takes the second
 * pair when the first is damaged.
 */
import { byteStringOf, crc32 } from "@stratos/base";
import { readBytes, readU64, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { guidBytes, guidText } from "./guid.ts";

export const SECTOR_SIZE = 512;
const LARGE_SECTOR = 4096;
const ENTRY_COUNT = 128;
const ENTRY_SIZE = 128;
/** What a disk counts in: its logical blocks. */
export type SectorSize = 512 | 4096;
const HEADER_SIZE = 92;
const SIGNATURE = "EFI PART";
const NO_TYPE = "00000000-0000-0000-0000-000000000000";
/** A name has at most so many UTF-16 units. */
export const GPT_NAME_MAX = 36;
/** Table sizes beyond this are not from any tool. */
const FOREIGN_ENTRIES_MAX = 4096;

export interface GptPartition {
  /** GUID; {@link PARTITION_TYPES} has the usual ones */
  readonly type: string;
  readonly id: string;
  readonly name: string;
  /** bytes from the start of the disk; a number of whole sectors */
  readonly start: number;
  /** bytes; a number of whole sectors */
  readonly size: number;
  /** the low half of the attributes; bit 2: legacy BIOS bootable */
  readonly attributes: number;
  /** the high half, of which bits 16 to 31 are the type's own (bit 28: read-only, 27: grows); none by default */
  readonly attributesHigh?: number;
  /** its place in the table, from 1, which the system calls it by; by default its place in the list */
  readonly number?: number;
}

export interface GptTable {
  readonly diskId: string;
  readonly partitions: readonly GptPartition[];
  /** default: 512 */
  readonly sectorSize?: SectorSize;
}

/** First byte that a partition may have, and the one after the last. */
export function gptSpace(diskSize: number, sectorSize: SectorSize = SECTOR_SIZE): { start: number; end: number } {
  const table = ENTRY_COUNT * ENTRY_SIZE;
  return { start: 2 * sectorSize + table, end: (Math.floor(diskSize / sectorSize) - 1) * sectorSize - table };
}

/**
 * Writes both copies of the table, and the protective MBR; the boot code in the MBR's first 440 bytes stays.
 * @throws FormatError when the partitions don't fit, overlap, or are not whole sectors
 */
export function writeGpt(disk: Disk, table: GptTable): void {
  checkTable(disk, table);
  const sectorSize = table.sectorSize ?? SECTOR_SIZE,
    sectors = Math.floor(disk.size / sectorSize),
    tableSectors = (ENTRY_COUNT * ENTRY_SIZE) / sectorSize;
  const entries = new Uint8Array(ENTRY_COUNT * ENTRY_SIZE);
  const view = viewOf(entries);
  table.partitions.forEach((partition, index) => {
    const at = ((partition.number ?? index + 1) - 1) * ENTRY_SIZE;
    entries.set(guidBytes(partition.type), at);
    entries.set(guidBytes(partition.id), at + 16);
    writeU64(view, at + 32, partition.start / sectorSize);
    writeU64(view, at + 40, (partition.start + partition.size) / sectorSize - 1);
    view.setUint32(at + 48, partition.attributes, true);
    view.setUint32(at + 52, partition.attributesHigh ?? 0, true);
    for (let unit = 0; unit < partition.name.length; unit++)
      view.setUint16(at + 56 + unit * 2, partition.name.charCodeAt(unit), true);
  });
  const entriesCrc = crc32(entries);
  const header = (own: number, other: number, entriesAt: number): Uint8Array => {
    const bytes = new Uint8Array(sectorSize);
    const fields = viewOf(bytes);
    bytes.set(byteStringOf(SIGNATURE));
    fields.setUint32(8, 0x00010000, true);
    fields.setUint32(12, HEADER_SIZE, true);
    writeU64(fields, 24, own);
    writeU64(fields, 32, other);
    writeU64(fields, 40, 2 + tableSectors);
    writeU64(fields, 48, sectors - 2 - tableSectors);
    bytes.set(guidBytes(table.diskId), 56);
    writeU64(fields, 72, entriesAt);
    fields.setUint32(80, ENTRY_COUNT, true);
    fields.setUint32(84, ENTRY_SIZE, true);
    fields.setUint32(88, entriesCrc, true);
    fields.setUint32(16, crc32(bytes.subarray(0, HEADER_SIZE)), true);
    return bytes;
  };
  // The second copy first: a writer that is interrupted leaves one of the two whole.
  disk.write((sectors - 1 - tableSectors) * sectorSize, entries);
  disk.write((sectors - 1) * sectorSize, header(sectors - 1, 1, sectors - 1 - tableSectors));
  disk.write(2 * sectorSize, entries);
  disk.write(sectorSize, header(1, sectors - 1, 2));
  writeProtectiveMbr(disk, sectors);
  // A table for smaller sectors that lay here before would be found first.
  if (sectorSize > SECTOR_SIZE) disk.write(SECTOR_SIZE, new Uint8Array(sectorSize - SECTOR_SIZE));
}

function checkTable(disk: Disk, table: GptTable): void {
  const sectorSize = table.sectorSize ?? SECTOR_SIZE,
    space = gptSpace(disk.size, sectorSize);
  const last = table.partitions.reduce((highest, { number }, index) => Math.max(highest, number ?? index + 1), 0);
  if (last > ENTRY_COUNT) throw new FormatError(`${last} partitions; a table has room for ${ENTRY_COUNT}`);
  let end = space.start;
  let before = "the partition table";
  for (const partition of [...table.partitions].sort((a, b) => a.start - b.start)) {
    if (partition.start % sectorSize !== 0 || partition.size % sectorSize !== 0 || partition.size <= 0)
      throw new FormatError(`partition ${partition.name}: not a number of whole sectors`);
    if (partition.name.length > GPT_NAME_MAX)
      throw new FormatError(`partition ${partition.name}: a name has at most ${GPT_NAME_MAX} characters`);
    if (partition.start < end) throw new FormatError(`partition ${partition.name}: overlaps ${before}`);
    end = partition.start + partition.size;
    before = `partition ${partition.name}`;
  }
  if (end > space.end)
    throw new FormatError(`${before}: ends ${end - space.end} bytes after the last that a partition can have`);
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

/**
 * @returns the table, or undefined when the disk has none. @throws FormatError when it has one of which both copies are
 *   damaged
 */
export function readGpt(disk: Disk): GptTable | undefined {
  const copies: ("none" | "damaged")[] = [];
  for (const sectorSize of [SECTOR_SIZE, LARGE_SECTOR] as const) {
    if (disk.size < 3 * sectorSize) continue;
    for (const lba of [1, Math.floor(disk.size / sectorSize) - 1]) {
      const copy = readCopy(disk, lba, sectorSize);
      if (typeof copy === "object") return copy;
      copies.push(copy);
    }
  }
  if (copies.includes("damaged")) throw new FormatError("both copies of the partition table are damaged");
  return undefined;
}

function readCopy(disk: Disk, lba: number, sectorSize: SectorSize): GptTable | "none" | "damaged" {
  const header = readBytes(disk, lba * sectorSize, sectorSize);
  const fields = viewOf(header);
  for (let index = 0; index < 8; index++) if (header[index] !== SIGNATURE.charCodeAt(index)) return "none";
  const headerSize = fields.getUint32(12, true);
  if (headerSize < HEADER_SIZE || headerSize > sectorSize) return "damaged";
  const crc = fields.getUint32(16, true);
  fields.setUint32(16, 0, true);
  if (crc32(header.subarray(0, headerSize)) !== crc) return "damaged";
  const count = fields.getUint32(80, true),
    size = fields.getUint32(84, true);
  if (count > FOREIGN_ENTRIES_MAX || size < ENTRY_SIZE || size > 4096) return "damaged";
  const entriesAt = readU64(fields, 72) * sectorSize;
  if (entriesAt + count * size > disk.size) return "damaged";
  const entries = readBytes(disk, entriesAt, count * size);
  if (crc32(entries) !== fields.getUint32(88, true)) return "damaged";
  const partitions: GptPartition[] = [];
  const view = viewOf(entries);
  for (let at = 0; at < entries.length; at += size) {
    const type = guidText(entries.subarray(at, at + 16));
    if (type === NO_TYPE) continue;
    const start = readU64(view, at + 32) * sectorSize,
      end = (readU64(view, at + 40) + 1) * sectorSize,
      number = at / size + 1,
      attributesHigh = view.getUint32(at + 52, true);
    if (end <= start || end > disk.size) return "damaged";
    let name = "";
    for (let unit = 0; unit < GPT_NAME_MAX; unit++) {
      const code = view.getUint16(at + 56 + unit * 2, true);
      if (code === 0) break;
      name += String.fromCharCode(code);
    }
    partitions.push({
      type,
      id: guidText(entries.subarray(at + 16, at + 32)),
      name,
      start,
      size: end - start,
      attributes: view.getUint32(at + 48, true),
      ...(attributesHigh === 0 ? {} : { attributesHigh }),
      ...(number === partitions.length + 1 ? {} : { number }),
    });
  }
  return {
    diskId: guidText(header.subarray(56, 72)),
    partitions,
    ...(sectorSize === SECTOR_SIZE ? {} : { sectorSize }),
  };
}
