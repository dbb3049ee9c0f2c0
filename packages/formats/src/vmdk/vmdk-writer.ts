/**
 * VMDK images of one file. Source: VMware, Virtual Disk Format 5.0 (sparse extents, stream-optimized extents).
 *
 *     monolithicSparse   header │ descriptor │ redundant directory, tables │ directory, tables │ grains of 64 KiB, as
 *     they are
 *     streamOptimized    header │ descriptor │ grains, each packed behind a marker; tables, when their 512 grains are
 *     past │ directory │ footer │ end
 *
 * All is counted in sectors of 512 bytes. What is zero has no grain.
 */
import { byteStringOf, utf8ToByteString } from "@stratos/base";
import type { Codecs } from "../codecs.ts";
import { isZero, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";

export type VmdkKind = "streamOptimized" | "monolithicSparse";

export interface VmdkOptions {
  readonly kind: VmdkKind;
  /** of the file, as its descriptor has it */
  readonly name: string;
  /** what tells one content from another: 32 bits, not 0xffffffff nor 0xfffffffe */
  readonly contentId: number;
  /** default: lsilogic */
  readonly adapter?: "ide" | "lsilogic" | "pvscsi";
  readonly onProgress?: (done: number) => void;
}

const SECTOR = 512;
const GRAIN_SECTORS = 128,
  GRAIN = GRAIN_SECTORS * SECTOR;
const TABLE_ENTRIES = 512,
  TABLE_SECTORS = (TABLE_ENTRIES * 4) / SECTOR;
const DESCRIPTOR_AT = 1,
  DESCRIPTOR_SECTORS = 20;
const MAGIC = 0x564d444b; // "KDMV"
const VALID_NEWLINES = 1,
  REDUNDANT_TABLES = 2,
  PACKED_GRAINS = 1 << 16,
  MARKERS = 1 << 17;
const DEFLATE = 1;
const MARKER_END = 0,
  MARKER_TABLE = 1,
  MARKER_DIRECTORY = 2,
  MARKER_FOOTER = 3;
/** Places are 32-bit numbers of sectors. */
const SIZE_MAX = 0xffffffff * SECTOR;

interface Header {
  readonly version: number;
  readonly flags: number;
  readonly capacity: number;
  readonly redundantAt: number;
  readonly directoryAt: number;
  readonly overhead: number;
  readonly isPacked: boolean;
}

/** Copies a disk into a file, which becomes as long as it has to be. @throws FormatError */
export function writeVmdk(source: Disk, file: Disk, options: VmdkOptions, codecs: Pick<Codecs, "zlib">): void {
  if (source.size % SECTOR !== 0) throw new FormatError(`a disk of ${source.size} bytes is no number of whole sectors`);
  if (source.size > SIZE_MAX) throw new FormatError(`VMDK images of one file hold at most ${SIZE_MAX} bytes`);
  if (options.kind === "streamOptimized") writeStream(source, file, options, codecs);
  else writeSparse(source, file, options);
}

function writeSparse(source: Disk, file: Disk, options: VmdkOptions): void {
  const capacity = source.size / SECTOR,
    grains = Math.ceil(capacity / GRAIN_SECTORS),
    tables = Math.ceil(grains / TABLE_ENTRIES);
  const directorySectors = Math.ceil((tables * 4) / SECTOR);
  const redundantAt = DESCRIPTOR_AT + DESCRIPTOR_SECTORS,
    directoryAt = redundantAt + directorySectors + tables * TABLE_SECTORS;
  const overhead = roundUp(directoryAt + directorySectors + tables * TABLE_SECTORS, GRAIN_SECTORS);
  const places = new Uint8Array(tables * TABLE_ENTRIES * 4),
    view = viewOf(places);
  let end = overhead;
  file.resize(end * SECTOR);
  eachGrain(source, options, (grain, bytes) => {
    view.setUint32(grain * 4, end, true);
    file.resize((end + GRAIN_SECTORS) * SECTOR);
    file.write(end * SECTOR, bytes);
    end += GRAIN_SECTORS;
  });
  for (const at of [redundantAt, directoryAt]) {
    const directory = new Uint8Array(directorySectors * SECTOR);
    for (let table = 0; table < tables; table++)
      viewOf(directory).setUint32(table * 4, at + directorySectors + table * TABLE_SECTORS, true);
    file.write(at * SECTOR, directory);
    file.write((at + directorySectors) * SECTOR, places);
  }
  file.write(DESCRIPTOR_AT * SECTOR, descriptor(options, capacity));
  file.write(
    0,
    headerBytes({
      version: 1,
      flags: VALID_NEWLINES | REDUNDANT_TABLES,
      capacity,
      redundantAt,
      directoryAt,
      overhead,
      isPacked: false,
    }),
  );
}

function writeStream(source: Disk, file: Disk, options: VmdkOptions, codecs: Pick<Codecs, "zlib">): void {
  const capacity = roundUp(source.size / SECTOR, GRAIN_SECTORS),
    tables = Math.ceil(capacity / GRAIN_SECTORS / TABLE_ENTRIES);
  const directory = new Uint8Array(roundUp(tables * 4, SECTOR));
  const header = {
    version: 3,
    flags: VALID_NEWLINES | PACKED_GRAINS | MARKERS,
    capacity,
    redundantAt: 0,
    overhead: GRAIN_SECTORS,
    isPacked: true,
  };
  let end = GRAIN_SECTORS;
  const append = (bytes: Uint8Array): number => {
    const at = end;
    end += Math.ceil(bytes.length / SECTOR);
    file.resize(end * SECTOR);
    file.write(at * SECTOR, bytes);
    return at;
  };
  const appendMarked = (kind: number, bytes: Uint8Array): number => {
    append(marker(bytes.length / SECTOR, kind));
    return bytes.length === 0 ? end : append(bytes);
  };
  file.resize(end * SECTOR);
  file.write(0, headerBytes({ ...header, directoryAt: -1 }));
  file.write(DESCRIPTOR_AT * SECTOR, descriptor(options, capacity));
  let table = new Uint8Array(TABLE_ENTRIES * 4),
    current = -1;
  const closeTable = (): void => {
    if (current >= 0) viewOf(directory).setUint32(current * 4, appendMarked(MARKER_TABLE, table), true);
    table = new Uint8Array(TABLE_ENTRIES * 4);
  };
  eachGrain(source, options, (grain, bytes) => {
    const own = Math.floor(grain / TABLE_ENTRIES);
    if (own !== current) closeTable();
    current = own;
    const packed = codecs.zlib(bytes),
      marked = new Uint8Array(12 + packed.length);
    writeU64(viewOf(marked), 0, grain * GRAIN_SECTORS);
    viewOf(marked).setUint32(8, packed.length, true);
    marked.set(packed, 12);
    viewOf(table).setUint32((grain % TABLE_ENTRIES) * 4, append(marked), true);
  });
  closeTable();
  const directoryAt = appendMarked(MARKER_DIRECTORY, directory);
  append(marker(1, MARKER_FOOTER));
  append(headerBytes({ ...header, directoryAt }));
  append(marker(0, MARKER_END));
}

/**
 * Calls `visit` with each grain that is not zero throughout, in order; the last is filled up. The bytes are good until
 * it returns.
 */
function eachGrain(source: Disk, options: VmdkOptions, visit: (grain: number, bytes: Uint8Array) => void): void {
  const bytes = new Uint8Array(GRAIN);
  for (let at = 0, grain = 0; at < source.size; at += GRAIN, grain++) {
    const count = Math.min(GRAIN, source.size - at);
    if (count < GRAIN) bytes.fill(0);
    source.read(at, bytes.subarray(0, count));
    if (!isZero(bytes)) visit(grain, bytes);
    options.onProgress?.(at + count);
  }
}

function headerBytes({ version, flags, capacity, redundantAt, directoryAt, overhead, isPacked }: Header): Uint8Array {
  const bytes = new Uint8Array(SECTOR),
    view = viewOf(bytes);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, version, true);
  view.setUint32(8, flags, true);
  writeU64(view, 12, capacity);
  writeU64(view, 20, GRAIN_SECTORS);
  writeU64(view, 28, DESCRIPTOR_AT);
  writeU64(view, 36, DESCRIPTOR_SECTORS);
  view.setUint32(44, TABLE_ENTRIES, true);
  writeU64(view, 48, redundantAt);
  // At the end of a stream, where the footer says it.
  if (directoryAt < 0) bytes.fill(0xff, 56, 64);
  else writeU64(view, 56, directoryAt);
  writeU64(view, 64, overhead);
  // What a transfer as text would have changed.
  bytes.set([0x0a, 0x20, 0x0d, 0x0a], 73);
  view.setUint16(77, isPacked ? DEFLATE : 0, true);
  return bytes;
}

function marker(sectors: number, kind: number): Uint8Array {
  const bytes = new Uint8Array(SECTOR);
  writeU64(viewOf(bytes), 0, sectors);
  viewOf(bytes).setUint32(12, kind, true);
  return bytes;
}

function descriptor({ kind, name, contentId, adapter = "lsilogic" }: VmdkOptions, capacity: number): Uint8Array {
  const heads = adapter === "ide" ? 16 : 255,
    sectors = 63;
  const text = `# Disk DescriptorFile
version=1
CID=${(contentId >>> 0).toString(16).padStart(8, "0")}
parentCID=ffffffff
createType="${kind}"

# Extent description
RW ${capacity} SPARSE "${utf8ToByteString(name.replace(/["\n]/g, "_"))}"

# The Disk Data Base
#DDB

ddb.virtualHWVersion = "10"
ddb.geometry.cylinders = "${Math.min(16383, Math.floor(capacity / (heads * sectors)))}"
ddb.geometry.heads = "${heads}"
ddb.geometry.sectors = "${sectors}"
ddb.adapterType = "${adapter}"
`;
  const bytes = new Uint8Array(DESCRIPTOR_SECTORS * SECTOR);
  if (text.length > bytes.length) throw new FormatError(`${name}: too long a name`);
  bytes.set(byteStringOf(text));
  return bytes;
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
