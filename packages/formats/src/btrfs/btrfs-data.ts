/**
 * Contents of files on a btrfs volume: extents one behind another, a checksum for each sector, and what is the same
 * content stored once.
 */
import { crc32c } from "@stratos/base";
import type { Codecs } from "../codecs.ts";
import { isZero, viewOf, type Disk } from "../disk/disk.ts";
import { sequentialWriter } from "../disk/sequential-writer.ts";
import { FormatError } from "../format-error.ts";
import type { Blob } from "../tree/file-tree.ts";
import {
  CHECKSUMS,
  DATA_REFS_MAX,
  EXTENT_PLAIN,
  EXTENT_ZSTD,
  Item,
  SECTOR_SIZE,
  STRIPE_SIZE,
  SUPERBLOCK_PLACES,
  type DataReference,
  type TreeItem,
} from "./btrfs-layout.ts";

/** Extents are packed in units of this, and a unit of zeros is a hole. */
const UNIT = 128 << 10;
const EXTENT_MAX = 128 << 20;
/** Linux makes data chunks of this, so that a volume can give room back. */
export const DATA_CHUNK_SIZE = 2 ** 30;
/** One record holds the checksums of 8 MiB. */
const CHECKSUMS_MAX = 2048;
const BUFFER_BYTES = 1 << 20;

interface DataExtent {
  readonly place: number;
  readonly size: number;
  readonly users: DataReference[];
}
interface FileExtent {
  readonly offset: number;
  readonly bytes: number;
  readonly extent: DataExtent;
  readonly compression: number;
}
interface OpenExtent {
  offset: number;
  bytes: number;
  place: number;
  compression: number;
}

export class BtrfsData {
  readonly extents: DataExtent[] = [];
  hasZstd = false;
  readonly #writer: { write(offset: number, bytes: Uint8Array): void; flush(): void };
  readonly #zstd: Codecs["zstd"] | null;
  readonly #start: number;
  readonly #limit: number;
  readonly #known = new Map<Blob, readonly FileExtent[]>();
  readonly #checksums: TreeItem[] = [];
  readonly #buffer = new Uint8Array(UNIT);
  readonly #sums = new Uint8Array(CHECKSUMS_MAX * 4);
  readonly #sumView = viewOf(this.#sums);
  #sumCount = 0;
  #sumPlace = 0;
  #next: number;

  /** @param zstd  packs what becomes smaller; null leaves all as it is */
  constructor(disk: Disk, area: { start: number; limit: number }, zstd: Codecs["zstd"] | null) {
    this.#writer = sequentialWriter(disk, BUFFER_BYTES);
    this.#zstd = zstd;
    this.#start = this.#next = area.start;
    this.#limit = area.limit;
  }

  /** First byte behind what was stored. */
  get end(): number {
    return this.#next;
  }

  /**
   * Stores a file's content, or uses what was stored of the same blob.
   * @throws FormatError when there is no room
   */
  store(content: Blob, path: string, user: { volume: number; ino: number }): readonly FileExtent[] {
    let found = this.#known.get(content);
    if (found === undefined || found.some(({ extent }) => extent.users.length >= DATA_REFS_MAX))
      this.#known.set(content, (found = this.#write(content, path)));
    for (const { extent, offset } of found) extent.users.push({ ...user, offset });
    return found;
  }

  /** Writes out what is gathered. @returns records of the checksum tree */
  finish(): readonly TreeItem[] {
    this.#closeChecksums();
    this.#writer.flush();
    return this.#checksums;
  }

  #write(content: Blob, path: string): FileExtent[] {
    const found: FileExtent[] = [];
    let open: OpenExtent | null = null;
    const close = (): void => {
      if (open === null) return;
      const extent: DataExtent = { place: open.place, size: this.#next - open.place, users: [] };
      this.extents.push(extent);
      found.push({ offset: open.offset, bytes: open.bytes, extent, compression: open.compression });
      open = null;
    };
    for (let offset = 0; offset < content.sizeBytes; offset += UNIT) {
      const length = Math.min(UNIT, content.sizeBytes - offset),
        bytes = roundUp(length, SECTOR_SIZE);
      const unit = this.#buffer.subarray(0, bytes);
      for (let done = 0; done < length;) {
        const count = content.read(offset + done, unit.subarray(done, length));
        if (count <= 0) throw new FormatError(`${path}: its content is shorter than its size says`);
        done += count;
      }
      unit.fill(0, length);
      if (isZero(unit)) {
        close();
        continue;
      }
      const packed = this.#zstd === null || bytes <= SECTOR_SIZE ? null : this.#zstd(unit);
      if (packed !== null && roundUp(packed.length, SECTOR_SIZE) < bytes) {
        close();
        const sectors = new Uint8Array(roundUp(packed.length, SECTOR_SIZE));
        sectors.set(packed);
        const place = this.#allocate(sectors.length, path);
        this.#put(place, sectors);
        open = { offset, bytes, place, compression: EXTENT_ZSTD };
        this.hasZstd = true;
        close();
        continue;
      }
      const before = this.#next,
        place = this.#allocate(bytes, path);
      const last: OpenExtent | null = open;
      if (last !== null && place === before && last.bytes + bytes <= EXTENT_MAX) last.bytes += bytes;
      else {
        // The extent before ends where the jump began.
        this.#next = before;
        close();
        this.#next = place + bytes;
        open = { offset, bytes, place, compression: EXTENT_PLAIN };
      }
      this.#put(place, unit);
    }
    close();
    return found;
  }

  #allocate(bytes: number, path: string): number {
    const place = placeFor(this.#next, bytes, this.#start);
    this.#next = place + bytes;
    if (this.#next > this.#limit) throw new FormatError(`${path}: there is no room for its content`);
    return place;
  }

  #put(place: number, bytes: Uint8Array): void {
    this.#writer.write(place, bytes);
    for (let at = 0; at < bytes.length; at += SECTOR_SIZE) {
      const sector = place + at;
      if (
        this.#sumCount > 0 &&
        (this.#sumCount === CHECKSUMS_MAX || sector !== this.#sumPlace + this.#sumCount * SECTOR_SIZE)
      )
        this.#closeChecksums();
      if (this.#sumCount === 0) this.#sumPlace = sector;
      this.#sumView.setUint32(this.#sumCount++ * 4, crc32c(bytes, at, at + SECTOR_SIZE), true);
    }
  }

  #closeChecksums(): void {
    if (this.#sumCount === 0) return;
    this.#checksums.push({
      key: { objectid: CHECKSUMS, type: Item.checksum, offset: this.#sumPlace },
      data: this.#sums.slice(0, this.#sumCount * 4),
    });
    this.#sumCount = 0;
  }
}

/** The next place from `at` on where `bytes` lie in one chunk and off the superblock's copies. */
function placeFor(at: number, bytes: number, start: number): number {
  let place = at;
  for (;;) {
    const chunkEnd = start + (Math.floor((place - start) / DATA_CHUNK_SIZE) + 1) * DATA_CHUNK_SIZE;
    if (place + bytes > chunkEnd) place = chunkEnd;
    const own = place,
      superblock = SUPERBLOCK_PLACES.find((copy) => own < copy + STRIPE_SIZE && own + bytes > copy);
    if (superblock === undefined) return place;
    place = superblock + STRIPE_SIZE;
  }
}

export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
