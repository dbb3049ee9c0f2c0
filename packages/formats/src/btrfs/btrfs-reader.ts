/**
 * Reads btrfs volumes of one disk as a tree: the default subvolume, and those in it as folders. What the log still
 * holds is not replayed. Trees are proved by their checksums; contents are not (`btrfs scrub` does that). Source: Linux
 * include/uapi/linux/btrfs_tree.h.
 */
import { byteString } from "@stratos/base";
import type { Codecs } from "../codecs.ts";
import { readBytes, readU64, viewOf, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { comparePaths, fileEntry, type FileEntry, type FileKind, type FileTree } from "../tree/file-tree.ts";
import { diskPiece, PieceBlob, type ContentPiece } from "../tree/piece-blob.ts";
import { BtrfsBlocks, keyNumber } from "./btrfs-blocks.ts";
import { EXTENT_PLAIN, EXTENT_ZSTD, Item, nameHash, ROOT_INODE, Tree } from "./btrfs-layout.ts";
import { zstdFrameLength } from "./zstd-frame.ts";

const KINDS: Readonly<Record<number, FileKind>> = {
  0o100000: "file",
  0o040000: "directory",
  0o120000: "symlink",
  0o020000: "character",
  0o060000: "block",
  0o010000: "fifo",
};
const EXTENT_ZLIB = 1;
const EXTENT_INLINE = 0,
  EXTENT_REGULAR = 1,
  EXTENT_HEAD = 21;
/** Linux packs in units of 128 KiB; nobody unpacks to much more. */
const UNPACKED_MAX = 1 << 20;
const LINK_MAX = 4096;
const ENTRIES_MAX = 20_000_000;

interface Inode {
  readonly mode: number;
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  readonly device: number;
  readonly mtime: number;
  readonly children: { readonly name: string; readonly ino: number; readonly isVolume: boolean }[];
  readonly xattrs: Map<string, string>;
  readonly pieces: ContentPiece[];
}

/** @throws FormatError when there is none, it is damaged, or it is of a kind that is not read */
export function readBtrfs(disk: Disk, codecs: Codecs): { readonly label: string; readonly tree: FileTree } {
  const reader = new BtrfsReader(disk, codecs),
    entries = reader.entries();
  return { label: reader.blocks.label, tree: { entries: () => entries } };
}

class BtrfsReader {
  readonly blocks: BtrfsBlocks;
  readonly #disk: Disk;
  readonly #codecs: Codecs;
  readonly #volumes = new Map<number, { place: number; level: number }>();
  #default: number = Tree.files;

  constructor(disk: Disk, codecs: Codecs) {
    this.#disk = disk;
    this.#codecs = codecs;
    this.blocks = new BtrfsBlocks(disk);
    for (const { objectid, type, offset, data } of this.blocks.items(this.blocks.rootTree)) {
      if (type === Item.root) {
        if (data.length < 239) throw new FormatError("a tree's record of the btrfs volume is damaged");
        this.#volumes.set(objectid, { place: readU64(viewOf(data), 176), level: data[238]! });
      } else if (
        objectid === Tree.rootDirectory &&
        type === Item.directory &&
        offset === nameHash("default") &&
        data.length >= 8
      )
        this.#default = keyNumber(viewOf(data), 0);
    }
  }

  entries(): FileEntry[] {
    const found: FileEntry[] = [];
    this.#volume(this.#default, "", new Set(), found);
    return found.sort((a, b) => comparePaths(a.path, b.path));
  }

  #volume(id: number, at: string, above: ReadonlySet<number>, found: FileEntry[]): void {
    const root = this.#volumes.get(id);
    if (root === undefined || above.has(id))
      throw new FormatError(
        `${at === "" ? "/" : at}: the subvolume ${id} is ${root === undefined ? "not there" : "in itself"}`,
      );
    const inodes = this.#inodes(root),
      firstNames = new Map<number, string>(),
      folders = new Set<number>(),
      inside = new Set([...above, id]);
    const pending: { path: string; ino: number }[] = [{ path: at, ino: ROOT_INODE }];
    // Names in the tree's order, so that a file comes before its other names.
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { path, ino } = next,
        inode = inodes.get(ino),
        name = path === "" ? "/" : path;
      const kind = inode === undefined ? undefined : KINDS[inode.mode & 0o170000];
      if (inode === undefined || kind === undefined) {
        // Sockets have no place in trees.
        if (inode !== undefined && (inode.mode & 0o170000) === 0o140000) continue;
        throw new FormatError(`${name}: its inode ${ino} is ${inode === undefined ? "not there" : "damaged"}`);
      }
      if (found.length >= ENTRIES_MAX) throw new FormatError("the btrfs volume has more files than are read");
      const common = {
        mode: inode.mode & 0o7777,
        uid: inode.uid,
        gid: inode.gid,
        mtime: inode.mtime,
        xattrs: inode.xattrs,
      };
      const first = firstNames.get(ino);
      if (kind !== "directory" && first !== undefined) {
        found.push(fileEntry(path, "hardLink", { ...common, xattrs: new Map(), target: first }));
        continue;
      }
      firstNames.set(ino, path);
      if (kind === "directory") {
        if (folders.has(ino)) throw new FormatError(`${name}: the btrfs volume names this folder twice`);
        folders.add(ino);
        found.push(fileEntry(path, "directory", common));
        const children = [...inode.children].sort((a, b) => comparePaths(a.name, b.name)),
          below: typeof pending = [];
        for (const child of children) {
          const childPath = path === "" ? child.name : `${path}/${child.name}`;
          if (child.isVolume) this.#volume(child.ino, childPath, inside, found);
          else below.push({ path: childPath, ino: child.ino });
        }
        for (const child of below.reverse()) pending.push(child);
      } else if (kind === "file")
        found.push(
          fileEntry(path, "file", { ...common, content: new PieceBlob(inode.size, inode.pieces, this.#codecs) }),
        );
      else if (kind === "symlink")
        found.push(fileEntry(path, "symlink", { ...common, mode: 0o777, target: this.#target(name, inode) }));
      else if (kind === "fifo") found.push(fileEntry(path, "fifo", common));
      else
        found.push(
          fileEntry(path, kind, {
            ...common,
            deviceMajor: Math.floor(inode.device / 2 ** 20),
            deviceMinor: inode.device % 2 ** 20,
          }),
        );
    }
  }

  #target(path: string, inode: Inode): string {
    if (inode.size > LINK_MAX) throw new FormatError(`${path}: leads further than a link can`);
    const bytes = new Uint8Array(inode.size);
    new PieceBlob(inode.size, inode.pieces, this.#codecs).read(0, bytes);
    return byteString(bytes);
  }

  #inodes(root: { place: number; level: number }): Map<number, Inode> {
    const inodes = new Map<number, Inode>();
    for (const { objectid, type, offset, data } of this.blocks.items(root)) {
      const view = viewOf(data),
        bad = (): never => {
          throw new FormatError(`the inode ${objectid} of the btrfs volume is damaged`);
        };
      if (type === Item.inode) {
        if (data.length < 160) bad();
        const seconds = Number(view.getBigInt64(136, true));
        inodes.set(objectid, {
          size: readU64(view, 16),
          uid: view.getUint32(44, true),
          gid: view.getUint32(48, true),
          mode: view.getUint32(52, true),
          device: readU64(view, 56),
          mtime: seconds + view.getUint32(144, true) / 1e9,
          children: [],
          xattrs: new Map(),
          pieces: [],
        });
        continue;
      }
      const inode = inodes.get(objectid);
      if (inode === undefined) continue;
      if (type === Item.directoryIndex) {
        const length = data.length < 30 ? 0 : view.getUint16(27, true),
          name = byteString(data, 30, 30 + length);
        if (length === 0 || 30 + length > data.length || name === "." || name === ".." || /[/\0]/.test(name)) bad();
        inode.children.push({ name, ino: keyNumber(view, 0), isVolume: data[8] === Item.root });
      } else if (type === Item.xattr) {
        for (let at = 0; at < data.length;) {
          if (at + 30 > data.length) bad();
          const value = view.getUint16(at + 25, true),
            name = view.getUint16(at + 27, true),
            end = at + 30 + name + value;
          if (end > data.length) bad();
          inode.xattrs.set(byteString(data, at + 30, at + 30 + name), byteString(data, at + 30 + name, end));
          at = end;
        }
      } else if (type === Item.extentData) {
        if (data.length < EXTENT_HEAD) bad();
        const piece = this.#piece(objectid, offset, data);
        const last = inode.pieces.at(-1);
        if (last !== undefined && piece !== null && last.offset + last.size > piece.offset) bad();
        if (piece !== null) inode.pieces.push(piece);
      }
    }
    return inodes;
  }

  #piece(ino: number, offset: number, data: Uint8Array): ContentPiece | null {
    const view = viewOf(data),
      compression = data[16]!,
      kind = data[20]!,
      unpackedSize = readU64(view, 8);
    const unpack = (bytes: Uint8Array): Uint8Array => this.#unpack(ino, compression, bytes, unpackedSize);
    if (kind === EXTENT_INLINE) {
      const bytes = data.slice(EXTENT_HEAD),
        content = compression === EXTENT_PLAIN ? bytes : unpack(bytes);
      return { offset, size: content.length, read: (at, into) => into.set(content.subarray(at, at + into.length)) };
    }
    if (data.length < 53) throw new FormatError(`the inode ${ino} of the btrfs volume is damaged`);
    const address = readU64(view, 21),
      diskBytes = readU64(view, 29),
      from = readU64(view, 37),
      size = readU64(view, 45);
    // Room that was set aside reads as zeros, as a hole does.
    if (kind !== EXTENT_REGULAR || address === 0) return null;
    if (compression === EXTENT_PLAIN) {
      if (from + size > diskBytes) throw new FormatError(`the inode ${ino} of the btrfs volume is damaged`);
      return diskPiece(this.#disk, offset, { start: this.blocks.place(address + from, size), size });
    }
    if (diskBytes > UNPACKED_MAX || from + size > unpackedSize)
      throw new FormatError(`the inode ${ino} of the btrfs volume is damaged`);
    const start = this.blocks.place(address, diskBytes);
    let kept: WeakRef<Uint8Array> | undefined;
    return {
      offset,
      size,
      read: (at, into) => {
        let content = kept?.deref();
        if (content === undefined) kept = new WeakRef((content = unpack(readBytes(this.#disk, start, diskBytes))));
        into.set(content.subarray(from + at, from + at + into.length));
      },
    };
  }

  /** @returns `size` bytes; what the packer left out at the end is zero */
  #unpack(ino: number, compression: number, bytes: Uint8Array, size: number): Uint8Array {
    if (compression !== EXTENT_ZLIB && compression !== EXTENT_ZSTD)
      throw new FormatError(`the inode ${ino} of the btrfs volume is packed in a way that is not read (lzo)`);
    if (size > UNPACKED_MAX) throw new FormatError(`the inode ${ino} of the btrfs volume is damaged`);
    // Behind what was packed the sector is filled up with zeros.
    const found =
      compression === EXTENT_ZLIB
        ? this.#codecs.inflate(bytes.subarray(2), size)
        : this.#codecs.unzstd(bytes.subarray(0, zstdFrameLength(bytes)), size);
    if (found === undefined)
      throw new FormatError(`the inode ${ino} of the btrfs volume has content that cannot be unpacked`);
    const whole = new Uint8Array(size);
    whole.set(found);
    return whole;
  }
}
