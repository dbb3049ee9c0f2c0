/** The header of a QCOW2 image. Source: QEMU docs/interop/qcow2.rst, "Header". All numbers are big-endian. */
import { byteString, byteStringOf } from "@stratos/base";
import { readBytes, readU64, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";

const QCOW2_MAGIC = 0x514649fb;
export const INCOMPATIBLE = { dirty: 1, corrupt: 2, dataFile: 4, compressionType: 8, extendedL2: 16 } as const;
const BACKING_FORMAT = 0xe2792aca;
const BACKING_NAME_MAX = 1023;
/** QEMU's own bound (32 MiB of table). */
const L1_ENTRIES_MAX = 4 << 20;

export type Qcow2Compression = "zlib" | "zstd";

export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  /** bytes of the disk that it shows */
  readonly virtualSize: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  readonly refcountOrder: number;
  readonly snapshotCount: number;
  readonly incompatible: number;
  readonly compression: Qcow2Compression;
  /** the image below, as named in the header; undefined without one */
  readonly backing: { readonly name: string; readonly format: string | undefined } | undefined;
}

/** @throws FormatError when it is no QCOW2 image, or one that is not read */
export function parseHeader(file: Disk): Qcow2Header {
  if (file.size < 72) throw new FormatError("not a QCOW2 image");
  const bytes = readBytes(file, 0, Math.min(file.size, 4096));
  const view = viewOf(bytes);
  if (view.getUint32(0) !== QCOW2_MAGIC) throw new FormatError("not a QCOW2 image");
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) throw new FormatError(`QCOW version ${version} is not read`);
  if (version === 3 && bytes.length < 104) throw new FormatError("the QCOW2 header is cut short");
  const clusterBits = view.getUint32(20);
  if (clusterBits < 9 || clusterBits > 21) throw new FormatError(`QCOW2 clusters of 2^${clusterBits} bytes`);
  if (view.getUint32(32) !== 0) throw new FormatError("the QCOW2 image is encrypted");
  const incompatible = version === 3 ? view.getUint32(76) : 0;
  if (version === 3 && view.getUint32(72) !== 0)
    throw new FormatError("the QCOW2 image has features that are not known");
  if ((incompatible & INCOMPATIBLE.dataFile) !== 0)
    throw new FormatError("the QCOW2 image keeps its data in another file, which is not read");
  if ((incompatible & INCOMPATIBLE.extendedL2) !== 0)
    throw new FormatError("the QCOW2 image has subclusters, which are not read");
  if ((incompatible & ~31) !== 0) throw new FormatError("the QCOW2 image has features that are not known");
  const headerLength = version === 3 ? view.getUint32(100) : 72;
  const compressionCode =
    version === 3 && headerLength > 104 && (incompatible & INCOMPATIBLE.compressionType) !== 0 ? bytes[104]! : 0;
  if (compressionCode > 1) throw new FormatError(`QCOW2 compression ${compressionCode} is not known`);
  const l1Entries = view.getUint32(36),
    virtualSize = readU64(view, 24, false);
  const clusterSize = 2 ** clusterBits;
  if (l1Entries > L1_ENTRIES_MAX || l1Entries < Math.ceil(virtualSize / (clusterSize * (clusterSize / 8))))
    throw new FormatError("the QCOW2 header is damaged: a table of impossible size");
  const refcountOrder = version === 3 ? view.getUint32(96) : 4;
  if (refcountOrder > 6) throw new FormatError("the QCOW2 header is damaged: reference counts of impossible width");
  const backingOffset = readU64(view, 8, false),
    backingLength = view.getUint32(16);
  let backing: Qcow2Header["backing"];
  if (backingOffset !== 0) {
    if (backingLength > BACKING_NAME_MAX || backingOffset + backingLength > bytes.length)
      throw new FormatError("the QCOW2 header is damaged: the backing file's name");
    backing = {
      name: byteString(bytes, backingOffset, backingOffset + backingLength),
      format: backingFormat(bytes, headerLength),
    };
  }
  return {
    version,
    clusterBits,
    virtualSize,
    l1Offset: readU64(view, 40, false),
    l1Entries,
    refcountTableOffset: readU64(view, 48, false),
    refcountTableClusters: view.getUint32(56),
    refcountOrder,
    snapshotCount: view.getUint32(60),
    incompatible,
    compression: compressionCode === 1 ? "zstd" : "zlib",
    backing,
  };
}

function backingFormat(bytes: Uint8Array, start: number): string | undefined {
  const view = viewOf(bytes);
  for (let at = start; at + 8 <= bytes.length;) {
    const type = view.getUint32(at),
      length = view.getUint32(at + 4);
    if (type === 0 || at + 8 + length > bytes.length) return undefined;
    if (type === BACKING_FORMAT) return byteString(bytes, at + 8, at + 8 + length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}

/** A header of version 3 with 16-bit reference counts. */
export function encodeHeader(header: Qcow2Header): Uint8Array {
  const bytes = new Uint8Array(2 ** header.clusterBits < 4096 ? 2 ** header.clusterBits : 4096);
  const view = viewOf(bytes);
  view.setUint32(0, QCOW2_MAGIC);
  view.setUint32(4, 3);
  view.setUint32(20, header.clusterBits);
  writeU64(view, 24, header.virtualSize, false);
  view.setUint32(36, header.l1Entries);
  writeU64(view, 40, header.l1Offset, false);
  writeU64(view, 48, header.refcountTableOffset, false);
  view.setUint32(56, header.refcountTableClusters);
  view.setUint32(76, header.incompatible);
  view.setUint32(96, header.refcountOrder);
  view.setUint32(100, 112);
  bytes[104] = header.compression === "zstd" ? 1 : 0;
  let at = 112;
  if (header.backing !== undefined) {
    const { name, format } = header.backing;
    if (name.length > BACKING_NAME_MAX || at + 24 + name.length > bytes.length)
      throw new FormatError(`${name}: too long for a backing file's name`);
    if (format !== undefined) {
      view.setUint32(at, BACKING_FORMAT);
      view.setUint32(at + 4, format.length);
      bytes.set(byteStringOf(format), at + 8);
      at += 8 + Math.ceil(format.length / 8) * 8;
    }
    at += 8;
    writeU64(view, 8, at, false);
    view.setUint32(16, name.length);
    bytes.set(byteStringOf(name), at);
  }
  return bytes;
}
