/**
 * LVM2: a partition divided into logical volumes, each in one run. Source: LVM2 lib/label/label.h,
 * lib/format_text/layout.h (label, header of the metadata area); vgcfgbackup(8) and lib/format_text/export.c (the text
 * that says what lies where).
 *
 *     sector 1: label, physical volume │ 4 KiB: header of the metadata area │ text │ … 1 MiB │ extents of 4 MiB
 */
import { byteStringOf, crc32 } from "@stratos/base";
import { viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";

export interface LogicalVolume {
  readonly name: string;
  /** bytes; a number of whole extents */
  readonly size: number;
}

export interface VolumeGroupOptions {
  readonly name: string;
  /** seconds since 1970 */
  readonly time: number;
  /** sixteen bytes for each use, of which identities are made */
  readonly id: (what: string) => Uint8Array;
}

export const LVM_EXTENT = 4 << 20;
/** Where the first extent begins. */
export const LVM_DATA_OFFSET = 1 << 20;
const SECTOR = 512;
const LABEL_AT = SECTOR,
  METADATA_AT = 4096,
  METADATA_SIZE = LVM_DATA_OFFSET - METADATA_AT;
const MAGIC = " LVM2 x[5A%r0N*>";
const USED = 1;
const NAME = /^[A-Za-z0-9_+][A-Za-z0-9_+.]{0,63}$/;

/** Where each volume lies on the partition, in order. */
export function placeVolumes(volumes: readonly LogicalVolume[]): { readonly start: number; readonly size: number }[] {
  let start = LVM_DATA_OFFSET;
  return volumes.map(({ size }) => ({ size, start: (start += size) - size }));
}

/** Writes all but what lies in the volumes. @throws FormatError  a name that LVM does not take, or too little room */
export function writeVolumeGroup(disk: Disk, volumes: readonly LogicalVolume[], options: VolumeGroupOptions): void {
  for (const { name, size } of [...volumes, { name: options.name, size: 0 }]) {
    if (!NAME.test(name)) throw new FormatError(`${name}: a name of LVM has letters, digits, '_', '+' and '.'`);
    if (size % LVM_EXTENT !== 0)
      throw new FormatError(`${name}: ${size} bytes are no number of whole extents of ${LVM_EXTENT}`);
  }
  const extents = Math.floor((disk.size - LVM_DATA_OFFSET) / LVM_EXTENT),
    used = volumes.reduce((sum, { size }) => sum + size / LVM_EXTENT, 0);
  if (used > extents)
    throw new FormatError(`the volumes of ${options.name} need ${used} extents, and there are ${Math.max(0, extents)}`);
  const identity = identityOf(options.id(`physical volume ${options.name}`));
  const text = describe(disk, volumes, { ...options, identity, extents });
  if (text.length > METADATA_SIZE / 2 - SECTOR)
    throw new FormatError(`the volumes of ${options.name} are too many for one metadata area`);
  disk.write(LABEL_AT, label(disk.size, identity));
  disk.write(METADATA_AT, metadataHeader(text));
  disk.write(METADATA_AT + SECTOR, text);
}

function label(size: number, identity: string): Uint8Array {
  const bytes = new Uint8Array(SECTOR),
    view = viewOf(bytes);
  bytes.set(byteStringOf("LABELONE"));
  writeU64(view, 8, LABEL_AT / SECTOR);
  view.setUint32(20, 32, true);
  bytes.set(byteStringOf("LVM2 001"), 24);
  bytes.set(byteStringOf(identity), 32);
  writeU64(view, 64, size);
  // Where the extents begin, then the metadata area; each list ends with an empty pair.
  writeU64(view, 72, LVM_DATA_OFFSET);
  writeU64(view, 104, METADATA_AT);
  writeU64(view, 112, METADATA_SIZE);
  view.setUint32(136, 2, true);
  view.setUint32(140, USED, true);
  view.setUint32(16, checksum(bytes, 20), true);
  return bytes;
}

function metadataHeader(text: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SECTOR),
    view = viewOf(bytes);
  bytes.set(byteStringOf(MAGIC), 4);
  view.setUint32(20, 1, true);
  writeU64(view, 24, METADATA_AT);
  writeU64(view, 32, METADATA_SIZE);
  writeU64(view, 40, SECTOR);
  writeU64(view, 48, text.length);
  view.setUint32(56, checksum(text, 0), true);
  view.setUint32(0, checksum(bytes, 4), true);
  return bytes;
}

/** LVM's own: CRC-32 with another beginning, and not inverted at the end. */
function checksum(bytes: Uint8Array, from: number): number {
  return ~crc32(bytes, from, bytes.length, ~0xf597a6cf) >>> 0;
}

const LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** LVM's identities are 32 letters and digits. */
function identityOf(bytes: Uint8Array): string {
  return Array.from(
    { length: 32 },
    (_, index) => LETTERS[(bytes[index % 16]! * (index < 16 ? 1 : 7) + index) % LETTERS.length]!,
  ).join("");
}

function describe(
  disk: Disk,
  volumes: readonly LogicalVolume[],
  { name, time, id, identity, extents }: VolumeGroupOptions & { identity: string; extents: number },
): Uint8Array {
  const quoted = (letters: string): string =>
    `"${letters.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.{6})$/, "$1-$2-$3-$4-$5-$6-$7")}"`;
  const places = placeVolumes(volumes);
  const logical = volumes
    .map(
      (volume, index) => `
${volume.name} {
id = ${quoted(identityOf(id(`logical volume ${name}/${volume.name}`)))}
status = ["READ", "WRITE", "VISIBLE"]
flags = []
creation_time = ${Math.floor(time)}
creation_host = "stratos"
segment_count = 1

segment1 {
start_extent = 0
extent_count = ${volume.size / LVM_EXTENT}

type = "striped"
stripe_count = 1

stripes = [
"pv0", ${(places[index]!.start - LVM_DATA_OFFSET) / LVM_EXTENT}
]
}
}
`,
    )
    .join("");
  return byteStringOf(`${name} {
id = ${quoted(identityOf(id(`volume group ${name}`)))}
seqno = 1
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
flags = []
extent_size = ${LVM_EXTENT / SECTOR}
max_lv = 0
max_pv = 0
metadata_copies = 0

physical_volumes {

pv0 {
id = ${quoted(identity)}
device = "unknown"

status = ["ALLOCATABLE"]
flags = []
dev_size = ${Math.floor(disk.size / SECTOR)}
pe_start = ${LVM_DATA_OFFSET / SECTOR}
pe_count = ${extents}
}
}
${
  volumes.length === 0
    ? ""
    : `
logical_volumes {
${logical}}
`
}
}
# Generated by Stratos
contents = "Text Format Volume Group"
version = 1

description = ""

creation_host = "stratos"
creation_time = ${Math.floor(time)}
\0`);
}
