/**
 * A FAT file system as it lies on a disk, read in place: no more of the allocation table is in memory than what is
 * being followed. The number of a file is the place of its entry, in entries from the disk's start. Source: Microsoft
 * FAT specification (2005) §4 and §6.
 */
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { readBytes, viewOf, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import {
  NO_DEVICE,
  type ImageExtent,
  type ImageFile,
  type ImageReader,
  type ImageVisitor,
} from "../tree/image-reader.ts";
import { FAT_SECTOR, parseBootSector, type FatGeometry } from "./fat-geometry.ts";
import {
  ATTRIBUTE_DIRECTORY,
  ATTRIBUTE_LONG,
  ATTRIBUTE_VOLUME,
  ENTRY_BYTES,
  foldName,
  longUnits,
  nameOfShort,
  shortChecksum,
} from "./fat-names.ts";
import { secondsOfFatTime } from "./fat-time.ts";

/** The root has no entry. */
const ROOT = 1;
const DELETED = 0xe5;
const ATTRIBUTE_READ_ONLY = 0x01;
/** Folders have 65,536 entries at most (§6.2). */
const FOLDER_BYTES_MAX = 65536 * ENTRY_BYTES;
/** Of one file: what is in more pieces is not worth the memory. */
const EXTENTS_MAX = 1 << 18;
/** Of the allocation table, as much is read at once; a multiple of three, so that no entry of FAT12 is cut. */
const WINDOW = 3 << 12;

export class FatReader implements ImageReader {
  readonly root = ROOT;
  readonly #disk: Disk;
  readonly #geometry: FatGeometry;
  /** Part of the table, and where in it that begins; −1: none. */
  #window: Uint8Array = new Uint8Array(0);
  #windowAt = -1;

  /** @throws FormatError when there is none on the disk, or the disk's error */
  constructor(disk: Disk) {
    if (disk.size < FAT_SECTOR) throw new FormatError("not a FAT file system");
    this.#disk = disk;
    this.#geometry = parseBootSector(readBytes(disk, 0, FAT_SECTOR), disk.size);
  }

  get blockSize(): number {
    return this.#geometry.clusterSize;
  }

  get blockCount(): number {
    return this.#geometry.clusterCount;
  }

  keyOf(name: string): string {
    return foldName(byteStringToUtf8(name));
  }

  file(ino: number): ImageFile {
    if (ino === ROOT) return fileOf(0o040555 | 0o222, this.#folderBytes(this.#rootExtents()), 0, 0, 0);
    const entry = this.#entry(ino);
    const view = viewOf(entry);
    const attributes = entry[11]!;
    const isDirectory = (attributes & ATTRIBUTE_DIRECTORY) !== 0;
    const seconds = (date: number, time: number): number =>
      secondsOfFatTime(view.getUint16(date, true), time === 0 ? 0 : view.getUint16(time, true));
    return fileOf(
      (isDirectory ? 0o040777 : 0o100777) & ((attributes & ATTRIBUTE_READ_ONLY) !== 0 && !isDirectory ? ~0o222 : -1),
      isDirectory ? this.#folderBytes(this.extents(ino)) : view.getUint32(28, true),
      seconds(24, 22),
      seconds(18, 0),
      seconds(16, 14),
    );
  }

  #folderBytes(extents: readonly ImageExtent[]): number {
    const last = extents.at(-1);
    return last === undefined ? 0 : last.start + last.length;
  }

  #entry(ino: number): Uint8Array {
    const { rootStart } = this.#geometry;
    const at = ino * ENTRY_BYTES;
    if (at < rootStart || at + ENTRY_BYTES > this.#disk.size) throw new FormatError("no file has this number");
    return readBytes(this.#disk, at, ENTRY_BYTES);
  }

  extents(ino: number): ImageExtent[] {
    if (ino === ROOT) return this.#rootExtents();
    const entry = this.#entry(ino);
    const view = viewOf(entry);
    const first = view.getUint16(26, true) + (this.#geometry.bits === 32 ? view.getUint16(20, true) * 65536 : 0);
    if ((entry[11]! & ATTRIBUTE_DIRECTORY) !== 0) return this.#chain(first, FOLDER_BYTES_MAX, false);
    const size = view.getUint32(28, true);
    return size === 0 ? [] : this.#chain(first, size, true);
  }

  #rootExtents(): ImageExtent[] {
    const { bits, rootStart, rootSize, rootCluster } = this.#geometry;
    return bits === 32
      ? this.#chain(rootCluster, FOLDER_BYTES_MAX, false)
      : [{ start: 0, at: rootStart, length: rootSize }];
  }

  /**
   * Clusters from `first` on, neighbours as one.
   * @param most  bytes, behind which nobody looks
   * @param isWhole  are there as many?
   */
  #chain(first: number, most: number, isWhole: boolean): ImageExtent[] {
    const { clusterSize, clusterCount, dataStart } = this.#geometry;
    const found: ImageExtent[] = [];
    let start = 0,
      runStart = 0,
      runFirst = first,
      cluster = first;
    const end = (): void => {
      if (found.length >= EXTENTS_MAX) throw new FormatError("a file is in too many pieces");
      if (start > runStart)
        found.push({ start: runStart, at: dataStart + (runFirst - 2) * clusterSize, length: start - runStart });
    };
    while (start < most && cluster >= 2 && cluster < clusterCount + 2) {
      if (cluster !== runFirst + (start - runStart) / clusterSize) {
        end();
        runStart = start;
        runFirst = cluster;
      }
      start += clusterSize;
      cluster = this.#next(cluster);
    }
    end();
    if (start < most && (isWhole || cluster < this.#endMark)) throw new FormatError("a chain of clusters is damaged");
    return found;
  }

  get #endMark(): number {
    const { bits } = this.#geometry;
    return bits === 32 ? 0x0ffffff8 : bits === 16 ? 0xfff8 : 0xff8;
  }

  #next(cluster: number): number {
    const { bits, fatStart, fatSize } = this.#geometry;
    const at = bits === 12 ? Math.floor(cluster * 1.5) : (cluster * bits) / 8;
    if (this.#windowAt < 0 || at < this.#windowAt || at + 4 > this.#windowAt + this.#window.length) {
      this.#windowAt = Math.max(0, Math.min(at - (at % (WINDOW / 2)), fatSize - WINDOW));
      this.#window = readBytes(this.#disk, fatStart + this.#windowAt, Math.min(WINDOW, fatSize - this.#windowAt));
    }
    const view = viewOf(this.#window);
    const place = at - this.#windowAt;
    if (bits === 32) return view.getUint32(place, true) & 0x0fffffff;
    const word = view.getUint16(place, true);
    return bits === 16 ? word : (cluster % 2 === 1 ? word >> 4 : word) & 0xfff;
  }

  list(ino: number, cursor: number, visit: ImageVisitor): void {
    let long = "",
      sum = -1;
    for (const { start, at, length } of this.extents(ino)) {
      // A long name lies in front of the entry that a cursor stands behind, so that a listing goes on with a whole one.
      if (start + length <= cursor) continue;
      const skipped = Math.max(0, cursor - start);
      const bytes = readBytes(this.#disk, at + skipped, length - skipped);
      for (let place = 0; place + ENTRY_BYTES <= bytes.length; place += ENTRY_BYTES) {
        const entry = bytes.subarray(place, place + ENTRY_BYTES);
        const head = entry[0]!;
        if (head === 0) return;
        const attributes = entry[11]! & 0x3f;
        if (head !== DELETED && attributes === ATTRIBUTE_LONG) {
          if ((head & 0x40) !== 0) {
            long = "";
            sum = entry[13]!;
          }
          if (entry[13] === sum) long = longUnits(entry) + long;
          continue;
        }
        if (head !== DELETED && head !== 0x2e && (attributes & ATTRIBUTE_VOLUME) === 0) {
          const text = long !== "" && sum === shortChecksum(entry) ? long : nameOfShort(entry);
          const name = utf8ToByteString(text);
          const type = (attributes & ATTRIBUTE_DIRECTORY) !== 0 ? 4 : 8;
          const isName = name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
          const next = start + skipped + place + ENTRY_BYTES;
          if (isName && !visit(name, (at + skipped + place) / ENTRY_BYTES, type, next)) return;
        }
        long = "";
        sum = -1;
      }
    }
  }
}

function fileOf(mode: number, size: number, mtime: number, atime: number, ctime: number): ImageFile {
  return { mode, uid: 0, gid: 0, links: 1, size, device: NO_DEVICE, mtime, atime, ctime, target: "", hasRights: false };
}
