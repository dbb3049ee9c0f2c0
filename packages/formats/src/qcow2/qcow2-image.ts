/**
 * A QCOW2 image as a disk: two levels of tables lead from the disk's clusters to those of the file, which may be
 * packed, marked as zero, or missing, when an image below has them. Source: QEMU docs/interop/qcow2.rst, "Cluster
 * mapping".
 *
 * Data goes to new clusters before a table names it, and tables and counts are kept until {@link Qcow2Image.flush}: a
 * writer that is interrupted leaves the disk as it was at the last flush, with clusters that nothing uses.
 */
import { checkRange, isZero, readBytes, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import type { Codecs } from "../codecs.ts";
import { FormatError } from "../format-error.ts";
import { encodeHeader, INCOMPATIBLE, parseHeader, type Qcow2Compression, type Qcow2Header } from "./qcow2-header.ts";
import { Qcow2Refcounts } from "./qcow2-refcounts.ts";

const COPIED = 0x80000000;
const COMPRESSED = 0x40000000;
const ZERO = 1;
/** Tables that are kept at once; each maps 512 MiB with clusters of 64 KiB. */
const TABLES_MAX = 256;
/** `deflate` streams of QEMU refer back at most 4 KiB. */
const WINDOW_BITS = 12;

export interface Qcow2CreateOptions {
  readonly virtualSize: number;
  /** a power of two, 512 … 2 MiB; 64 KiB by default */
  readonly clusterSize?: number;
  /** how packed clusters will be packed */
  readonly compression?: Qcow2Compression;
  readonly backing?: { readonly name: string; readonly format: string; readonly disk: Disk };
}

type Cluster =
  | { kind: "none" }
  | { kind: "zero"; offset: number }
  | { kind: "data"; offset: number; isOwn: boolean }
  | { kind: "packed"; offset: number; size: number };

export class Qcow2Image implements Disk {
  readonly #file: Disk;
  readonly #codecs: Codecs;
  readonly #backing: Disk | undefined;
  #header: Qcow2Header;
  #l1: Uint8Array;
  #refcounts: Qcow2Refcounts | undefined;
  readonly #tables = new Map<number, { bytes: Uint8Array; offset: number; isDirty: boolean }>();
  /** the last cluster that was unpacked */
  #unpacked: { offset: number; bytes: Uint8Array } | undefined;
  /** where the next packed cluster goes, while its host cluster has room */
  #packAt = 0;

  /** Makes an image in an empty file. */
  static create(file: Disk, codecs: Codecs, options: Qcow2CreateOptions): Qcow2Image {
    const clusterSize = options.clusterSize ?? 65536,
      clusterBits = Math.log2(clusterSize);
    if (!Number.isInteger(clusterBits) || clusterBits < 9 || clusterBits > 21)
      throw new FormatError(`${clusterSize}: QCOW2 clusters have a power of two of bytes, from 512 to 2 MiB`);
    const virtualSize = Math.ceil(options.virtualSize / 512) * 512;
    const l1Entries = Math.max(1, Math.ceil(virtualSize / (clusterSize * (clusterSize / 8))));
    const l1Clusters = Math.ceil((l1Entries * 8) / clusterSize);
    // Enough for a file in which each cluster of the disk is used, with all tables.
    const counted = (virtualSize / clusterSize) * (1 + 16 / clusterSize) + l1Clusters + 64;
    const tableClusters = Math.max(1, Math.ceil((Math.ceil(counted / (clusterSize / 2)) * 8) / clusterSize));
    const header: Qcow2Header = {
      version: 3,
      clusterBits,
      virtualSize,
      l1Offset: (1 + tableClusters) * clusterSize,
      l1Entries,
      refcountTableOffset: clusterSize,
      refcountTableClusters: tableClusters,
      refcountOrder: 4,
      snapshotCount: 0,
      incompatible: options.compression === "zstd" ? INCOMPATIBLE.compressionType : 0,
      compression: options.compression ?? "zlib",
      backing:
        options.backing === undefined ? undefined : { name: options.backing.name, format: options.backing.format },
    };
    file.resize((1 + tableClusters + l1Clusters) * clusterSize);
    file.write(0, encodeHeader(header));
    const image = new Qcow2Image(file, codecs, header, options.backing?.disk);
    const counts = image.#counts();
    for (let cluster = 0; cluster < 1 + tableClusters + l1Clusters; cluster++) counts.add(cluster * clusterSize, 1);
    image.flush();
    return image;
  }

  /**
   * @param openBacking  opens the image below, which the header names as its writer saw fit; without it such an image
   *   is refused
   * @throws FormatError
   */
  static open(
    file: Disk,
    codecs: Codecs,
    openBacking?: (backing: { name: string; format: string | undefined }) => Disk,
  ): Qcow2Image {
    const header = parseHeader(file);
    let backing: Disk | undefined;
    if (header.backing !== undefined) {
      if (openBacking === undefined)
        throw new FormatError(`the QCOW2 image is on top of ${header.backing.name}, which is not opened here`);
      backing = openBacking(header.backing);
    }
    return new Qcow2Image(file, codecs, header, backing);
  }

  private constructor(file: Disk, codecs: Codecs, header: Qcow2Header, backing: Disk | undefined) {
    this.#file = file;
    this.#codecs = codecs;
    this.#header = header;
    this.#backing = backing;
    this.#l1 = readBytes(file, header.l1Offset, header.l1Entries * 8);
  }

  get size(): number {
    return this.#header.virtualSize;
  }

  get header(): Qcow2Header {
    return this.#header;
  }

  get clusterSize(): number {
    return 2 ** this.#header.clusterBits;
  }

  read(offset: number, into: Uint8Array): void {
    checkRange(this, offset, into.length);
    const { clusterSize } = this;
    for (let at = 0; at < into.length;) {
      const cluster = Math.floor((offset + at) / clusterSize),
        inside = (offset + at) % clusterSize;
      const count = Math.min(clusterSize - inside, into.length - at);
      this.#readPart(cluster, inside, into.subarray(at, at + count));
      at += count;
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    checkRange(this, offset, bytes.length);
    const { clusterSize } = this;
    for (let at = 0; at < bytes.length;) {
      const cluster = Math.floor((offset + at) / clusterSize),
        inside = (offset + at) % clusterSize;
      const count = Math.min(clusterSize - inside, bytes.length - at);
      this.#writePart(cluster, inside, bytes.subarray(at, at + count));
      at += count;
    }
  }

  /** Writes a whole cluster packed, where that saves something. @param index  of the cluster on the disk */
  writePacked(index: number, bytes: Uint8Array): void {
    const { clusterSize } = this;
    const whole = bytes.length === clusterSize ? bytes : padded(bytes, clusterSize);
    const packed =
      this.#header.compression === "zstd" ? this.#codecs.zstd(whole) : this.#codecs.deflate(whole, WINDOW_BITS);
    if (packed.length >= clusterSize) return this.#writePart(index, 0, bytes);
    this.#release(this.#lookup(index));
    const counts = this.#counts();
    // Packed clusters follow one another, also over the border of two clusters of the file when these are neighbours.
    if (this.#packAt % clusterSize === 0 || (this.#packAt % clusterSize) + packed.length > clusterSize)
      this.#packAt = counts.allocate();
    else counts.add(this.#packAt, 1);
    this.#file.write(this.#packAt, packed);
    const sectors = Math.floor((this.#packAt + packed.length - 1) / 512) - Math.floor(this.#packAt / 512);
    const offsetBits = 62 - (this.#header.clusterBits - 8);
    const high = Math.floor(this.#packAt / 2 ** 32) + sectors * 2 ** (offsetBits - 32) + COMPRESSED;
    this.#setEntry(index, high, this.#packAt % 2 ** 32);
    this.#packAt += packed.length;
  }

  /** Grows or shrinks the disk that the image shows. */
  resize(size: number): void {
    const virtualSize = Math.ceil(size / 512) * 512,
      { clusterSize } = this;
    if (this.#header.snapshotCount > 0) throw new FormatError("a QCOW2 image with snapshots is not resized");
    const perTable = clusterSize * (clusterSize / 8);
    const entries = Math.max(1, Math.ceil(virtualSize / perTable));
    const counts = this.#counts();
    if (virtualSize < this.size) {
      for (
        let cluster = Math.ceil(virtualSize / clusterSize);
        cluster < Math.ceil(this.size / clusterSize);
        cluster++
      ) {
        if (this.#l1Entry(Math.floor(cluster / (clusterSize / 8))) === 0) {
          cluster += clusterSize / 8 - 1 - (cluster % (clusterSize / 8));
          continue;
        }
        const old = this.#lookup(cluster);
        if (old.kind === "none") continue;
        this.#release(old);
        this.#setEntry(cluster, 0, 0);
      }
      // The rest of the last cluster must read as zeros when the disk grows again.
      const rest = virtualSize % clusterSize;
      if (rest !== 0)
        this.#writePart(
          Math.floor(virtualSize / clusterSize),
          rest,
          new Uint8Array(Math.min(clusterSize - rest, this.size - virtualSize)),
        );
    }
    this.flush();
    const old = this.size;
    let header: Qcow2Header = { ...this.#header, virtualSize };
    if (entries > this.#header.l1Entries) {
      const clusters = Math.ceil((entries * 8) / clusterSize);
      const offset = counts.allocateRun(clusters);
      const table = new Uint8Array(clusters * clusterSize);
      table.set(this.#l1);
      this.#file.write(offset, table);
      for (let at = 0; at < this.#header.l1Entries * 8; at += clusterSize) counts.add(this.#header.l1Offset + at, -1);
      counts.flush();
      this.#l1 = table.subarray(0, entries * 8);
      header = { ...header, l1Offset: offset, l1Entries: entries };
    }
    const bytes = readBytes(this.#file, 0, 48);
    const view = viewOf(bytes);
    writeU64(view, 24, virtualSize, false);
    view.setUint32(36, header.l1Entries);
    writeU64(view, 40, header.l1Offset, false);
    this.#file.write(0, bytes);
    this.#header = header;
    // What the image below has there must not come to light.
    const hidden = Math.min(virtualSize, this.#backing?.size ?? 0);
    for (let at = old; at < hidden;) {
      const index = Math.floor(at / clusterSize),
        end = Math.min(hidden, (index + 1) * clusterSize);
      if (at % clusterSize === 0 && this.#lookup(index).kind === "none") this.#setEntry(index, 0, ZERO);
      else this.#writePart(index, at % clusterSize, new Uint8Array(end - at));
      at = end;
    }
    this.flush();
  }

  /** Writes counts, then tables, then the table of tables: at each moment what is named is there. */
  flush(): void {
    if (this.#refcounts === undefined) return;
    this.#packAt = 0;
    this.#refcounts.flush();
    for (const table of this.#tables.values()) this.#flushTable(table);
    this.#file.write(this.#header.l1Offset, this.#l1);
  }

  #readPart(index: number, inside: number, into: Uint8Array): void {
    const cluster = this.#lookup(index);
    switch (cluster.kind) {
      case "data":
        return this.#file.read(cluster.offset + inside, into);
      case "packed":
        into.set(this.#unpack(cluster).subarray(inside, inside + into.length));
        return;
      case "zero":
        into.fill(0);
        return;
      case "none": {
        const start = index * this.clusterSize + inside;
        const below = Math.max(0, Math.min(into.length, (this.#backing?.size ?? 0) - start));
        if (below > 0) this.#backing!.read(start, into.subarray(0, below));
        into.fill(0, below);
      }
    }
  }

  #writePart(index: number, inside: number, bytes: Uint8Array): void {
    const cluster = this.#lookup(index),
      { clusterSize } = this;
    const counts = this.#counts();
    if (cluster.kind === "data" && cluster.isOwn) return this.#file.write(cluster.offset + inside, bytes);
    let whole = bytes;
    if (bytes.length < clusterSize) {
      whole = new Uint8Array(clusterSize);
      this.#readPart(index, 0, whole);
      whole.set(bytes, inside);
    }
    const offset = counts.allocate();
    this.#file.write(offset, whole);
    this.#setEntry(index, COPIED + Math.floor(offset / 2 ** 32), offset % 2 ** 32);
    this.#release(cluster);
  }

  #unpack(cluster: { offset: number; size: number }): Uint8Array {
    if (this.#unpacked?.offset === cluster.offset) return this.#unpacked.bytes;
    // The size is in sectors: a little more than the stream, and at the end of the file more than there is.
    const packed = readBytes(this.#file, cluster.offset, Math.min(cluster.size, this.#file.size - cluster.offset));
    const bytes =
      this.#header.compression === "zstd"
        ? unzstdPrefix(this.#codecs, packed, this.clusterSize)
        : this.#codecs.inflate(packed, this.clusterSize);
    if (bytes?.length !== this.clusterSize) throw new FormatError("a packed cluster of the QCOW2 image is damaged");
    this.#unpacked = { offset: cluster.offset, bytes };
    return bytes;
  }

  #release(cluster: Cluster): void {
    const counts = this.#counts();
    if (cluster.kind === "data" || (cluster.kind === "zero" && cluster.offset !== 0)) counts.add(cluster.offset, -1);
    if (cluster.kind === "packed") {
      if (this.#unpacked?.offset === cluster.offset) this.#unpacked = undefined;
      const first = Math.floor(cluster.offset / this.clusterSize),
        last = Math.floor((cluster.offset + cluster.size - 1) / this.clusterSize);
      for (let host = first; host <= last; host++) counts.add(host * this.clusterSize, -1);
    }
  }

  #lookup(index: number): Cluster {
    const perTable = this.clusterSize / 8;
    const table = this.#table(Math.floor(index / perTable), false);
    if (table === undefined) return { kind: "none" };
    const view = viewOf(table.bytes),
      at = (index % perTable) * 8;
    const high = view.getUint32(at),
      low = view.getUint32(at + 4);
    if (high === 0 && low === 0) return { kind: "none" };
    if ((high & COMPRESSED) !== 0) {
      const offsetBits = 62 - (this.#header.clusterBits - 8);
      const fields = high & 0x3fffffff;
      const offset = (fields % 2 ** (offsetBits - 32)) * 2 ** 32 + low;
      const sectors = Math.floor(fields / 2 ** (offsetBits - 32)) + 1;
      if (offset >= this.#file.size) throw new FormatError("a table of the QCOW2 image is damaged");
      return { kind: "packed", offset, size: sectors * 512 - (offset % 512) };
    }
    const offset = (high & 0x00ffffff) * 2 ** 32 + (low - (low % 512));
    if (offset % this.clusterSize !== 0 || offset >= this.#file.size)
      throw new FormatError("a table of the QCOW2 image is damaged");
    if (this.#header.version === 3 && (low & ZERO) !== 0) return { kind: "zero", offset };
    if (offset === 0) return { kind: "none" };
    return { kind: "data", offset, isOwn: high >= COPIED };
  }

  #setEntry(index: number, high: number, low: number): void {
    const perTable = this.clusterSize / 8;
    const table = this.#table(Math.floor(index / perTable), true)!;
    const view = viewOf(table.bytes);
    view.setUint32((index % perTable) * 8, high);
    view.setUint32((index % perTable) * 8 + 4, low);
    table.isDirty = true;
  }

  #l1Entry(index: number): number {
    const view = viewOf(this.#l1);
    const low = view.getUint32(index * 8 + 4);
    return (view.getUint32(index * 8) & 0x00ffffff) * 2 ** 32 + (low - (low % 512));
  }

  #table(index: number, forWriting: boolean): { bytes: Uint8Array; offset: number; isDirty: boolean } | undefined {
    let table = this.#tables.get(index);
    if (table === undefined) {
      if (index * 8 >= this.#l1.length) throw new FormatError("a table of the QCOW2 image is too short");
      const offset = this.#l1Entry(index);
      if (offset === 0 && !forWriting) return undefined;
      if (this.#tables.size >= TABLES_MAX) this.#forgetTables();
      table =
        offset === 0
          ? { bytes: new Uint8Array(this.clusterSize), offset: this.#nameTable(index), isDirty: true }
          : { bytes: readBytes(this.#file, offset, this.clusterSize), offset, isDirty: false };
      this.#tables.set(index, table);
    }
    // A table that a snapshot shares is copied before it changes.
    if (forWriting && viewOf(this.#l1).getUint32(index * 8) < COPIED) {
      this.#counts().add(table.offset, -1);
      table.offset = this.#nameTable(index);
      table.isDirty = true;
    }
    return table;
  }

  #nameTable(index: number): number {
    const offset = this.#counts().allocate();
    const view = viewOf(this.#l1);
    writeU64(view, index * 8, offset, false);
    view.setUint32(index * 8, view.getUint32(index * 8) + COPIED);
    return offset;
  }

  #forgetTables(): void {
    this.flush();
    this.#tables.clear();
  }

  #flushTable(table: { bytes: Uint8Array; offset: number; isDirty: boolean }): void {
    if (table.isDirty) this.#file.write(table.offset, table.bytes);
    table.isDirty = false;
  }

  /** @throws FormatError when the image cannot be written to */
  #counts(): Qcow2Refcounts {
    if (this.#refcounts !== undefined) return this.#refcounts;
    const { incompatible, refcountOrder, refcountTableOffset, refcountTableClusters, snapshotCount } = this.#header;
    if ((incompatible & (INCOMPATIBLE.dirty | INCOMPATIBLE.corrupt)) !== 0)
      throw new FormatError("the QCOW2 image is marked as damaged or in use; `qemu-img check -r all` repairs it");
    if (refcountOrder !== 4)
      throw new FormatError(`a QCOW2 image with reference counts of ${2 ** refcountOrder} bits is only read`);
    if (snapshotCount > 0) throw new FormatError("a QCOW2 image with snapshots is only read");
    return (this.#refcounts = new Qcow2Refcounts(
      this.#file,
      this.clusterSize,
      { offset: refcountTableOffset, clusters: refcountTableClusters },
      Math.ceil(this.#file.size / this.clusterSize),
    ));
  }
}

/** Copies all that is not zero. @param pack  clusters are packed */
export function copyToQcow2(
  source: Disk,
  target: Qcow2Image,
  options: { readonly pack: boolean; readonly onProgress?: (done: number) => void },
): void {
  const { clusterSize } = target;
  const buffer = new Uint8Array(Math.max(clusterSize, 1 << 20));
  for (let offset = 0; offset < source.size; offset += buffer.length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, source.size - offset));
    source.read(offset, piece);
    for (let at = 0; at < piece.length; at += clusterSize) {
      const cluster = piece.subarray(at, at + clusterSize);
      if (isZero(cluster)) continue;
      if (options.pack) target.writePacked((offset + at) / clusterSize, cluster);
      else target.write(offset + at, cluster);
    }
    options.onProgress?.(offset + piece.length);
  }
  target.flush();
}

function padded(bytes: Uint8Array, size: number): Uint8Array {
  const whole = new Uint8Array(size);
  whole.set(bytes);
  return whole;
}

/**
 * The frame is shorter than its sectors: what follows is cut off until the rest is a frame, which its block headers
 * tell.
 */
function unzstdPrefix(codecs: Codecs, packed: Uint8Array, sizeMax: number): Uint8Array | undefined {
  const length = zstdFrameLength(packed);
  return length === undefined ? undefined : codecs.unzstd(packed.subarray(0, length), sizeMax);
}

/** Length of the first frame (RFC 8878 §3.1.1): header, blocks each with their size, checksum. */
export function zstdFrameLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < 6 || bytes[0] !== 0x28 || bytes[1] !== 0xb5 || bytes[2] !== 0x2f || bytes[3] !== 0xfd)
    return undefined;
  const descriptor = bytes[4]!;
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeField = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  let at = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]! + sizeField;
  for (;;) {
    if (at + 3 > bytes.length) return undefined;
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    // A run-length block holds one byte, whatever it stands for.
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
    if ((header & 1) !== 0) break;
  }
  at += (descriptor & 4) !== 0 ? 4 : 0;
  return at <= bytes.length ? at : undefined;
}
