/**
 * ext4 as {@link DiskFiles}: files are read and changed in place, while nobody has it mounted. Content is written
 * before anything names it; bitmaps and counts last, at `flush`. The journal is not used, so that an interrupted change
 * wants e2fsck.
 */
import { viewOf, readBytes, type Disk } from "../disk/disk.ts";
import type { DiskFile, DiskFiles, NewFile } from "../tree/disk-files.ts";
import { FormatError } from "../format-error.ts";
import type { Codecs } from "../codecs.ts";
import type { Blob, FileTree } from "../tree/file-tree.ts";
import { Ext4Allocator } from "./ext4-allocator.ts";
import { directoryBlocks, emptyDirectoryBlock, ENTRY_TYPE, type DirectoryEntry } from "./ext4-directory.ts";
import { writeExtents, type Extent } from "./ext4-extents.ts";
import { BLOCK_AREA_SIZE, encodeInode, inodeSeed, INODE_FLAG, sealInode, type Inode } from "./ext4-inode.ts";
import { Ext4Reader, namesOf, type OpenInode } from "./ext4-reader.ts";
import { ext4Tree } from "./ext4-tree.ts";
import { INCOMPAT, RO_COMPAT } from "./ext4-superblock.ts";

const WRITABLE_INCOMPAT =
  INCOMPAT.filetype |
  INCOMPAT.metaBg |
  INCOMPAT.extents |
  INCOMPAT.bit64 |
  INCOMPAT.flexBg |
  INCOMPAT.csumSeed |
  INCOMPAT.largeDir;
const WRITABLE_RO_COMPAT =
  RO_COMPAT.sparseSuper |
  RO_COMPAT.largeFile |
  RO_COMPAT.hugeFile |
  RO_COMPAT.dirNlink |
  RO_COMPAT.extraIsize |
  RO_COMPAT.metadataCsum;
const COPY_BYTES = 1 << 20;

export class Ext4Files implements DiskFiles {
  readonly #reader: Ext4Reader;
  #allocator: Ext4Allocator | undefined;

  /** @throws FormatError when there is none */
  constructor(disk: Disk) {
    this.#reader = new Ext4Reader(disk);
  }

  get type(): string {
    return this.#reader.type;
  }

  get label(): string {
    return this.#reader.superblock.label;
  }

  /** All that it holds. */
  tree(codecs: Pick<Codecs, "sha256">): FileTree {
    return ext4Tree(this.#reader, codecs);
  }

  list(path: string): DiskFile[] {
    const folder = this.#folder(path);
    return this.#reader
      .entries(folder)
      .map(({ name, ino }) => this.#reader.describe(name, this.#reader.inode(ino)))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(path: string): DiskFile | undefined {
    const inode = this.#reader.resolve(path, false);
    return inode === undefined ? undefined : this.#reader.describe(namesOf(path).at(-1) ?? "", inode);
  }

  content(path: string): Pick<Blob, "sizeBytes" | "read"> {
    const inode = this.#reader.resolve(path, true);
    if (inode === undefined) throw new FormatError(`${path}: no such file`);
    if (inode.kind !== "file") throw new FormatError(`${path}: is no file`);
    return this.#reader.content(inode);
  }

  write(path: string, content: Pick<Blob, "sizeBytes" | "read">, file: NewFile): void {
    const allocator = this.#changes();
    const old = this.#reader.resolve(path, true);
    if (old !== undefined && old.kind !== "file") throw new FormatError(`${path}: is no file`);
    const { blockSize } = this.#reader.superblock;
    const runs = allocator.allocate(Math.ceil(content.sizeBytes / blockSize));
    this.#copy(path, content, runs);
    if (old !== undefined) {
      this.#freeContent(old);
      this.#putContent(old.ino, { ...old, mtime: file.mtime, size: content.sizeBytes }, runs);
      return;
    }
    const { parent, name } = this.#place(path);
    const ino = allocator.allocateInode(false);
    this.#putContent(ino, { ...newInode(0x8000, file), size: content.sizeBytes }, runs);
    this.#setEntries(parent, [...this.#reader.entries(parent), { ino, name, type: ENTRY_TYPE.file }], file.mtime);
  }

  makeDirectory(path: string, file: NewFile): void {
    const allocator = this.#changes();
    const { parent, name } = this.#place(path);
    const entries = this.#reader.entries(parent);
    if (entries.some((entry) => entry.name === name)) throw new FormatError(`${path}: is there already`);
    const ino = allocator.allocateInode(true);
    const folder: OpenInode = { ...newInode(0x4000, file), linkCount: 2, ino, kind: "directory" };
    this.#writeEntries(folder, [], parent.ino);
    const counted = parent.linkCount === 1 ? parent : { ...parent, linkCount: parent.linkCount + 1 };
    this.#setEntries(counted, [...entries, { ino, name, type: ENTRY_TYPE.directory }], file.mtime);
  }

  remove(path: string): void {
    const allocator = this.#changes();
    const { parent, name } = this.#place(path);
    const entries = this.#reader.entries(parent);
    const entry = entries.find((candidate) => candidate.name === name);
    if (entry === undefined) throw new FormatError(`${path}: no such file`);
    const inode = this.#reader.inode(entry.ino);
    const isFolder = inode.kind === "directory";
    if (isFolder && this.#reader.entries(inode).length > 0) throw new FormatError(`${path}: the folder is not empty`);
    const counted = isFolder && parent.linkCount > 2 ? { ...parent, linkCount: parent.linkCount - 1 } : parent;
    this.#setEntries(
      counted,
      entries.filter((candidate) => candidate !== entry),
      parent.mtime,
    );
    if (!isFolder && inode.linkCount > 1)
      return this.#putInode(inode.ino, { ...inode, linkCount: inode.linkCount - 1 });
    if (inode.kind === "file" || isFolder || (inode.kind === "symlink" && (inode.flags & INODE_FLAG.extents) !== 0))
      this.#freeContent(inode);
    if (inode.attributeBlock !== 0) this.#dropAttributeBlock(inode.attributeBlock);
    this.#reader.disk.write(this.#reader.inodeOffset(inode.ino), new Uint8Array(this.#reader.superblock.inodeSize));
    allocator.freeInode(inode.ino, isFolder);
  }

  flush(): void {
    this.#allocator?.flush();
  }

  /** @throws FormatError when it cannot be changed */
  #changes(): Ext4Allocator {
    if (this.#allocator !== undefined) return this.#allocator;
    const { incompat, roCompat, raw } = this.#reader.superblock;
    if ((incompat & INCOMPAT.recover) !== 0)
      throw new FormatError("the file system was not unmounted: mount it once, or run e2fsck, before changing it");
    if ((viewOf(raw).getUint16(0x3a, true) & 2) !== 0)
      throw new FormatError("the file system has errors: run e2fsck before changing it");
    const unknown = (incompat & ~WRITABLE_INCOMPAT) | (roCompat & ~WRITABLE_RO_COMPAT);
    if (unknown !== 0 || (incompat & INCOMPAT.extents) === 0)
      throw new FormatError(`the ${this.type} file system has features with which it is only read`);
    return (this.#allocator = new Ext4Allocator(this.#reader));
  }

  #folder(path: string): OpenInode {
    const folder = this.#reader.resolve(path, true);
    if (folder === undefined) throw new FormatError(`${path}: no such folder`);
    if (folder.kind !== "directory") throw new FormatError(`${path}: is no folder`);
    return folder;
  }

  #place(path: string): { parent: OpenInode; name: string } {
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined || name === "..") throw new FormatError(`${path}: not a name`);
    return { parent: this.#folder(names.join("/")), name };
  }

  #copy(path: string, content: Pick<Blob, "sizeBytes" | "read">, runs: readonly Extent[]): void {
    const { blockSize } = this.#reader.superblock;
    const buffer = new Uint8Array(COPY_BYTES);
    for (const { logical, physical, count } of runs) {
      for (let at = 0; at < count * blockSize; at += COPY_BYTES) {
        const piece = buffer.subarray(0, Math.min(COPY_BYTES, count * blockSize - at));
        const wanted = Math.min(piece.length, content.sizeBytes - logical * blockSize - at);
        piece.fill(0, wanted);
        for (let done = 0; done < wanted;) {
          const taken = content.read(logical * blockSize + at + done, piece.subarray(done, wanted));
          if (taken <= 0) throw new FormatError(`${path}: its content is shorter than its size says`);
          done += taken;
        }
        this.#reader.disk.write(physical * blockSize + at, piece);
      }
    }
  }

  #freeContent(inode: OpenInode): void {
    const { extents, treeBlocks } = this.#reader.map(inode);
    for (const { physical, count } of extents) this.#allocator!.free(physical, count);
    for (const block of treeBlocks) this.#allocator!.free(block, 1);
  }

  /** Points an inode at blocks, and writes it. */
  #putContent(ino: number, inode: Inode, extents: readonly Extent[]): void {
    const { blockSize, checksumSeed } = this.#reader.superblock;
    let blocks = extents.reduce((sum, extent) => sum + extent.count, 0) + (inode.attributeBlock === 0 ? 0 : 1);
    const seed = inodeSeed(checksumSeed, ino, inode.generation);
    const blockArea = writeExtents(
      extents,
      blockSize,
      seed,
      () => {
        blocks++;
        return this.#allocator!.allocate(1)[0]!.physical;
      },
      (block, bytes) => this.#reader.disk.write(block * blockSize, bytes),
    );
    this.#putInode(ino, {
      ...inode,
      blockArea,
      flags: (inode.flags | INODE_FLAG.extents) & ~(INODE_FLAG.index | INODE_FLAG.hugeFile | INODE_FLAG.inlineData),
      sectorCount: blocks * (blockSize / 512),
    });
  }

  #putInode(ino: number, inode: Inode): void {
    const { disk, superblock, hasChecksums } = this.#reader;
    const offset = this.#reader.inodeOffset(ino);
    const bytes = readBytes(disk, offset, superblock.inodeSize);
    encodeInode(inode, bytes);
    if (hasChecksums) sealInode(bytes, superblock.checksumSeed, ino);
    disk.write(offset, bytes);
  }

  #setEntries(folder: OpenInode, entries: readonly DirectoryEntry[], mtime: number): void {
    const parent = this.#parentOf(folder);
    this.#writeEntries({ ...folder, mtime }, entries, parent);
  }

  /** Number of the folder above, which `..` names. */
  #parentOf(folder: OpenInode): number {
    const head = new Uint8Array(24);
    this.#reader.content(folder).read(0, head);
    return viewOf(head).getUint32(12, true);
  }

  /**
   * A folder's content anew, as a plain list: a hash tree over it is given up, and made again by the kernel when the
   * folder grows.
   */
  #writeEntries(folder: OpenInode, entries: readonly DirectoryEntry[], parent: number): void {
    const { blockSize, checksumSeed } = this.#reader.superblock;
    const seed = this.#reader.hasChecksums ? inodeSeed(checksumSeed, folder.ino, folder.generation) : undefined;
    const dots = [
      { ino: folder.ino, name: ".", type: ENTRY_TYPE.directory },
      { ino: parent, name: "..", type: ENTRY_TYPE.directory },
    ];
    const bytes = directoryBlocks([...dots, ...entries], blockSize, seed);
    const isNew = folder.sectorCount === 0;
    const old = isNew ? { extents: [], treeBlocks: [] } : this.#reader.map(folder);
    const blocks = old.extents.flatMap(({ physical, count }) =>
      Array.from({ length: count }, (_, index) => physical + index),
    );
    for (const block of old.treeBlocks) this.#allocator!.free(block, 1);
    const missing = bytes.length / blockSize - blocks.length;
    if (missing > 0)
      for (const { physical, count } of this.#allocator!.allocate(missing))
        for (let index = 0; index < count; index++) blocks.push(physical + index);
    const extents: { logical: number; physical: number; count: number }[] = [];
    blocks.forEach((block, logical) => {
      const last = extents.at(-1);
      if (last !== undefined && last.physical + last.count === block) last.count++;
      else extents.push({ logical, physical: block, count: 1 });
      const inside = (logical + 1) * blockSize <= bytes.length;
      this.#reader.disk.write(
        block * blockSize,
        inside ? bytes.subarray(logical * blockSize, (logical + 1) * blockSize) : emptyDirectoryBlock(blockSize, seed),
      );
    });
    this.#putContent(folder.ino, { ...folder, size: blocks.length * blockSize }, extents);
  }

  /** The block may serve several inodes; the last one frees it. */
  #dropAttributeBlock(block: number): void {
    const { blockSize } = this.#reader.superblock;
    const view = viewOf(readBytes(this.#reader.disk, block * blockSize, blockSize));
    if (view.getUint32(4, true) > 1)
      throw new FormatError("a file whose attributes are shared with others is not removed");
    this.#allocator!.free(block, 1);
  }
}

function newInode(type: number, file: NewFile): Inode {
  return {
    mode: type | (file.mode & 0o7777),
    uid: file.uid,
    gid: file.gid,
    size: 0,
    linkCount: 1,
    mtime: file.mtime,
    flags: 0,
    generation: 0,
    sectorCount: 0,
    attributeBlock: 0,
    blockArea: new Uint8Array(BLOCK_AREA_SIZE),
    attributes: new Uint8Array(0),
  };
}
