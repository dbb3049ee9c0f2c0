/**
 * Reads EROFS images as a tree: inodes of both sizes, content that lies as it is, at the inode, in chunks, or packed by
 * LZ4 (erofs-clusters.ts). Source: Linux fs/erofs/erofs_fs.h. Each place that the image names is checked before it is
 * used, and no folder is entered twice.
 */
import { byteString, crc32c } from "@stratos/base";
import type { Codecs } from "../codecs.ts";
import { readBytes, readU64, viewOf, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { comparePaths, fileEntry, type FileEntry, type FileKind, type FileTree } from "../tree/file-tree.ts";
import { diskPiece, PieceBlob, type ContentPiece } from "../tree/piece-blob.ts";
import { packedPieces } from "./erofs-clusters.ts";
import {
  COMPAT_CHECKSUM,
  DataLayout,
  HOLE,
  INCOMPAT_FRAGMENTS,
  INCOMPAT_LZ4_0PADDING,
  INCOMPAT_READ,
  INODE_SIZE,
  MAGIC,
  SLOT_SIZE,
  SUPERBLOCK_OFFSET,
  SUPERBLOCK_SIZE,
  XATTR_HEADER,
  XATTR_PREFIXES,
} from "./erofs-layout.ts";

const KINDS: Readonly<Record<number, FileKind>> = {
  0o100000: "file",
  0o040000: "directory",
  0o120000: "symlink",
  0o020000: "character",
  0o060000: "block",
  0o010000: "fifo",
};
const COMPACT_SIZE = 32,
  DIRENT_SIZE = 12,
  CHUNK_INDEX_SIZE = 8,
  CHUNK_INDEXES = 0x20;
const BLOCK_BITS_MIN = 9,
  BLOCK_BITS_MAX = 16;
/** A folder of more bytes is not from any tool. */
const FOLDER_BYTES_MAX = 1 << 28;
const ENTRIES_MAX = 20_000_000;

interface Inode {
  readonly kind: FileKind;
  readonly layout: number;
  readonly mode: number;
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly links: number;
  readonly place: number;
  /** bytes behind the inode */
  readonly xattrsAt: number;
  readonly xattrBytes: number;
}

/** @throws FormatError when there is none, it is damaged, or packed by something else than LZ4 */
export function readErofs(
  disk: Disk,
  codecs: Pick<Codecs, "sha256">,
): { readonly label: string; readonly tree: FileTree } {
  const reader = new ErofsReader(disk, codecs),
    entries = reader.entries();
  return { label: reader.label, tree: { entries: () => entries } };
}

class ErofsReader {
  readonly label: string;
  readonly #disk: Disk;
  readonly #codecs: Pick<Codecs, "sha256">;
  readonly #blockSize: number;
  readonly #inodesAt: number;
  readonly #sharedXattrsAt: number;
  readonly #root: number;
  readonly #time: number;
  /** packed content stands at the end of its blocks, so that it is known where it begins */
  readonly #isPadded: boolean;

  constructor(disk: Disk, codecs: Pick<Codecs, "sha256">) {
    this.#disk = disk;
    this.#codecs = codecs;
    if (disk.size < SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE) throw new FormatError("not an EROFS image");
    const raw = readBytes(disk, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE),
      view = viewOf(raw);
    if (view.getUint32(0, true) !== MAGIC) throw new FormatError("not an EROFS image");
    const blockBits = raw[12]!,
      unknown = view.getUint32(80, true) & ~INCOMPAT_READ;
    if (blockBits < BLOCK_BITS_MIN || blockBits > BLOCK_BITS_MAX)
      throw new FormatError("the EROFS superblock is damaged: its block size");
    if (unknown !== 0)
      throw new FormatError(
        `the EROFS image has features that are not read (0x${unknown.toString(16)}` +
          `${(unknown & INCOMPAT_FRAGMENTS) !== 0 ? ": fragments or shared extents" : ""})`,
      );
    this.#isPadded = (view.getUint32(80, true) & INCOMPAT_LZ4_0PADDING) !== 0;
    this.#blockSize = 2 ** blockBits;
    if ((view.getUint32(8, true) & COMPAT_CHECKSUM) !== 0 && this.#blockSize > SUPERBLOCK_OFFSET) {
      const block = readBytes(disk, SUPERBLOCK_OFFSET, this.#blockSize - SUPERBLOCK_OFFSET);
      viewOf(block).setUint32(4, 0, true);
      if (~crc32c(block) >>> 0 !== view.getUint32(4, true))
        throw new FormatError("the EROFS superblock is damaged: its checksum");
    }
    this.#inodesAt = view.getUint32(40, true) * this.#blockSize;
    this.#sharedXattrsAt = view.getUint32(44, true) * this.#blockSize;
    this.#root = view.getUint16(14, true);
    this.#time = readU64(view, 24);
    this.label = byteString(raw, 64, 80).replace(/\0.*$/s, "");
  }

  entries(): FileEntry[] {
    const found: FileEntry[] = [],
      folders = new Set<number>(),
      firstNames = new Map<number, string>();
    const pending: { path: string; number: number }[] = [{ path: "", number: this.#root }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { path, number } = next,
        inode = this.#inode(number);
      if (found.length >= ENTRIES_MAX) throw new FormatError("the EROFS image has more files than are read");
      const common = { mode: inode.mode, uid: inode.uid, gid: inode.gid, mtime: inode.mtime };
      const first = firstNames.get(number);
      if (inode.kind !== "directory" && first !== undefined) {
        found.push(fileEntry(path, "hardLink", { ...common, target: first }));
        continue;
      }
      if (inode.links > 1) firstNames.set(number, path);
      const xattrs = this.#xattrs(inode),
        at = path === "" ? "/" : path;
      switch (inode.kind) {
        case "directory": {
          if (folders.has(number)) throw new FormatError(`${at}: the EROFS image names this folder twice`);
          folders.add(number);
          found.push(fileEntry(path, "directory", { ...common, xattrs }));
          for (const child of this.#folder(at, number, inode))
            pending.push({ path: path === "" ? child.name : `${path}/${child.name}`, number: child.number });
          break;
        }
        case "file":
          found.push(
            fileEntry(path, "file", {
              ...common,
              xattrs,
              content: new PieceBlob(inode.size, this.#pieces(at, number, inode), this.#codecs),
            }),
          );
          break;
        case "symlink":
          found.push(
            fileEntry(path, "symlink", {
              ...common,
              xattrs,
              mode: 0o777,
              target: byteString(this.#content(at, number, inode, this.#blockSize)),
            }),
          );
          break;
        case "fifo":
          found.push(fileEntry(path, "fifo", { ...common, xattrs }));
          break;
        default:
          found.push(
            fileEntry(path, inode.kind, {
              ...common,
              xattrs,
              deviceMajor: (inode.place >>> 8) & 0xfff,
              deviceMinor: ((inode.place & 0xff) | ((inode.place >>> 12) & 0xfff00)) >>> 0,
            }),
          );
      }
    }
    if (found[0]!.kind !== "directory") throw new FormatError("the EROFS image has a root that is no folder");
    return settleNames(found.sort((a, b) => comparePaths(a.path, b.path)));
  }

  #inode(number: number): Inode {
    const at = this.#inodesAt + number * SLOT_SIZE;
    const head = readBytes(this.#disk, at, COMPACT_SIZE),
      format = viewOf(head).getUint16(0, true),
      isFull = (format & 1) === 1;
    const raw = isFull ? readBytes(this.#disk, at, INODE_SIZE) : head,
      view = viewOf(raw),
      mode = view.getUint16(4, true),
      kind = KINDS[mode & 0o170000],
      count = view.getUint16(2, true);
    if (kind === undefined) throw new FormatError(`the EROFS inode ${number} is damaged`);
    const common = {
      kind,
      layout: (format >> 1) & 7,
      mode: mode & 0o7777,
      xattrsAt: at + raw.length,
      xattrBytes: count === 0 ? 0 : XATTR_HEADER + 4 * (count - 1),
      place: view.getUint32(16, true),
    };
    if (!isFull)
      return {
        ...common,
        size: view.getUint32(8, true),
        uid: view.getUint16(24, true),
        gid: view.getUint16(26, true),
        mtime: this.#time,
        links: view.getUint16(6, true),
      };
    return {
      ...common,
      size: readU64(view, 8),
      uid: view.getUint32(24, true),
      gid: view.getUint32(28, true),
      mtime: readU64(view, 32) + view.getUint32(40, true) / 1e9,
      links: view.getUint32(44, true),
    };
  }

  /** Where a file's content is. Blocks that lie beyond the image are found when they are read. */
  #pieces(path: string, number: number, inode: Inode): ContentPiece[] {
    const { layout, size, place } = inode,
      behind = inode.xattrsAt + inode.xattrBytes;
    if (size === 0) return [];
    if (layout === DataLayout.flatPlain) return [this.#piece(path, 0, place * this.#blockSize, size)];
    if (layout === DataLayout.flatInline) {
      const whole = Math.floor(size / this.#blockSize) * this.#blockSize,
        tail = size - whole;
      return [
        ...(whole > 0 ? [this.#piece(path, 0, place * this.#blockSize, whole)] : []),
        ...(tail > 0 ? [this.#piece(path, whole, behind, tail)] : []),
      ];
    }
    if (layout === DataLayout.packed || layout === DataLayout.packedCompact) {
      if (!this.#isPadded)
        throw new FormatError(`${path}: is packed in the form of Linux before 5.3, which is not read`);
      return packedPieces(this.#disk, this.#blockSize, {
        path,
        size,
        end: behind,
        isCompact: layout === DataLayout.packedCompact,
      });
    }
    if (layout !== DataLayout.chunkBased) throw new FormatError(`the EROFS inode ${number} is damaged`);
    const chunkSize = this.#blockSize * 2 ** (place & 0x1f),
      hasIndexes = (place & CHUNK_INDEXES) !== 0,
      width = hasIndexes ? CHUNK_INDEX_SIZE : 4;
    const start = Math.ceil(behind / width) * width,
      count = Math.ceil(size / chunkSize);
    if (start + count * width > this.#disk.size) throw new FormatError(`${path}: the EROFS inode ${number} is damaged`);
    const list = viewOf(readBytes(this.#disk, start, count * width)),
      pieces: ContentPiece[] = [];
    for (let index = 0; index < count; index++) {
      const block = list.getUint32(index * width + (hasIndexes ? 4 : 0), true);
      if (hasIndexes && list.getUint16(index * width + 2, true) !== 0)
        throw new FormatError(`${path}: lies on another device, which is not read`);
      if (block !== HOLE)
        pieces.push(
          this.#piece(path, index * chunkSize, block * this.#blockSize, Math.min(chunkSize, size - index * chunkSize)),
        );
    }
    return pieces;
  }

  #piece(path: string, offset: number, start: number, size: number): ContentPiece {
    if (start + size > this.#disk.size) throw new FormatError(`${path}: its content lies beyond the end of the image`);
    return diskPiece(this.#disk, offset, { start, size });
  }

  #content(path: string, number: number, inode: Inode, sizeMax: number): Uint8Array {
    if (inode.size > sizeMax) throw new FormatError(`${path}: is larger than it can be`);
    const bytes = new Uint8Array(inode.size);
    new PieceBlob(inode.size, this.#pieces(path, number, inode), this.#codecs).read(0, bytes);
    return bytes;
  }

  #folder(path: string, number: number, inode: Inode): { name: string; number: number }[] {
    const bytes = this.#content(path, number, inode, FOLDER_BYTES_MAX),
      found: { name: string; number: number }[] = [];
    const bad = (): never => {
      throw new FormatError(`${path}: the folder is damaged`);
    };
    for (let at = 0; at < bytes.length; at += this.#blockSize) {
      const block = bytes.subarray(at, at + this.#blockSize),
        view = viewOf(block);
      if (block.length < DIRENT_SIZE) bad();
      const first = view.getUint16(8, true),
        count = first / DIRENT_SIZE;
      if (!Number.isInteger(count) || count < 1 || first > block.length) bad();
      for (let index = 0; index < count; index++) {
        const start = view.getUint16(index * DIRENT_SIZE + 8, true),
          end = index + 1 < count ? view.getUint16((index + 1) * DIRENT_SIZE + 8, true) : block.length;
        if (start < first || end <= start || end > block.length) bad();
        const name = byteString(block, start, end).replace(/\0.*$/s, "");
        if (name === "." || name === "..") continue;
        if (name === "" || name.includes("/")) bad();
        found.push({ name, number: readU64(view, index * DIRENT_SIZE) });
      }
    }
    return found;
  }

  #xattrs({ xattrsAt, xattrBytes }: Inode): Map<string, string> {
    const found = new Map<string, string>();
    if (xattrBytes === 0) return found;
    const bytes = readBytes(this.#disk, xattrsAt, xattrBytes),
      shared = bytes[4]!;
    const take = (area: Uint8Array, at: number): number => {
      const name = area[at]!,
        value = viewOf(area).getUint16(at + 2, true),
        prefix = XATTR_PREFIXES.find(([index]) => index === area[at + 1])?.[1];
      if (at + 4 + name + value > area.length) throw new FormatError("attributes of the EROFS image are damaged");
      if (prefix !== undefined)
        found.set(
          prefix + byteString(area, at + 4, at + 4 + name),
          byteString(area, at + 4 + name, at + 4 + name + value),
        );
      return at + Math.ceil((4 + name + value) / 4) * 4;
    };
    const own = XATTR_HEADER + shared * 4;
    if (own > bytes.length) throw new FormatError("attributes of the EROFS image are damaged");
    for (let index = 0; index < shared; index++) {
      const at = this.#sharedXattrsAt + viewOf(bytes).getUint32(XATTR_HEADER + index * 4, true) * 4,
        head = readBytes(this.#disk, at, 4);
      take(readBytes(this.#disk, at, 4 + head[0]! + viewOf(head).getUint16(2, true)), 0);
    }
    for (let at = own; at + 4 <= bytes.length;) at = take(bytes, at);
    return found;
  }
}

/** In a tree a hard link stands behind its file, whichever of the names was found first. */
function settleNames(entries: FileEntry[]): FileEntry[] {
  const firstOf = new Map<string, string>();
  const files = new Map(entries.filter(({ kind }) => kind !== "hardLink").map((entry) => [entry.path, entry]));
  return entries.map((entry) => {
    const own = entry.kind === "hardLink" ? entry.target : entry.path,
      first = firstOf.get(own);
    if (entry.kind === "directory") return entry;
    if (first === undefined) {
      firstOf.set(own, entry.path);
      return entry.kind === "hardLink" ? { ...files.get(own)!, path: entry.path } : entry;
    }
    return { ...entry, kind: "hardLink", content: null, target: first, xattrs: new Map() };
  });
}
