/**
 * A FAT file system on a disk: made, read and changed. The allocation table is kept in memory and written by {@link
 * FatVolume.flush}; folders are read and written whole. Paths have `/` between names; names are Unicode and found
 * whatever their case.
 */
import { byteStringOf } from "@stratos/base";
import { readBytes, viewOf, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import type { SectorSize } from "../gpt/gpt.ts";
import { FAT_SECTOR, parseBootSector, planBootSector, type FatGeometry, type FatNames } from "./fat-geometry.ts";
import {
  ATTRIBUTE_ARCHIVE,
  ATTRIBUTE_DIRECTORY,
  ATTRIBUTE_LONG,
  ATTRIBUTE_VOLUME,
  checkName,
  ENTRY_BYTES,
  foldName,
  longEntries,
  longUnits,
  nameOfShort,
  shortChecksum,
  shortName,
} from "./fat-names.ts";
import { fatTime, secondsOfFatTime } from "./fat-time.ts";

export interface FatEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  /** bytes; 0 for a folder */
  readonly size: number;
  /** seconds since 1970 */
  readonly mtime: number;
}

/** An entry and where it stands in its folder. */
interface PlacedEntry extends FatEntry {
  readonly cluster: number;
  readonly short: string;
  /** entries `first … last` of the folder belong to it */
  readonly first: number;
  readonly last: number;
}

/** A folder: its first cluster, 0 for the fixed root of FAT12 and FAT16. */
type FolderCluster = number;

const FREE = 0;
const DELETED = 0xe5;
/** Folders of other tools are bounded so (§6.2: 65536 entries). */
const FOLDER_BYTES_MAX = 65536 * ENTRY_BYTES;

export class FatVolume {
  readonly #disk: Disk;
  readonly #geometry: FatGeometry;
  /** Next cluster of each cluster, widened to 32 bits: {@link END} at the end of a chain. */
  readonly #next: Uint32Array;
  #isDirty = false;
  #searchFrom = 2;

  /** Makes a file system over all of `disk`, whose bytes it takes to be zero. @param sectorSize  of the disk */
  static format(disk: Disk, names: FatNames, sectorSize: SectorSize = FAT_SECTOR): FatVolume {
    const boot = planBootSector(disk.size, names, sectorSize);
    const geometry = parseBootSector(boot, disk.size);
    disk.write(0, boot);
    if (geometry.bits === 32) disk.write(6 * sectorSize, boot);
    const volume = new FatVolume(disk, geometry, new Uint32Array(geometry.clusterCount + 2));
    volume.#next[0] = 0x0ffffff8;
    volume.#next[1] = END;
    if (geometry.bits === 32) volume.#next[2] = END;
    const root = new Uint8Array(geometry.bits === 32 ? geometry.clusterSize : geometry.rootSize);
    if (names.label !== "") {
      root.set(byteStringOf(names.label.padEnd(11).slice(0, 11)));
      root[11] = ATTRIBUTE_VOLUME;
      viewOf(root).setUint16(24, 0x0021, true);
    }
    volume.#writeFolder(geometry.rootCluster, root);
    volume.#isDirty = true;
    volume.flush();
    return volume;
  }

  /** @throws FormatError when there is none on the disk */
  static open(disk: Disk): FatVolume {
    if (disk.size < FAT_SECTOR) throw new FormatError("not a FAT file system");
    const geometry = parseBootSector(readBytes(disk, 0, FAT_SECTOR), disk.size);
    return new FatVolume(disk, geometry, decodeFat(readBytes(disk, geometry.fatStart, geometry.fatSize), geometry));
  }

  private constructor(disk: Disk, geometry: FatGeometry, next: Uint32Array) {
    this.#disk = disk;
    this.#geometry = geometry;
    this.#next = next;
  }

  get bits(): 12 | 16 | 32 {
    return this.#geometry.bits;
  }

  get freeBytes(): number {
    let free = 0;
    for (let cluster = 2; cluster < this.#next.length; cluster++) if (this.#next[cluster] === FREE) free++;
    return free * this.#geometry.clusterSize;
  }

  /** What the folder holds, in its own order. @throws FormatError when it is not there */
  list(path: string): FatEntry[] {
    return this.#entries(this.#folderAt(namesOf(path))).map(({ name, isDirectory, size, mtime }) => ({
      name,
      isDirectory,
      size,
      mtime,
    }));
  }

  /** @returns the entry, or undefined when it is not there */
  find(path: string): FatEntry | undefined {
    const names = namesOf(path);
    if (names.length === 0) return { name: "", isDirectory: true, size: 0, mtime: 0 };
    return this.#lookup(names);
  }

  read(path: string): Uint8Array {
    const entry = this.#lookup(namesOf(path));
    if (entry === undefined) throw new FormatError(`${path}: no such file`);
    if (entry.isDirectory) throw new FormatError(`${path}: is a folder`);
    return this.#readChain(entry.cluster, entry.size);
  }

  /** Makes the file, or replaces it. @throws FormatError when its folder is missing or the file system is full */
  write(path: string, content: Uint8Array, mtime: number): void {
    const names = namesOf(path);
    const old = this.#lookup(names);
    if (old?.isDirectory === true) throw new FormatError(`${path}: is a folder`);
    if (content.length > 0xffffffff) throw new FormatError(`${path}: FAT files have less than 4 GiB`);
    // New clusters come before the old ones go, so that a full disk leaves the old file.
    const cluster = this.#writeChain(content);
    if (old !== undefined) this.#remove(names, old);
    this.#add(names, { cluster, size: content.length, attributes: ATTRIBUTE_ARCHIVE, mtime });
  }

  /** Makes the folder, and those above it that are missing. */
  makeDirectory(path: string, mtime: number): void {
    const names = namesOf(path);
    for (let depth = 1; depth <= names.length; depth++) {
      const part = names.slice(0, depth);
      const old = this.#lookup(part);
      if (old !== undefined) {
        if (!old.isDirectory) throw new FormatError(`${part.join("/")}: is not a folder`);
        continue;
      }
      const parent = this.#folderAt(part.slice(0, -1));
      const content = new Uint8Array(this.#geometry.clusterSize);
      const cluster = this.#writeChain(content);
      content.set(entryBytes(".          ", { cluster, size: 0, attributes: ATTRIBUTE_DIRECTORY, mtime }));
      // The root is written as cluster 0 here, whatever it is (§6.5).
      const above = part.length === 1 ? 0 : parent;
      content.set(
        entryBytes("..         ", { cluster: above, size: 0, attributes: ATTRIBUTE_DIRECTORY, mtime }),
        ENTRY_BYTES,
      );
      this.#writeFolder(cluster, content);
      this.#add(part, { cluster, size: 0, attributes: ATTRIBUTE_DIRECTORY, mtime });
    }
  }

  /** Removes a file, or a folder that is empty. */
  remove(path: string): void {
    const names = namesOf(path);
    const entry = this.#lookup(names);
    if (entry === undefined) throw new FormatError(`${path}: no such file`);
    if (entry.isDirectory && this.#entries(entry.cluster).length > 0)
      throw new FormatError(`${path}: the folder is not empty`);
    this.#remove(names, entry);
  }

  /**
   * Writes the allocation tables; until then the disk has the file system as it was, with new data in its free space.
   */
  flush(): void {
    if (!this.#isDirty) return;
    const table = encodeFat(this.#next, this.#geometry);
    for (let copy = 0; copy < this.#geometry.fatCopies; copy++)
      this.#disk.write(this.#geometry.fatStart + copy * this.#geometry.fatSize, table);
    const { infoSector, sectorSize } = this.#geometry;
    if (infoSector !== 0 && infoSector !== 0xffff) {
      const info = new Uint8Array(sectorSize);
      const view = viewOf(info);
      view.setUint32(0, 0x41615252, true);
      view.setUint32(484, 0x61417272, true);
      view.setUint32(488, this.freeBytes / this.#geometry.clusterSize, true);
      view.setUint32(492, this.#searchFrom, true);
      view.setUint32(508, 0xaa550000, true);
      this.#disk.write(infoSector * sectorSize, info);
      this.#disk.write((infoSector + 6) * sectorSize, info);
    }
    this.#isDirty = false;
  }

  #lookup(names: readonly string[]): PlacedEntry | undefined {
    if (names.length === 0) throw new FormatError("the root folder is no file");
    const wanted = foldName(names.at(-1)!);
    return this.#entries(this.#folderAt(names.slice(0, -1))).find((entry) => foldName(entry.name) === wanted);
  }

  #folderAt(names: readonly string[]): FolderCluster {
    let cluster = this.#geometry.rootCluster;
    names.forEach((name, depth) => {
      const entry = this.#entries(cluster).find((candidate) => foldName(candidate.name) === foldName(name));
      if (entry === undefined || !entry.isDirectory)
        throw new FormatError(`${names.slice(0, depth + 1).join("/")}: no such folder`);
      cluster = entry.cluster;
    });
    return cluster;
  }

  #entries(folder: FolderCluster): PlacedEntry[] {
    const bytes = this.#readFolder(folder);
    const view = viewOf(bytes);
    const found: PlacedEntry[] = [];
    let long = "",
      sum = -1,
      first = -1;
    for (let index = 0; index * ENTRY_BYTES < bytes.length; index++) {
      const at = index * ENTRY_BYTES;
      const entry = bytes.subarray(at, at + ENTRY_BYTES);
      if (entry[0] === 0) break;
      const attributes = entry[11]! & 0x3f;
      if (entry[0] !== DELETED && attributes === ATTRIBUTE_LONG) {
        if ((entry[0]! & 0x40) !== 0) {
          long = "";
          sum = entry[13]!;
          first = index;
        }
        if (entry[13] === sum) long = longUnits(entry) + long;
        continue;
      }
      const isDot = entry[0] === 0x2e;
      if (entry[0] !== DELETED && !isDot && (attributes & ATTRIBUTE_VOLUME) === 0) {
        const isLong = long !== "" && sum === shortChecksum(entry);
        found.push({
          name: isLong ? long : nameOfShort(entry),
          isDirectory: (attributes & ATTRIBUTE_DIRECTORY) !== 0,
          size: view.getUint32(at + 28, true),
          mtime: secondsOfFatTime(view.getUint16(at + 24, true), view.getUint16(at + 22, true)),
          cluster: view.getUint16(at + 26, true) | (this.bits === 32 ? view.getUint16(at + 20, true) << 16 : 0),
          short: String.fromCharCode(...entry.subarray(0, 11)),
          first: isLong ? first : index,
          last: index,
        });
      }
      long = "";
      first = -1;
    }
    return found;
  }

  #add(names: readonly string[], fields: NewEntry): void {
    const name = names.at(-1)!;
    checkName(name);
    const folder = this.#folderAt(names.slice(0, -1));
    const taken = new Set(this.#entries(folder).map((entry) => entry.short));
    const { short, isWhole, flags } = shortName(name, (candidate) => taken.has(candidate));
    const entry = entryBytes(short, fields);
    entry[12] = flags;
    const entries = isWhole ? [entry] : [...longEntries(name, shortChecksum(entry)), entry];
    let bytes = this.#readFolder(folder);
    let start = roomFor(bytes, entries.length);
    if (start === -1) {
      if (folder === 0) throw new FormatError("the root folder is full");
      const used = bytes.length;
      const grown = new Uint8Array(
        used + Math.ceil((entries.length * ENTRY_BYTES) / this.#geometry.clusterSize) * this.#geometry.clusterSize,
      );
      if (grown.length > FOLDER_BYTES_MAX) throw new FormatError(`${names.slice(0, -1).join("/")}: the folder is full`);
      grown.set(bytes);
      bytes = grown;
      start = roomFor(bytes, entries.length);
    }
    entries.forEach((one, index) => bytes.set(one, (start + index) * ENTRY_BYTES));
    this.#writeFolder(folder, bytes);
  }

  #remove(names: readonly string[], entry: PlacedEntry): void {
    const folder = this.#folderAt(names.slice(0, -1));
    const bytes = this.#readFolder(folder);
    for (let index = entry.first; index <= entry.last; index++) bytes[index * ENTRY_BYTES] = DELETED;
    this.#writeFolder(folder, bytes);
    for (const cluster of this.#chain(entry.cluster)) this.#next[cluster] = FREE;
    this.#isDirty = true;
  }

  #readFolder(folder: FolderCluster): Uint8Array {
    const { rootStart, rootSize } = this.#geometry;
    if (folder === 0)
      return this.bits === 32
        ? this.#readFolder(this.#geometry.rootCluster)
        : readBytes(this.#disk, rootStart, rootSize);
    const chain = this.#chain(folder);
    if (chain.length * this.#geometry.clusterSize > FOLDER_BYTES_MAX + this.#geometry.clusterSize)
      throw new FormatError("a folder is longer than FAT allows");
    return this.#readChain(folder, chain.length * this.#geometry.clusterSize);
  }

  #writeFolder(folder: FolderCluster, bytes: Uint8Array): void {
    if (folder === 0) return this.#disk.write(this.#geometry.rootStart, bytes);
    const chain = this.#chain(folder);
    const { clusterSize } = this.#geometry;
    while (chain.length * clusterSize < bytes.length) {
      const [added] = this.#allocate(1);
      this.#next[chain.at(-1)!] = added!;
      chain.push(added!);
    }
    chain.forEach((cluster, index) =>
      this.#disk.write(this.#offsetOf(cluster), bytes.subarray(index * clusterSize, (index + 1) * clusterSize)),
    );
  }

  /** @throws FormatError when the chain leaves the table or turns in a circle */
  #chain(first: number): number[] {
    const chain: number[] = [];
    for (let cluster = first; cluster >= 2 && cluster < END_MIN; cluster = this.#next[cluster]!) {
      if (cluster >= this.#next.length || chain.length > this.#next.length)
        throw new FormatError("the file allocation table is damaged");
      chain.push(cluster);
    }
    return chain;
  }

  #readChain(first: number, size: number): Uint8Array {
    const { clusterSize } = this.#geometry;
    const chain = this.#chain(first);
    if (chain.length * clusterSize < size) throw new FormatError("a file is shorter than its folder says");
    const bytes = new Uint8Array(size);
    for (let index = 0; index * clusterSize < size;) {
      // Neighbours are read at once.
      let count = 1;
      while (chain[index + count] === chain[index]! + count && (index + count) * clusterSize < size) count++;
      this.#disk.read(
        this.#offsetOf(chain[index]!),
        bytes.subarray(index * clusterSize, Math.min(size, (index + count) * clusterSize)),
      );
      index += count;
    }
    return bytes;
  }

  /** @returns the first cluster; 0 for no content */
  #writeChain(content: Uint8Array): number {
    const { clusterSize } = this.#geometry;
    const chain = this.#allocate(Math.ceil(content.length / clusterSize));
    for (let index = 0; index < chain.length;) {
      let count = 1;
      while (chain[index + count] === chain[index]! + count) count++;
      this.#disk.write(
        this.#offsetOf(chain[index]!),
        content.subarray(index * clusterSize, (index + count) * clusterSize),
      );
      index += count;
    }
    const tail = content.length % clusterSize;
    if (tail !== 0) this.#disk.write(this.#offsetOf(chain.at(-1)!) + tail, new Uint8Array(clusterSize - tail));
    return chain[0] ?? 0;
  }

  #allocate(count: number): number[] {
    const chain: number[] = [];
    const total = this.#next.length;
    for (let step = 0; step < total && chain.length < count; step++) {
      const cluster = this.#searchFrom + step < total ? this.#searchFrom + step : this.#searchFrom + step - total + 2;
      if (cluster < total && this.#next[cluster] === FREE) chain.push(cluster);
    }
    if (chain.length < count) throw new FormatError("the FAT file system is full");
    chain.forEach((cluster, index) => (this.#next[cluster] = chain[index + 1] ?? END));
    if (count > 0) this.#searchFrom = Math.min(chain.at(-1)! + 1, total - 1);
    this.#isDirty = true;
    return chain;
  }

  #offsetOf(cluster: number): number {
    return this.#geometry.dataStart + (cluster - 2) * this.#geometry.clusterSize;
  }
}

const END = 0x0fffffff;
/** From here on a value ends its chain; bad clusters lie just below, so that a chain which meets one is damaged. */
const END_MIN = 0x0ffffff8;

interface NewEntry {
  readonly cluster: number;
  readonly size: number;
  readonly attributes: number;
  readonly mtime: number;
}

function entryBytes(short: string, fields: NewEntry): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES);
  const view = viewOf(bytes);
  bytes.set(byteStringOf(short));
  bytes[11] = fields.attributes;
  const { date, time } = fatTime(fields.mtime);
  view.setUint16(14, time, true);
  view.setUint16(16, date, true);
  view.setUint16(18, date, true);
  view.setUint16(20, fields.cluster >>> 16, true);
  view.setUint16(22, time, true);
  view.setUint16(24, date, true);
  view.setUint16(26, fields.cluster & 0xffff, true);
  view.setUint32(28, fields.size, true);
  return bytes;
}

/** First of `count` free entries in a row, or -1. */
function roomFor(bytes: Uint8Array, count: number): number {
  let run = 0;
  for (let index = 0; index * ENTRY_BYTES < bytes.length; index++) {
    const head = bytes[index * ENTRY_BYTES];
    run = head === 0 || head === DELETED ? run + 1 : 0;
    if (run === count) return index - count + 1;
  }
  return -1;
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function decodeFat(table: Uint8Array, { bits, clusterCount }: FatGeometry): Uint32Array {
  const next = new Uint32Array(clusterCount + 2);
  const view = viewOf(table);
  for (let cluster = 0; cluster < next.length; cluster++) {
    if (bits === 32) next[cluster] = view.getUint32(cluster * 4, true) & 0x0fffffff;
    else {
      const value =
        bits === 16
          ? view.getUint16(cluster * 2, true)
          : (view.getUint16(Math.floor(cluster * 1.5), true) >> (cluster % 2 === 1 ? 4 : 0)) & 0xfff;
      const reserved = bits === 16 ? 0xfff0 : 0xff0;
      next[cluster] = value >= reserved ? 0x0ffffff0 | (value & 15) : value;
    }
  }
  return next;
}

function encodeFat(next: Uint32Array, { bits, fatSize }: FatGeometry): Uint8Array {
  const table = new Uint8Array(fatSize);
  const view = viewOf(table);
  for (let cluster = 0; cluster < next.length; cluster++) {
    const value = next[cluster]!;
    if (bits === 32) view.setUint32(cluster * 4, value, true);
    else if (bits === 16) view.setUint16(cluster * 2, value & 0xffff, true);
    else {
      const at = Math.floor(cluster * 1.5),
        old = view.getUint16(at, true);
      view.setUint16(
        at,
        cluster % 2 === 1 ? (old & 0x000f) | ((value & 0xfff) << 4) : (old & 0xf000) | (value & 0xfff),
        true,
      );
    }
  }
  return table;
}
