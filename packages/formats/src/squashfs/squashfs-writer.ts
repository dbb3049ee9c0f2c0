/**
 * Makes a squashfs image of a tree. Source: Linux Documentation/filesystems/squashfs.rst; fs/squashfs/squashfs_fs.h.
 *
 *     superblock 96 B · data blocks and fragments · inodes · folders · fragment table · owners · attributes
 *
 * Content is packed in blocks of 128 KiB; what is left at the ends of files shares blocks ("fragments"). Inodes are
 * written after those of the folders' content, because a folder's entries say where these lie.
 */
import { byteStringOf } from "@stratos/base";
import type { Codecs } from "../codecs.ts";
import { isZero, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import type { FileEntry, FileTree } from "../tree/file-tree.ts";
import { MetadataBlocks } from "./metadata-blocks.ts";

export interface SquashfsOptions {
  readonly compression: "gzip" | "zstd";
  /** seconds since 1970 */
  readonly time: number;
}

const BLOCK_SIZE = 128 << 10;
const PLAIN_BLOCK = 1 << 24;
const NONE = 0xffffffff;
/** The image grows by so much at once. */
const GROW = 16 << 20;
const TYPE = { directory: 1, file: 2, symlink: 3, block: 4, character: 5, fifo: 6 } as const;
/** The same with attributes, or with more than the short form holds. */
const EXTENDED = 7;
const FLAGS_NO_EXPORT = 0;
const XATTR_PREFIXES = ["user.", "trusted.", "security."] as const;

interface Placed {
  readonly ino: number;
  readonly type: number;
  readonly start: number;
  readonly offset: number;
}
interface Folder {
  readonly entry: FileEntry;
  readonly ino: number;
  readonly parent: number;
  readonly children: { name: string; placed: Placed }[];
  subfolders: number;
}

/** Writes the image into a file that grows with it. @returns its bytes, a multiple of 4 KiB. @throws FormatError */
export function writeSquashfs(disk: Disk, tree: FileTree, options: SquashfsOptions, codecs: Codecs): number {
  return new SquashfsWriter(disk, tree, options, codecs).write();
}

class SquashfsWriter {
  readonly #disk: Disk;
  readonly #tree: FileTree;
  readonly #options: SquashfsOptions;
  readonly #pack: (bytes: Uint8Array) => Uint8Array;
  readonly #inodes: MetadataBlocks;
  readonly #folders: MetadataBlocks;
  readonly #fragments: { start: number; size: number }[] = [];
  readonly #tail = new Uint8Array(BLOCK_SIZE);
  readonly #owners: number[] = [];
  readonly #attributeSets = new Map<string, number>();
  readonly #attributes: { name: number; text: string; value: Uint8Array }[][] = [];
  readonly #links = new Map<string, number>();
  readonly #known = new Map<string, Placed>();
  #tailFill = 0;
  #at = 96;
  #nextInode = 1;

  constructor(disk: Disk, tree: FileTree, options: SquashfsOptions, codecs: Codecs) {
    this.#disk = disk;
    this.#tree = tree;
    this.#options = options;
    this.#pack = options.compression === "zstd" ? (bytes) => withoutChecksum(codecs.zstd(bytes)) : codecs.zlib;
    this.#inodes = new MetadataBlocks(this.#pack);
    this.#folders = new MetadataBlocks(this.#pack);
  }

  write(): number {
    for (const entry of this.#tree.entries())
      if (entry.kind === "hardLink") this.#links.set(entry.target, (this.#links.get(entry.target) ?? 1) + 1);
    const root = this.#writeEntries();
    this.#closeFragment();
    const inodeTable = this.#append(this.#inodes.finish().bytes);
    const folderTable = this.#append(this.#folders.finish().bytes);
    const fragmentTable = this.#lookupTable(
      this.#fragments.map(({ start, size }) => {
        const bytes = new Uint8Array(16);
        writeU64(viewOf(bytes), 0, start);
        viewOf(bytes).setUint32(8, size, true);
        return bytes;
      }),
    );
    const ownerTable = this.#lookupTable(
      this.#owners.map((id) => {
        const bytes = new Uint8Array(4);
        viewOf(bytes).setUint32(0, id, true);
        return bytes;
      }),
    );
    const attributeTable = this.#attributeTable();
    const used = this.#at;
    const superblock = new Uint8Array(96);
    const view = viewOf(superblock);
    view.setUint32(0, 0x73717368, true);
    view.setUint32(4, this.#nextInode - 1, true);
    view.setUint32(8, this.#options.time, true);
    view.setUint32(12, BLOCK_SIZE, true);
    view.setUint32(16, this.#fragments.length, true);
    view.setUint16(20, this.#options.compression === "zstd" ? 6 : 1, true);
    view.setUint16(22, Math.log2(BLOCK_SIZE), true);
    view.setUint16(24, FLAGS_NO_EXPORT, true);
    view.setUint16(26, this.#owners.length, true);
    view.setUint16(28, 4, true);
    writeU64(view, 32, root.start * 65536 + root.offset);
    writeU64(view, 40, used);
    writeU64(view, 48, ownerTable);
    const absent = (at: number, place: number | undefined): void => {
      if (place !== undefined) return writeU64(view, at, place);
      view.setUint32(at, NONE, true);
      view.setUint32(at + 4, NONE, true);
    };
    absent(56, attributeTable);
    writeU64(view, 64, inodeTable);
    writeU64(view, 72, folderTable);
    absent(80, this.#fragments.length === 0 ? undefined : fragmentTable);
    absent(88, undefined);
    this.#disk.write(0, superblock);
    const size = Math.ceil(used / 4096) * 4096;
    this.#disk.resize(size);
    return size;
  }

  #writeEntries(): Placed {
    const open: Folder[] = [];
    let root: Placed | undefined;
    const close = (): void => {
      const folder = open.pop()!;
      const placed = this.#writeFolder(folder);
      const above = open.at(-1);
      if (above === undefined) root = placed;
      else {
        above.children.push({ name: nameOf(folder.entry), placed });
        above.subfolders++;
      }
    };
    for (const entry of this.#tree.entries()) {
      const parent = entry.path.slice(0, Math.max(entry.path.lastIndexOf("/"), 0));
      while (open.length > 0 && open.at(-1)!.entry.path !== parent) close();
      if (entry.kind === "directory") {
        open.push({ entry, ino: this.#nextInode++, parent: open.at(-1)?.ino ?? 0, children: [], subfolders: 0 });
        continue;
      }
      const placed = entry.kind === "hardLink" ? this.#known.get(entry.target) : this.#writeInode(entry);
      if (placed === undefined)
        throw new FormatError(`${entry.path}: a hard link to ${entry.target}, which is no file before it`);
      if (entry.kind !== "hardLink" && this.#links.has(entry.path)) this.#known.set(entry.path, placed);
      open.at(-1)!.children.push({ name: nameOf(entry), placed });
    }
    if (open.length === 0) throw new FormatError("the tree has no root");
    while (open.length > 0) close();
    return root!;
  }

  #writeInode(entry: FileEntry): Placed {
    const ino = this.#nextInode++;
    const links = this.#links.get(entry.path) ?? 1;
    const attributes = this.#attributeSet(entry);
    const fields: number[] = [];
    switch (entry.kind) {
      case "file":
        return this.#writeFile(entry, ino, links, attributes);
      case "symlink": {
        const target = byteStringOf(entry.target);
        const tail = new Uint8Array(8 + target.length + (attributes === NONE ? 0 : 4));
        const view = viewOf(tail);
        view.setUint32(0, links, true);
        view.setUint32(4, target.length, true);
        tail.set(target, 8);
        if (attributes !== NONE) view.setUint32(8 + target.length, attributes, true);
        return this.#putInode(entry, ino, TYPE.symlink, attributes !== NONE, tail);
      }
      case "character":
      case "block":
        fields.push(
          links,
          ((entry.deviceMajor << 8) | (entry.deviceMinor & 0xff) | ((entry.deviceMinor & ~0xff) << 12)) >>> 0,
        );
        break;
      default:
        fields.push(links);
    }
    if (attributes !== NONE) fields.push(attributes);
    return this.#putInode(entry, ino, TYPE[entry.kind as "fifo"], attributes !== NONE, words(fields));
  }

  #writeFile(entry: FileEntry, ino: number, links: number, attributes: number): Placed {
    const content = entry.content!,
      size = content.sizeBytes;
    const start = this.#at,
      sizes: number[] = [];
    const block = new Uint8Array(Math.min(BLOCK_SIZE, size));
    let holes = 0,
      fragment = NONE,
      fragmentOffset = 0;
    for (let offset = 0; offset < size; offset += BLOCK_SIZE) {
      const piece = block.subarray(0, Math.min(BLOCK_SIZE, size - offset));
      for (let done = 0; done < piece.length;) {
        const count = content.read(offset + done, piece.subarray(done));
        if (count <= 0) throw new FormatError(`${entry.path}: its content is shorter than its size says`);
        done += count;
      }
      if (piece.length < BLOCK_SIZE) ({ fragment, offset: fragmentOffset } = this.#addFragment(piece));
      else if (isZero(piece)) {
        sizes.push(0);
        holes += piece.length;
      } else sizes.push(this.#appendPacked(piece).size);
    }
    const isExtended = attributes !== NONE || links > 1 || size > 0xffffffff || start > 0xffffffff || holes > 0;
    const head = new Uint8Array(isExtended ? 40 : 16);
    const view = viewOf(head);
    if (isExtended) {
      writeU64(view, 0, start);
      writeU64(view, 8, size);
      writeU64(view, 16, holes);
      view.setUint32(24, links, true);
      view.setUint32(28, fragment, true);
      view.setUint32(32, fragmentOffset, true);
      view.setUint32(36, attributes, true);
    } else {
      view.setUint32(0, start, true);
      view.setUint32(4, fragment, true);
      view.setUint32(8, fragmentOffset, true);
      view.setUint32(12, size, true);
    }
    const list = words(sizes),
      tail = new Uint8Array(head.length + list.length);
    tail.set(head);
    tail.set(list, head.length);
    return this.#putInode(entry, ino, TYPE.file, isExtended, tail);
  }

  #writeFolder(folder: Folder): Placed {
    const { entry, ino, children } = folder;
    const place = this.#folders.place;
    children.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    let bytes = 0;
    for (let at = 0; at < children.length;) {
      // A header serves entries whose inodes lie in one block and have near numbers.
      const first = children[at]!.placed;
      let end = at;
      while (
        end < children.length &&
        end - at < 256 &&
        children[end]!.placed.start === first.start &&
        Math.abs(children[end]!.placed.ino - first.ino) < 32768
      )
        end++;
      this.#folders.write(words([end - at - 1, first.start, first.ino]));
      bytes += 12;
      for (; at < end; at++) {
        const { name, placed } = children[at]!;
        if (name.length > 256) throw new FormatError(`${entry.path}/${name}: a name has at most 256 bytes`);
        const record = new Uint8Array(8 + name.length);
        const view = viewOf(record);
        view.setUint16(0, placed.offset, true);
        view.setInt16(2, placed.ino - first.ino, true);
        view.setUint16(4, placed.type, true);
        view.setUint16(6, name.length - 1, true);
        record.set(byteStringOf(name), 8);
        this.#folders.write(record);
        bytes += record.length;
      }
    }
    const attributes = this.#attributeSet(entry);
    const links = 2 + folder.subfolders;
    // The root's parent is the number after the last, by custom.
    const parent = folder.parent === 0 ? this.#nextInode : folder.parent;
    const size = bytes + 3;
    const isExtended = attributes !== NONE || size > 0xffff;
    const tail = new Uint8Array(isExtended ? 24 : 16);
    const view = viewOf(tail);
    if (isExtended) {
      view.setUint32(0, links, true);
      view.setUint32(4, size, true);
      view.setUint32(8, place.start, true);
      view.setUint32(12, parent, true);
      view.setUint16(18, place.offset, true);
      view.setUint32(20, attributes, true);
    } else {
      view.setUint32(0, place.start, true);
      view.setUint32(4, links, true);
      view.setUint16(8, size, true);
      view.setUint16(10, place.offset, true);
      view.setUint32(12, parent, true);
    }
    return this.#putInode(entry, ino, TYPE.directory, isExtended, tail);
  }

  #putInode(entry: FileEntry, ino: number, type: number, isExtended: boolean, tail: Uint8Array): Placed {
    const { start, offset } = this.#inodes.place;
    const head = new Uint8Array(16);
    const view = viewOf(head);
    view.setUint16(0, isExtended ? type + EXTENDED : type, true);
    view.setUint16(2, entry.mode & 0o7777, true);
    view.setUint16(4, this.#owner(entry.uid), true);
    view.setUint16(6, this.#owner(entry.gid), true);
    view.setUint32(8, Math.max(0, Math.floor(entry.mtime)), true);
    view.setUint32(12, ino, true);
    this.#inodes.write(head);
    this.#inodes.write(tail);
    return { ino, type, start, offset };
  }

  #addFragment(piece: Uint8Array): { fragment: number; offset: number } {
    if (this.#tailFill + piece.length > BLOCK_SIZE) this.#closeFragment();
    const place = { fragment: this.#fragments.length, offset: this.#tailFill };
    this.#tail.set(piece, this.#tailFill);
    this.#tailFill += piece.length;
    return place;
  }

  #closeFragment(): void {
    if (this.#tailFill === 0) return;
    this.#fragments.push(this.#appendPacked(this.#tail.subarray(0, this.#tailFill)));
    this.#tailFill = 0;
  }

  #appendPacked(bytes: Uint8Array): { start: number; size: number } {
    const packed = this.#pack(bytes);
    const isPacked = packed.length < bytes.length;
    const start = this.#append(isPacked ? packed : bytes);
    return { start, size: isPacked ? packed.length : bytes.length | PLAIN_BLOCK };
  }

  #append(bytes: Uint8Array): number {
    const start = this.#at;
    if (start + bytes.length > this.#disk.size) this.#disk.resize(start + bytes.length + GROW);
    if (bytes.length > 0) this.#disk.write(start, bytes);
    this.#at += bytes.length;
    return start;
  }

  /** Records in metadata blocks, then where these lie. @returns the place of the list */
  #lookupTable(records: readonly Uint8Array[]): number {
    const blocks = new MetadataBlocks(this.#pack);
    for (const record of records) blocks.write(record);
    const { bytes, starts } = blocks.finish();
    const base = this.#append(bytes);
    return this.#append(longs(starts.map((start) => base + start)));
  }

  #attributeTable(): number | undefined {
    if (this.#attributes.length === 0) return undefined;
    const pairs = new MetadataBlocks(this.#pack);
    const records = this.#attributes.map((set) => {
      const { start, offset } = pairs.place;
      let size = 0;
      for (const { name, text, value } of set) {
        const head = new Uint8Array(4 + text.length + 4);
        const view = viewOf(head);
        view.setUint16(0, name, true);
        view.setUint16(2, text.length, true);
        head.set(byteStringOf(text), 4);
        view.setUint32(4 + text.length, value.length, true);
        pairs.write(head);
        pairs.write(value);
        size += head.length + value.length;
      }
      const record = new Uint8Array(16);
      writeU64(viewOf(record), 0, start * 65536 + offset);
      viewOf(record).setUint32(8, set.length, true);
      viewOf(record).setUint32(12, size, true);
      return record;
    });
    const base = this.#append(pairs.finish().bytes);
    const blocks = new MetadataBlocks(this.#pack);
    for (const record of records) blocks.write(record);
    const { bytes, starts } = blocks.finish();
    const ids = this.#append(bytes);
    const header = new Uint8Array(16);
    writeU64(viewOf(header), 0, base);
    viewOf(header).setUint32(8, records.length, true);
    const place = this.#append(header);
    this.#append(longs(starts.map((start) => ids + start)));
    return place;
  }

  #attributeSet(entry: FileEntry): number {
    if (entry.xattrs.size === 0) return NONE;
    const set = [...entry.xattrs]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([full, value]) => {
        const name = XATTR_PREFIXES.findIndex((prefix) => full.startsWith(prefix));
        if (name === -1) throw new FormatError(`${entry.path}: squashfs has no form for the attribute ${full}`);
        return { name, text: full.slice(XATTR_PREFIXES[name]!.length), value: byteStringOf(value) };
      });
    const key = JSON.stringify([...entry.xattrs].sort());
    let index = this.#attributeSets.get(key);
    if (index === undefined) {
      index = this.#attributes.push(set) - 1;
      this.#attributeSets.set(key, index);
    }
    return index;
  }

  #owner(id: number): number {
    let index = this.#owners.indexOf(id);
    if (index === -1) index = this.#owners.push(id) - 1;
    if (index > 0xffff) throw new FormatError("more than 65536 owners");
    return index;
  }
}

function nameOf(entry: FileEntry): string {
  return entry.path.slice(entry.path.lastIndexOf("/") + 1);
}

function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  values.forEach((value, index) => viewOf(bytes).setUint32(index * 4, value, true));
  return bytes;
}

function longs(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  values.forEach((value, index) => writeU64(viewOf(bytes), index * 8, value));
  return bytes;
}

/**
 * A frame of zstd without the checksum of its content (RFC 8878 §3.1.1): where that goes on behind the page on which
 * the content ends, Linux has no room left for more, and calls the block damaged (fs/squashfs/zstd_wrapper.c).
 */
export function withoutChecksum(frame: Uint8Array): Uint8Array {
  if ((frame[4]! & 4) === 0) return frame;
  const bytes = frame.slice(0, -4);
  bytes[4]! &= ~4;
  return bytes;
}
