/**
 * VHDX images, as Hyper-V takes them: dynamic, without a parent, let go of in order (so that their log is empty).
 * Source: Microsoft, MS-VHDX (Virtual Hard Disk v2 File Format). Little-endian.
 *
 *     0       64 KiB    128 KiB   192 KiB   256 KiB   1 MiB  2 MiB      3 MiB         …
 *     who     header    header    regions   regions   log    metadata   block table   blocks of 1 MiB
 *     made it           (newer)             (again)
 */
import { byteStringOf, crc32c } from "@stratos/base";
import { isZero, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { guidBytes } from "../gpt/guid.ts";

export interface VhdxOptions {
  /** a UUID for each use */
  readonly id: (what: string) => string;
  /** bytes: a power of two from 1 MiB to 256 MiB. Default: small ones for a small file, larger ones from 1 TiB on */
  readonly blockSize?: number;
  readonly onProgress?: (done: number) => void;
}

const KIB = 1024,
  MIB = 1 << 20;
const SECTOR = 512,
  PHYSICAL_SECTOR = 4096;
const HEADERS = [64 * KIB, 128 * KIB],
  REGIONS = [192 * KIB, 256 * KIB];
const LOG_AT = MIB,
  METADATA_AT = 2 * MIB,
  TABLE_AT = 3 * MIB;
const SIZE_MAX = 64 * 2 ** 40;
const BLOCK = MIB,
  LARGE_BLOCK = 32 * MIB,
  LARGE_FROM = 2 ** 40;
/** After blocks of so many sectors the table has an entry for a bitmap, which only a disk with a parent uses. */
const SECTORS_PER_BITMAP = 2 ** 23;
const STATE = { notPresent: 0, present: 6 } as const;
const REGION = {
  table: "2dc27766-f623-4200-9d64-115e9bfd4a08",
  metadata: "8b7ca206-4790-4b9a-b8fe-575f050f886e",
} as const;
const ITEM = {
  parameters: "caa16737-fa36-4d43-b3b6-33f0aa44e76b",
  size: "2fa54224-cd1b-4876-b211-5dbed83bf4b8",
  diskId: "beca12ab-b2e6-4523-93ef-c309e000c746",
  sector: "8141bf1d-a96f-4709-ba47-f233a8faab5f",
  physicalSector: "cda348c7-445d-4471-9cc9-e9885251c556",
} as const;
const ITEMS_AT = 64 * KIB;
const FLAG = { ofDisk: 2, required: 4 } as const;

/** Copies a disk into a file, which becomes as long as it has to be. @throws FormatError */
export function writeVhdx(source: Disk, file: Disk, options: VhdxOptions): void {
  const { size } = source;
  if (size === 0 || size % SECTOR !== 0)
    throw new FormatError(`a VHDX image has a number of whole sectors, and the disk has ${size} bytes`);
  if (size > SIZE_MAX) throw new FormatError(`a VHDX image holds at most ${SIZE_MAX} bytes`);
  const block = options.blockSize ?? (size > LARGE_FROM ? LARGE_BLOCK : BLOCK),
    blocks = Math.ceil(size / block),
    perBitmap = (SECTORS_PER_BITMAP * SECTOR) / block;
  const entries = blocks + Math.floor((blocks - 1) / perBitmap),
    table = new Uint8Array(Math.ceil((entries * 8) / MIB) * MIB),
    tableView = viewOf(table);
  let end = TABLE_AT + table.length;
  const bytes = new Uint8Array(block);
  file.resize(end);
  for (let index = 0; index < blocks; index++) {
    const at = index * block,
      count = Math.min(block, size - at);
    if (count < block) bytes.fill(0);
    source.read(at, bytes.subarray(0, count));
    options.onProgress?.(at + count);
    // What is not there reads as zeros.
    if (isZero(bytes)) continue;
    writeU64(tableView, (index + Math.floor(index / perBitmap)) * 8, end + STATE.present);
    file.resize(end + block);
    file.write(end, bytes);
    end += block;
  }
  file.write(TABLE_AT, table);
  file.write(METADATA_AT, metadata(size, block, options));
  for (const place of REGIONS) file.write(place, regions(table.length));
  HEADERS.forEach((place, index) => file.write(place, header(index + 1, options)));
  file.write(0, identifier());
}

function identifier(): Uint8Array {
  const bytes = new Uint8Array(520);
  bytes.set(byteStringOf("vhdxfile"));
  bytes.set(
    [..."stratos"].flatMap((letter) => [letter.charCodeAt(0), 0]),
    8,
  );
  return bytes;
}

function header(sequence: number, { id }: VhdxOptions): Uint8Array {
  const bytes = new Uint8Array(4 * KIB),
    view = viewOf(bytes);
  bytes.set(byteStringOf("head"));
  writeU64(view, 8, sequence);
  bytes.set(guidBytes(id("vhdx file")), 16);
  bytes.set(guidBytes(id("vhdx data")), 32);
  // No GUID of a log (48): nothing is to be replayed. Its version is 0, the format's 1.
  view.setUint16(66, 1, true);
  view.setUint32(68, MIB, true);
  writeU64(view, 72, LOG_AT);
  return sealed(bytes);
}

function regions(tableBytes: number): Uint8Array {
  const bytes = new Uint8Array(64 * KIB),
    view = viewOf(bytes);
  bytes.set(byteStringOf("regi"));
  const all = [
    { guid: REGION.table, at: TABLE_AT, length: tableBytes },
    { guid: REGION.metadata, at: METADATA_AT, length: MIB },
  ];
  view.setUint32(8, all.length, true);
  all.forEach(({ guid, at, length }, index) => {
    const entry = 16 + index * 32;
    bytes.set(guidBytes(guid), entry);
    writeU64(view, entry + 16, at);
    view.setUint32(entry + 24, length, true);
    view.setUint32(entry + 28, 1, true);
  });
  return sealed(bytes);
}

function metadata(size: number, block: number, { id }: VhdxOptions): Uint8Array {
  const bytes = new Uint8Array(MIB),
    view = viewOf(bytes);
  bytes.set(byteStringOf("metadata"));
  const number = (value: number, length: 4 | 8): Uint8Array => {
    const own = new Uint8Array(length);
    if (length === 8) writeU64(viewOf(own), 0, value);
    else viewOf(own).setUint32(0, value, true);
    return own;
  };
  const items = [
    // The size of blocks; then flags, none: there is no parent, and blocks may be given back.
    { guid: ITEM.parameters, value: number(block, 8), flags: FLAG.required },
    { guid: ITEM.size, value: number(size, 8), flags: FLAG.required | FLAG.ofDisk },
    { guid: ITEM.diskId, value: guidBytes(id("vhdx disk")), flags: FLAG.required | FLAG.ofDisk },
    { guid: ITEM.sector, value: number(SECTOR, 4), flags: FLAG.required | FLAG.ofDisk },
    { guid: ITEM.physicalSector, value: number(PHYSICAL_SECTOR, 4), flags: FLAG.required | FLAG.ofDisk },
  ];
  view.setUint16(10, items.length, true);
  let at = ITEMS_AT;
  items.forEach(({ guid, value, flags }, index) => {
    const entry = 32 + index * 32;
    bytes.set(guidBytes(guid), entry);
    view.setUint32(entry + 16, at, true);
    view.setUint32(entry + 20, value.length, true);
    view.setUint32(entry + 24, flags, true);
    bytes.set(value, at);
    at += value.length;
  });
  return bytes;
}

/** CRC32C of all bytes, itself counted as zero. */
function sealed(bytes: Uint8Array): Uint8Array {
  viewOf(bytes).setUint32(4, crc32c(bytes), true);
  return bytes;
}
