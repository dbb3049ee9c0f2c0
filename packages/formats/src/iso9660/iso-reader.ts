/**
 * An ISO 9660 image as it lies on a disk, with names by Rock Ridge or Joliet where it has them. The number of a file is
 * half of the place of its record, which for a folder is its own "." record, so that all ways to it agree. Source:
 * ECMA-119 §8 and §9.
 */
import { byteString, utf8ToByteString } from "@stratos/base";
import { readBytes, viewOf, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import {
  NO_DEVICE,
  type ImageExtent,
  type ImageFile,
  type ImageReader,
  type ImageVisitor,
} from "../tree/image-reader.ts";
import { readRockRidge, SECTOR, shortTime, type RockRidge } from "./rock-ridge.ts";

const FIRST_DESCRIPTOR = 16;
const DESCRIPTORS_MAX = 100;
const TYPE_PRIMARY = 1,
  TYPE_SUPPLEMENTARY = 2,
  TYPE_END = 255;
const FLAG_DIRECTORY = 2,
  FLAG_ASSOCIATED = 4,
  FLAG_MORE = 0x80;
const RECORD_SIZE_MIN = 34;
/** A folder that says more is not from any writer. */
const FOLDER_BYTES_MAX = 2 ** 26;
/** Sections of a file above 4 GiB. */
const SECTIONS_MAX = 1024;

interface IsoReaderOptions {
  readonly usesRockRidge: boolean;
  readonly usesJoliet: boolean;
}

interface DirectoryRecord {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly flags: number;
  /** of the content, in bytes */
  readonly start: number;
  readonly size: number;
}

export class IsoReader implements ImageReader {
  readonly root: number;
  readonly blockSize = SECTOR;
  readonly blockCount: number;
  readonly #disk: Disk;
  readonly #isJoliet: boolean;
  /** Bytes in front of the fields of each record; −1: it has no Rock Ridge. */
  readonly #skipped: number;

  /** @throws FormatError when there is none on the disk, or the disk's error */
  constructor(disk: Disk, { usesRockRidge, usesJoliet }: IsoReaderOptions) {
    this.#disk = disk;
    let primary: Uint8Array | undefined, joliet: Uint8Array | undefined;
    for (let index = 0; index < DESCRIPTORS_MAX; index++) {
      const at = (FIRST_DESCRIPTOR + index) * SECTOR;
      if (at + SECTOR > disk.size) break;
      const bytes = readBytes(disk, at, SECTOR);
      if (byteString(bytes, 1, 6) !== "CD001" || bytes[0] === TYPE_END) break;
      if (bytes[0] === TYPE_PRIMARY) primary ??= bytes;
      if (bytes[0] === TYPE_SUPPLEMENTARY && /^%\/[@CE]/.test(byteString(bytes, 88, 91))) joliet ??= bytes;
    }
    if (primary === undefined) throw new FormatError("not an ISO 9660 file system");
    if (viewOf(primary).getUint16(128, true) !== SECTOR) throw new FormatError("its blocks have not 2048 bytes");
    this.blockCount = viewOf(primary).getUint32(80, true);
    const rootOf = (descriptor: Uint8Array): number => (viewOf(descriptor).getUint32(156 + 2, true) * SECTOR) / 2;
    this.#isJoliet = false;
    this.#skipped = usesRockRidge ? this.#findRockRidge(rootOf(primary)) : -1;
    this.#isJoliet = this.#skipped < 0 && usesJoliet && joliet !== undefined;
    this.root = rootOf(this.#isJoliet ? joliet! : primary);
    if ((this.#record(this.root).flags & FLAG_DIRECTORY) === 0) throw new FormatError("its root is no folder");
  }

  /** Of the root's own record: an SP field says that there are others, and where they begin. */
  #findRockRidge(root: number): number {
    const { bytes } = this.#record(root);
    const area = bytes.subarray(RECORD_SIZE_MIN);
    for (const at of [0, 14]) {
      const isField = area[at] === 0x53 && area[at + 1] === 0x50 && area[at + 4] === 0xbe && area[at + 5] === 0xef;
      if (isField) return area[at + 6]!;
    }
    return -1;
  }

  keyOf(name: string): string {
    return name;
  }

  #record(ino: number): DirectoryRecord {
    const at = ino * 2;
    const room = Math.min(SECTOR - (at % SECTOR), 255, this.#disk.size - at);
    if (at < FIRST_DESCRIPTOR * SECTOR || room < RECORD_SIZE_MIN) throw new FormatError("no file has this number");
    return this.#recordIn(readBytes(this.#disk, at, room), 0, at);
  }

  /** @param at  where on the disk that is */
  #recordIn(sector: Uint8Array, place: number, at: number): DirectoryRecord {
    const length = sector[place]!;
    if (length < RECORD_SIZE_MIN || place + length > sector.length || sector[place + 32]! + 33 > length)
      throw new FormatError("a directory record is damaged");
    const bytes = sector.subarray(place, place + length);
    const view = viewOf(bytes);
    return {
      at,
      bytes,
      flags: bytes[25]!,
      start: (view.getUint32(2, true) + bytes[1]!) * SECTOR,
      size: view.getUint32(10, true),
    };
  }

  #rockRidge({ bytes }: DirectoryRecord): RockRidge | null {
    if (this.#skipped < 0) return null;
    const nameLength = bytes[32]!;
    return readRockRidge(this.#disk, bytes.subarray(33 + nameLength + ((nameLength + 1) & 1) + this.#skipped));
  }

  file(ino: number): ImageFile {
    const record = this.#record(ino);
    const rock = this.#rockRidge(record);
    const isDirectory = (record.flags & FLAG_DIRECTORY) !== 0;
    const time = shortTime(record.bytes, 18);
    const hasRights = rock !== null && rock.mode !== 0;
    // What a record says of its type in two ways must agree, for the content depends on it.
    const isWrong = hasRights && ((rock.mode & 0o170000) === 0o040000) !== isDirectory;
    if (isWrong) throw new FormatError("a directory record is damaged");
    let size = 0;
    for (const { length } of this.#sections(record)) size += length;
    const target = rock?.target ?? "";
    return {
      mode: hasRights ? rock.mode : isDirectory ? 0o040555 : 0o100555,
      uid: rock?.uid ?? 0,
      gid: rock?.gid ?? 0,
      links: hasRights ? Math.max(1, rock.links) : 1,
      size: hasRights && (rock.mode & 0o170000) === 0o120000 ? target.length : size,
      device: rock?.device ?? NO_DEVICE,
      mtime: rock?.mtime ?? time,
      atime: rock?.atime ?? time,
      ctime: rock?.ctime ?? time,
      target,
      hasRights,
    };
  }

  extents(ino: number): ImageExtent[] {
    return this.#sections(this.#record(ino));
  }

  /** Of the record and, while it says that more follow, of those behind it. */
  #sections(record: DirectoryRecord): ImageExtent[] {
    const found: ImageExtent[] = [];
    let start = 0;
    for (let left = SECTIONS_MAX; left > 0; left--) {
      const { start: at, size, flags } = record;
      if (size > 0) {
        if (at + size > this.#disk.size) throw new FormatError("a file lies beyond the end of its disk");
        found.push({ start, at, length: size });
        start += size;
      }
      if ((flags & FLAG_MORE) === 0 || (flags & FLAG_DIRECTORY) !== 0) break;
      record = this.#following(record);
    }
    return found;
  }

  #following({ at, bytes }: DirectoryRecord): DirectoryRecord {
    const next = at + bytes.length;
    const inSector = next % SECTOR;
    const isLast = inSector === 0 || readBytes(this.#disk, next, 1)[0] === 0;
    return this.#record((isLast && inSector !== 0 ? next - inSector + SECTOR : next) / 2);
  }

  list(ino: number, cursor: number, visit: ImageVisitor): void {
    const { start, size } = this.#record(ino);
    if (start + size > this.#disk.size) throw new FormatError("a folder lies beyond the end of its disk");
    if (size > FOLDER_BYTES_MAX) throw new FormatError("a folder is too large");
    let continues = false;
    for (let base = cursor - (cursor % SECTOR); base < size; base += SECTOR) {
      const sector = readBytes(this.#disk, start + base, Math.min(SECTOR, size - base));
      for (let place = 0; place < sector.length && sector[place] !== 0;) {
        const record = this.#recordIn(sector, place, start + base + place);
        const next = place + record.bytes.length;
        const isSection = continues;
        continues = (record.flags & FLAG_MORE) !== 0;
        if (!isSection && base + place >= cursor && !this.#visit(record, base + next, visit)) return;
        place = next;
      }
    }
  }

  #visit(record: DirectoryRecord, next: number, visit: ImageVisitor): boolean {
    const { bytes, flags } = record;
    const nameLength = bytes[32]!;
    const isDot = nameLength === 1 && bytes[33]! <= 1;
    if (isDot || (flags & FLAG_ASSOCIATED) !== 0) return true;
    const rock = this.#rockRidge(record);
    if (rock?.isRelocated === true) return true;
    const name = rock !== null && rock.name !== "" ? rock.name : this.#plainName(bytes.subarray(33, 33 + nameLength));
    // No program can mean what has such a name.
    if (name === "" || name === "." || name === ".." || name.length > 255 || /[/\0]/.test(name)) return true;
    const childAt = rock !== null && rock.childAt !== 0 ? rock.childAt * SECTOR : -1;
    const isDirectory = childAt >= 0 || (flags & FLAG_DIRECTORY) !== 0;
    const at = childAt >= 0 ? childAt : isDirectory ? record.start : record.at;
    const type = isDirectory ? 4 : rock === null ? 8 : rock.mode >>> 12;
    return visit(name, at / 2, type, next);
  }

  /** Without a version, and in lower case where the image has none. */
  #plainName(bytes: Uint8Array): string {
    if (this.#isJoliet) {
      const view = viewOf(bytes);
      let text = "";
      for (let at = 0; at + 2 <= bytes.length; at += 2) text += String.fromCharCode(view.getUint16(at));
      return utf8ToByteString(text.replace(/;\d+$/, ""));
    }
    return byteString(bytes)
      .replace(/;\d+$/, "")
      .replace(/\.$/, "")
      .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  }
}
