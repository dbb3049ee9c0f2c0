/**
 * Packed content of EROFS. A file's bytes are divided into extents; each is packed by itself into whole blocks (a
 * physical cluster), with zeros in front of what is shorter. An index says, for each 4 KiB of the file (a logical
 * cluster), where an extent begins in it, or that it belongs to the one before. Source: Linux fs/erofs/erofs_fs.h,
 * zmap.c; Documentation/filesystems/erofs.rst, "Compression".
 *
 *     inode, attributes · header of 8 bytes · (full form: 8 zeros ·) index
 *
 * In the full form each logical cluster has eight bytes: kind, place of the extent in it, block. In the compact form
 * packs of 32 bytes hold sixteen, and of 8 bytes two, with as few bits as can be and one block number.
 */
import { decompressLz4 } from "@stratos/base";
import { readBytes, viewOf, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import type { ContentPiece } from "../tree/piece-blob.ts";
import { BLOCK_SIZE } from "./erofs-layout.ts";

const PLAIN = 0,
  HEAD = 1,
  INNER = 2,
  HEAD2 = 3;
/** In the entry behind a head: the number of blocks of its physical cluster. */
const COUNT_FLAG = 1 << 11;
const ADVISE_COMPACT_2B = 0x1,
  ADVISE_BIG_CLUSTERS = 0x2;
const ADVISE_INLINE = 0x8,
  ADVISE_INTERLACED = 0x10;
const HEADER_SIZE = 8,
  FULL_RESERVED = 8,
  FULL_ENTRY = 8;
/** Of the kernel. */
const CLUSTER_BYTES_MAX = 1 << 20;
const EXTENT_BYTES_MAX = 1 << 26;

/**
 * An extent as it was written: where, and of how many blocks; `blocks` 0: as it is, one block for each logical cluster.
 */
export interface PackedExtent {
  readonly block: number;
  readonly clusters: number;
  readonly blocks: number;
}

/** Bytes of the index behind an inode that ends at `end`, with what is left free before it. */
export function fullIndexSize(end: number, clusters: number): number {
  return ((8 - (end % 8)) % 8) + HEADER_SIZE + FULL_RESERVED + clusters * FULL_ENTRY;
}

/** The index in its full form. */
export function fullIndex(end: number, clusters: number, extents: readonly PackedExtent[]): Uint8Array {
  const start = (8 - (end % 8)) % 8,
    bytes = new Uint8Array(fullIndexSize(end, clusters)),
    view = viewOf(bytes);
  view.setUint16(start + 4, ADVISE_BIG_CLUSTERS, true);
  let at = start + HEADER_SIZE + FULL_RESERVED;
  for (const { block, clusters: count, blocks } of extents) {
    for (let index = 0; index < count; index++, at += FULL_ENTRY) {
      if (blocks === 0 || index === 0) {
        view.setUint16(at, blocks === 0 ? PLAIN : HEAD, true);
        view.setUint32(at + 4, blocks === 0 ? block + index : block, true);
        continue;
      }
      view.setUint16(at, INNER, true);
      // The clusterofs of an inner cluster says nothing.
      view.setUint16(at + 4, index === 1 ? COUNT_FLAG | blocks : index, true);
      view.setUint16(at + 6, count - index, true);
    }
  }
  return bytes;
}

interface Cluster {
  kind: number;
  offset: number;
  block: number /** blocks of the head before it, when it says so */;
  count: number;
}

interface PackedFile {
  readonly path: string;
  readonly size: number;
  /** where inode and attributes end */
  readonly end: number;
  readonly isCompact: boolean;
}

/**
 * Pieces of a packed file, which are unpacked when they are read. @throws FormatError for what is damaged, or packed by
 * something else than LZ4
 */
export function packedPieces(
  disk: Disk,
  blockSize: number,
  { path, size, end, isCompact }: PackedFile,
): ContentPiece[] {
  const damaged = (): FormatError => new FormatError(`${path}: its index is damaged`);
  const headerAt = Math.ceil(end / 8) * 8,
    header = viewOf(readBytes(disk, headerAt, HEADER_SIZE)),
    advise = header.getUint16(4, true),
    algorithms = header.getUint8(6);
  const bits = Math.log2(blockSize) + (header.getUint8(7) & 7),
    clusterSize = 2 ** bits,
    count = Math.ceil(size / clusterSize);
  if (
    (header.getUint8(7) & 0x80) !== 0 ||
    (advise & ~(ADVISE_COMPACT_2B | ADVISE_BIG_CLUSTERS | 0x4 | ADVISE_INLINE | ADVISE_INTERLACED)) !== 0
  )
    throw new FormatError(`${path}: is kept in a way that is not read (fragments)`);
  if (bits > 14 || count > disk.size) throw damaged();
  const index = isCompact
    ? compactIndex(disk, headerAt + HEADER_SIZE, count, {
        bits,
        hasPacksOf16: (advise & ADVISE_COMPACT_2B) !== 0,
        isBig: (advise & ADVISE_BIG_CLUSTERS) !== 0,
        damaged,
      })
    : fullClusters(disk, headerAt + HEADER_SIZE + FULL_RESERVED, count);
  const { clusters, behind } = index,
    pieces: ContentPiece[] = [];
  const starts: { at: number; cluster: Cluster; number: number }[] = [];
  clusters.forEach((cluster, number) => {
    if (cluster.kind === INNER) return;
    if (cluster.offset >= clusterSize) throw damaged();
    // Some writers end the index with a head at the file's end, to which nothing belongs.
    const at = number * clusterSize + cluster.offset;
    if (at < size) starts.push({ at, cluster, number });
  });
  if (count > 0 && starts[0]?.at !== 0) throw damaged();
  starts.forEach(({ at, cluster, number }, which) => {
    const next = starts[which + 1]?.at ?? size,
      length = Math.min(next, size) - at;
    if (length <= 0 || length > EXTENT_BYTES_MAX) throw damaged();
    const isInline = (advise & ADVISE_INLINE) !== 0 && which === starts.length - 1,
      follower = clusters[number + 1];
    const blocks = follower?.kind === INNER && follower.count > 0 ? follower.count : 1,
      stored = isInline ? header.getUint16(2, true) : blocks * blockSize;
    if (stored > CLUSTER_BYTES_MAX) throw damaged();
    const place = isInline ? behind : cluster.block * blockSize;
    if (place + stored > disk.size) throw new FormatError(`${path}: its content lies beyond the end of the image`);
    if (cluster.kind === PLAIN) {
      if (length > stored) throw damaged();
      const shift = (advise & ADVISE_INTERLACED) !== 0 && !isInline ? at % blockSize : 0,
        first = Math.min(length, stored - shift);
      // Interlaced, a cluster keeps its bytes' places within the page, and goes on at its beginning.
      pieces.push({ offset: at, size: first, read: (from, into) => disk.read(place + shift + from, into) });
      if (length > first)
        pieces.push({ offset: at + first, size: length - first, read: (from, into) => disk.read(place + from, into) });
      return;
    }
    const algorithm = cluster.kind === HEAD2 ? algorithms >> 4 : algorithms & 15;
    if (algorithm !== 0)
      throw new FormatError(
        `${path}: is packed by ${["LZ4", "LZMA", "DEFLATE", "Zstandard"][algorithm] ?? "something unknown"}, ` +
          "which is not read",
      );
    pieces.push(new PackedPiece(disk, { path, offset: at, size: length, place, stored }));
  });
  return pieces;
}

interface PackedPlace {
  readonly path: string;
  readonly offset: number;
  readonly size: number;
  readonly place: number;
  readonly stored: number;
}

/** An extent, kept unpacked while it is read piece by piece. */
class PackedPiece implements ContentPiece {
  readonly offset: number;
  readonly size: number;
  readonly #disk: Disk;
  readonly #place: PackedPlace;
  static #last: { piece: PackedPiece; bytes: Uint8Array } | undefined;

  constructor(disk: Disk, place: PackedPlace) {
    this.offset = place.offset;
    this.size = place.size;
    this.#disk = disk;
    this.#place = place;
  }

  read(at: number, into: Uint8Array): void {
    if (PackedPiece.#last?.piece !== this) PackedPiece.#last = { piece: this, bytes: this.#unpack() };
    into.set(PackedPiece.#last.bytes.subarray(at, at + into.length));
  }

  #unpack(): Uint8Array {
    const { path, size, place, stored } = this.#place,
      packed = readBytes(this.#disk, place, stored),
      bytes = new Uint8Array(size);
    let start = 0;
    // A block of LZ4 begins with literals, and so with no zero.
    while (start < packed.length && packed[start] === 0) start++;
    if (!decompressLz4(packed, start, packed.length - start, bytes, 0, size))
      throw new FormatError(`${path}: its content is damaged`);
    return bytes;
  }
}

interface Index {
  readonly clusters: readonly Cluster[] /** where the index ends */;
  readonly behind: number;
}

function fullClusters(disk: Disk, at: number, count: number): Index {
  if (at + count * FULL_ENTRY > disk.size) throw new FormatError("an index lies beyond the end of the image");
  const view = viewOf(readBytes(disk, at, count * FULL_ENTRY));
  const clusters = Array.from({ length: count }, (_, index): Cluster => {
    const entry = index * FULL_ENTRY,
      kind = view.getUint16(entry, true) & 3,
      distance = view.getUint16(entry + 4, true);
    if (kind === INNER)
      return { kind, offset: 0, block: 0, count: (distance & COUNT_FLAG) !== 0 ? distance & ~COUNT_FLAG : 0 };
    return { kind, offset: view.getUint16(entry + 2, true), block: view.getUint32(entry + 4, true), count: 0 };
  });
  return { clusters, behind: at + count * FULL_ENTRY };
}

interface CompactForm {
  readonly bits: number;
  readonly hasPacksOf16: boolean;
  readonly isBig: boolean;
  damaged(): FormatError;
}

/** Packs of two up to a border of 32 bytes, then packs of sixteen as far as they are whole, then packs of two again. */
function compactIndex(disk: Disk, at: number, count: number, form: CompactForm): Index {
  const first = Math.min(count, ((32 - (at % 32)) / 4) & 7),
    dense = form.hasPacksOf16 && form.bits <= 12 && first < count ? Math.floor((count - first) / 16) * 16 : 0;
  const clusters: Cluster[] = [];
  let place = at;
  const take = (entries: number, packed: number): void => {
    const width = packed === 16 ? 2 : 4;
    for (let done = 0; done < entries; done += packed, place += packed * width)
      clusters.push(...unpack(readBytes(disk, place, packed * width), packed, form).slice(0, entries - done));
  };
  take(first, 2);
  take(dense, 16);
  take(count - first - dense, 2);
  return { clusters, behind: place };
}

function unpack(pack: Uint8Array, count: number, { bits, isBig, damaged }: CompactForm): Cluster[] {
  const low = Math.max(bits, 12),
    each = ((pack.length - 4) * 8) / count,
    base = viewOf(pack).getUint32(pack.length - 4, true),
    entries: { kind: number; value: number }[] = [];
  for (let index = 0; index < count; index++) {
    const bit = each * index,
      byte = bit >> 3;
    let word = 0;
    for (let part = 3; part >= 0; part--) word = word * 256 + (pack[byte + part] ?? 0);
    const value = Math.floor(word / 2 ** (bit & 7));
    entries.push({ kind: Math.floor(value / 2 ** low) & 3, value: value % 2 ** low });
  }
  return entries.map(({ kind, value }, index): Cluster => {
    // The last of a pack says how far the next head is, and never a count.
    if (kind === INNER)
      return { kind, offset: 0, block: 0, count: isBig && (value & COUNT_FLAG) !== 0 ? value & ~COUNT_FLAG : 0 };
    let blocks = isBig ? 0 : 1;
    for (let before = index; before > 0;) {
      const { kind: own, value: distance } = entries[--before]!;
      if (!isBig) {
        if (own === INNER) before -= distance;
        if (before >= 0) blocks++;
      } else if (own !== INNER) blocks++;
      else if ((distance & COUNT_FLAG) !== 0) {
        before--;
        blocks += distance & ~COUNT_FLAG;
      } else if (distance <= 1) throw damaged();
      else before -= distance - 2;
    }
    return { kind, offset: value, block: base + blocks, count: 0 };
  });
}

/** Largest extents that are written; what they become takes at most one block less. */
export const EXTENT_BYTES = 16 * BLOCK_SIZE;
