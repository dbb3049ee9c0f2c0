/**
 * Makes an XFS volume that holds a tree, in one pass over the disk and without mounting anything: version 5, as
 * mkfs.xfs makes it, but for the reverse map of blocks, which older kernels lack. Files lie one behind another in the
 * order of the tree, inodes at the beginning of the first group; blocks of zeros become holes. The result is a function
 * of the tree and the options alone. Source: XFS Algorithms & Data Structures (3rd edition); Linux
 * fs/xfs/libxfs/xfs_format.h.
 */
import { byteStringOf } from "@stratos/base";
import { isZero, viewOf, type Disk } from "../disk/disk.ts";
import { sequentialWriter } from "../disk/sequential-writer.ts";
import { FormatError } from "../format-error.ts";
import { uuidBytes } from "../gpt/guid.ts";
import type { FileKind, FileTree } from "../tree/file-tree.ts";
import { treeNodes, type TreeNode } from "../tree/tree-nodes.ts";
import { appendRun } from "../tree/extent-list.ts";
import { attributeBlocks, localAttributes } from "./xfs-attributes.ts";
import { SEAL, sealBlock } from "./xfs-blocks.ts";
import { folderBlocks, folderForm } from "./xfs-directory.ts";
import { extentTreeBlocks, EXTENT_BLOCKS_MAX, mapExtents, type Extent } from "./xfs-extents.ts";
import {
  blockAddress,
  blockNumber,
  BLOCK_SIZE,
  CHUNK_BLOCKS,
  CHUNK_INODES,
  FREE_LIST_BLOCKS,
  GROUP,
  INODE_SIZE,
  inodeNumber,
  XFS_SIZE_MIN,
  xfsGeometry,
  type Geometry,
} from "./xfs-geometry.ts";
import { encodeInode, FLAG_NEW_BITMAP, FORK_BYTES, FORM, newInode, type Form, type Inode } from "./xfs-inode.ts";
import { cleanLog, groupBlocks, type FreeSpace, type VolumeFacts } from "./xfs-superblock.ts";

export interface XfsOptions {
  readonly uuid: string;
  /** at most 12 bytes */
  readonly label: string;
  /** seconds since 1970, for what the tree gives no time */
  readonly time: number;
  /** the disk's bytes are zero already, as in a new file; else the log is cleared */
  readonly isZeroed: boolean;
}

const MODES: Readonly<Record<Exclude<FileKind, "hardLink">, number>> = {
  directory: 0x4000,
  file: 0x8000,
  symlink: 0xa000,
  character: 0x2000,
  block: 0x6000,
  fifo: 0x1000,
};
/** Inodes of real-time devices stand behind the root's, and are empty. */
const REAL_TIME_INODES = 2;
const LABEL_MAX = 12;
const SYMLINK_MAX = 1023;
const LINK_MAGIC = 0x58534c4d; // "XSLM"
const LINK_HEADER = 56;
/** The data fork keeps room for a tree's root, as Linux wants it. */
const DATA_FORK_MIN = 96;
/** Attributes outside of the inode have an extent or two; Linux wants room for a tree's root. */
const ATTRIBUTE_EXTENTS_BYTES = 64;
const COPY_BYTES = 1 << 20;
const MIB = 1 << 20;

/** Bytes of a volume that holds the tree, with what Linux sets aside. */
export function xfsSizeFor(tree: FileTree): number {
  let inodes = 1 + REAL_TIME_INODES,
    blocks = 0;
  const folders = new Map<string, { names: number; bytes: number }>();
  for (const { path, kind, content, target, xattrs } of tree.entries()) {
    if (kind !== "hardLink") inodes++;
    if (content !== null) {
      const own = Math.ceil(content.sizeBytes / BLOCK_SIZE);
      // At worst each other block is a hole.
      blocks += own + (own > 40 ? extentTreeBlocks(Math.ceil(own / 2), DATA_FORK_MIN) : 0);
    }
    if (kind === "symlink" && target.length > DATA_FORK_MIN) blocks++;
    if (xattrs.size > 0 && localAttributes(xattrs, FORK_BYTES - DATA_FORK_MIN) === undefined)
      blocks += attributeBlocks(xattrs).length;
    const slash = path.lastIndexOf("/"),
      folder = path.slice(0, Math.max(slash, 0));
    if (path === "") continue;
    const names = folders.get(folder) ?? { names: 0, bytes: 0 };
    names.names++;
    names.bytes += path.length - slash - 1;
    folders.set(folder, names);
  }
  for (const { names, bytes } of folders.values()) blocks += folderBlocks(names, bytes);
  // Inodes are to be no more than half of what they may take, so that new files can be made.
  const least = Math.max(XFS_SIZE_MIN, inodes * INODE_SIZE * 8);
  let size = Math.ceil(Math.max(least, blocks * BLOCK_SIZE) / MIB) * MIB;
  for (let round = 0; round < 1000; round++) {
    const missing = blocks - xfsGeometry(size, inodes).fileBlocks;
    if (missing <= 0) return size;
    size += Math.ceil((missing * BLOCK_SIZE) / MIB) * MIB;
  }
  return size;
}

/** @throws FormatError when the tree does not fit, or has what XFS cannot hold */
export function writeXfs(disk: Disk, tree: FileTree, options: XfsOptions): void {
  new XfsWriter(disk, treeNodes(tree), options).write();
}

interface Stored {
  readonly extents: readonly Extent[];
  readonly blocks: number;
}

class XfsWriter {
  readonly #disk: Disk;
  readonly #nodes: readonly TreeNode[];
  readonly #options: XfsOptions;
  readonly #geometry: Geometry;
  readonly #uuid: Uint8Array;
  readonly #out: ReturnType<typeof sequentialWriter>;
  readonly #buffer = new Uint8Array(COPY_BYTES);
  readonly #chunk = new Uint8Array(CHUNK_INODES * INODE_SIZE);
  /** the next block to hand out: of which group, and where in it */
  #group = 0;
  #next: number;

  constructor(disk: Disk, nodes: readonly TreeNode[], options: XfsOptions) {
    this.#disk = disk;
    this.#nodes = nodes;
    this.#options = options;
    this.#uuid = uuidBytes(options.uuid);
    this.#geometry = xfsGeometry(disk.size, nodes.length + REAL_TIME_INODES);
    this.#out = sequentialWriter(disk, COPY_BYTES);
    this.#next = this.#geometry.groups[0]!.files.start;
  }

  write(): void {
    this.#writeLog();
    for (const node of this.#nodes) {
      this.#putInode(positionOf(node), this.#inodeOf(node));
      if (node.index > 0) continue;
      for (let index = 1; index <= REAL_TIME_INODES; index++) {
        const inode = newInode(MODES.file, this.#options.time);
        if (index === 1) inode.flags = FLAG_NEW_BITMAP;
        this.#putInode(index, inode);
      }
    }
    const used = this.#nodes.length + REAL_TIME_INODES;
    for (let position = used; position % CHUNK_INODES !== 0; position++) this.#putInode(position, null);
    this.#out.flush();
    this.#writeGroups(used);
  }

  #inodeOf(node: TreeNode): Inode {
    const { entry } = node;
    const inode = newInode(MODES[entry.kind as "file"] | (entry.mode & 0o7777), entry.mtime);
    inode.uid = entry.uid;
    inode.gid = entry.gid;
    inode.links = entry.kind === "directory" ? 2 + node.subfolders : node.names.length;
    const ino = this.#numberOf(node);
    const isDevice = entry.kind === "character" || entry.kind === "block" || entry.kind === "fifo";
    try {
      if (entry.xattrs.size > 0) this.#putAttributes(inode, ino, entry.xattrs, isDevice);
    } catch (error) {
      throw error instanceof FormatError ? new FormatError(`${entry.path}: ${error.message}`) : error;
    }
    switch (entry.kind) {
      case "directory":
        this.#putFolder(inode, ino, node);
        break;
      case "file": {
        const content = entry.content!;
        inode.size = content.sizeBytes;
        this.#map(inode, ino, this.#writeContent(content, entry.path));
        break;
      }
      case "symlink":
        this.#putLink(inode, ino, byteStringOf(entry.target), entry.path);
        break;
      default: {
        inode.form = FORM.device;
        inode.data = new Uint8Array(8);
        // 14 bits of major, 18 of minor.
        if (entry.kind !== "fifo") viewOf(inode.data).setUint32(0, deviceNumber(entry));
        break;
      }
    }
    return inode;
  }

  #numberOf(node: TreeNode): number {
    return inodeNumber(this.#geometry, positionOf(node));
  }

  #putFolder(inode: Inode, ino: number, node: TreeNode): void {
    const children = node.children.map(({ name, node: child }) => ({
      name,
      ino: this.#numberOf(child),
      kind: child.entry.kind as Exclude<FileKind, "hardLink">,
    }));
    const form = folderForm({ ino, parent: this.#numberOf(node.parent) }, children, inode.dataBytes);
    inode.size = form.size;
    if (form.local === null) this.#map(inode, ino, this.#writeSealed(form.blocks, ino));
    else {
      inode.form = FORM.local;
      inode.data = form.local;
    }
  }

  #putLink(inode: Inode, ino: number, target: Uint8Array, path: string): void {
    inode.size = target.length;
    if (target.length > SYMLINK_MAX)
      throw new FormatError(`${path}: a symbolic link of ${target.length} bytes; XFS holds ${SYMLINK_MAX}`);
    if (target.length <= inode.dataBytes) {
      inode.form = FORM.local;
      inode.data = target;
      return;
    }
    const bytes = new Uint8Array(BLOCK_SIZE),
      view = viewOf(bytes);
    view.setUint32(0, LINK_MAGIC);
    view.setUint32(8, target.length);
    bytes.set(target, LINK_HEADER);
    this.#map(inode, ino, this.#writeSealed([{ logical: 0, bytes, seal: SEAL.remote }], ino));
  }

  #putAttributes(inode: Inode, ino: number, xattrs: ReadonlyMap<string, string>, isDevice: boolean): void {
    // A device's number has its 8 bytes, whatever its attributes are.
    const room = FORK_BYTES - (isDevice ? 8 : DATA_FORK_MIN);
    const local = localAttributes(xattrs, room);
    if (local !== undefined) {
      inode.attributeForm = FORM.local;
      inode.attributes = local;
      inode.dataBytes = isDevice ? 8 : FORK_BYTES - Math.ceil(local.length / 8) * 8;
      return;
    }
    inode.dataBytes = isDevice ? 8 : FORK_BYTES - ATTRIBUTE_EXTENTS_BYTES;
    const stored = this.#writeSealed(attributeBlocks(xattrs), ino);
    const { form, fork, blocks } = this.#mapped(stored.extents, FORK_BYTES - inode.dataBytes, ino);
    inode.attributeForm = form;
    inode.attributes = fork;
    inode.attributeExtents = stored.extents.length;
    inode.blocks += stored.blocks + blocks;
  }

  #map(inode: Inode, ino: number, { extents, blocks }: Stored): void {
    const { form, fork, blocks: ofTree } = this.#mapped(extents, inode.dataBytes, ino);
    inode.form = form;
    inode.data = fork;
    inode.extents = extents.length;
    inode.blocks += blocks + ofTree;
  }

  #mapped(
    extents: readonly Extent[],
    forkBytes: number,
    ino: number,
  ): { readonly form: Form; readonly fork: Uint8Array; readonly blocks: number } {
    const { isTree, fork, blocks } = mapExtents(
      extents,
      forkBytes,
      () => this.#allocate(1).physical,
      (block, bytes) => this.#putBlock(block, sealBlock(bytes, SEAL.fileTree, this.#identity(block, ino))),
    );
    return { form: isTree ? FORM.tree : FORM.extents, fork, blocks };
  }

  #identity(block: number, owner: number): { address: number; uuid: Uint8Array; owner: number } {
    return { address: blockAddress(this.#geometry, block), uuid: this.#uuid, owner };
  }

  #writeSealed(
    blocks: readonly {
      readonly logical: number;
      readonly bytes: Uint8Array;
      readonly seal: (typeof SEAL)[keyof typeof SEAL];
    }[],
    ino: number,
  ): Stored {
    const extents: Extent[] = [];
    for (const { logical, bytes, seal } of blocks) {
      const { physical } = this.#allocate(1);
      this.#putBlock(physical, sealBlock(bytes, seal, this.#identity(physical, ino)));
      appendRun(extents, { logical, physical, count: 1 }, EXTENT_BLOCKS_MAX);
    }
    return { extents, blocks: blocks.length };
  }

  #writeContent(
    content: { readonly sizeBytes: number; read(offset: number, into: Uint8Array): number },
    path: string,
  ): Stored {
    const extents: Extent[] = [];
    let blocks = 0;
    for (let offset = 0; offset < content.sizeBytes; offset += COPY_BYTES) {
      const length = Math.min(COPY_BYTES, content.sizeBytes - offset),
        padded = Math.ceil(length / BLOCK_SIZE) * BLOCK_SIZE;
      const piece = this.#buffer.subarray(0, padded);
      for (let done = 0; done < length;) {
        const count = content.read(offset + done, piece.subarray(done, length));
        if (count <= 0) throw new FormatError(`${path}: its content is shorter than its size says`);
        done += count;
      }
      piece.fill(0, length);
      const isHole = (at: number): boolean => isZero(piece.subarray(at, at + BLOCK_SIZE));
      for (let at = 0; at < padded;) {
        if (isHole(at)) {
          at += BLOCK_SIZE;
          continue;
        }
        let end = at + BLOCK_SIZE;
        while (end < padded && !isHole(end)) end += BLOCK_SIZE;
        while (at < end) {
          const run = this.#allocate((end - at) / BLOCK_SIZE, path);
          this.#putBlock(run.physical, piece.subarray(at, at + run.count * BLOCK_SIZE));
          appendRun(extents, { logical: (offset + at) / BLOCK_SIZE, ...run }, EXTENT_BLOCKS_MAX);
          blocks += run.count;
          at += run.count * BLOCK_SIZE;
        }
      }
    }
    return { extents, blocks };
  }

  /** The next blocks, at most `count`, of one group. */
  #allocate(count: number, what = "the tree"): { physical: number; count: number } {
    const { groups } = this.#geometry;
    while (this.#next >= groups[this.#group]!.files.end) {
      if (this.#group + 1 === groups.length)
        throw new FormatError(`${what}: there is no room for it on ${this.#disk.size} bytes`);
      this.#next = groups[++this.#group]!.files.start;
    }
    const start = this.#next,
      given = Math.min(count, groups[this.#group]!.files.end - start);
    this.#next += given;
    return { physical: blockNumber(this.#geometry, this.#group, start), count: given };
  }

  #putBlock(block: number, bytes: Uint8Array): void {
    this.#out.write(blockAddress(this.#geometry, block), bytes);
  }

  /** Inodes come in order, so that a chunk is written when its last one is known. */
  #putInode(position: number, inode: Inode | null): void {
    const number = inodeNumber(this.#geometry, position),
      at = (position % CHUNK_INODES) * INODE_SIZE;
    encodeInode(this.#chunk.subarray(at, at + INODE_SIZE), inode, { number, uuid: this.#uuid });
    if (position % CHUNK_INODES !== CHUNK_INODES - 1) return;
    const block = Math.floor(number / (BLOCK_SIZE / INODE_SIZE)) - CHUNK_BLOCKS + 1;
    this.#disk.write(blockAddress(this.#geometry, block), this.#chunk);
  }

  #writeLog(): void {
    const { index, log } = this.#geometry.logGroup,
      address = blockAddress(this.#geometry, blockNumber(this.#geometry, index, log!.start));
    if (!this.#options.isZeroed) {
      const zeros = new Uint8Array(COPY_BYTES);
      for (let at = 0, size = log!.count * BLOCK_SIZE; at < size; at += COPY_BYTES)
        this.#disk.write(address + at, zeros.subarray(0, Math.min(COPY_BYTES, size - at)));
    }
    this.#disk.write(address, cleanLog(this.#uuid));
  }

  #writeGroups(inodesUsed: number): void {
    const { groups } = this.#geometry;
    const free = groups.map((group): FreeSpace => {
      const next =
        group.index < this.#group ? group.files.end : group.index > this.#group ? group.files.start : this.#next;
      const firstUsed = group.chunks > 0 ? group.firstChunk : GROUP.headEnd;
      return [[GROUP.headEnd, firstUsed] as const, [next, group.blocks] as const].filter(([start, end]) => start < end);
    });
    const facts: VolumeFacts = {
      geometry: this.#geometry,
      uuid: this.#uuid,
      label: this.#options.label.slice(0, LABEL_MAX),
      inodesUsed,
      freeBlocks: free.flat().reduce((sum, [start, end]) => sum + end - start, groups.length * FREE_LIST_BLOCKS),
    };
    for (const group of groups)
      for (const [block, bytes] of groupBlocks(facts, group, free[group.index]!))
        this.#putBlock(blockNumber(this.#geometry, group.index, block), bytes);
    this.#out.flush();
  }
}

/** The root's inode is the first, and those of real-time devices come next. */
function positionOf({ index }: TreeNode): number {
  return index === 0 ? 0 : index + REAL_TIME_INODES;
}

function deviceNumber({ path, deviceMajor, deviceMinor }: TreeNode["entry"]): number {
  if (deviceMajor >= 2 ** 14 || deviceMinor >= 2 ** 18)
    throw new FormatError(`${path}: XFS has no form for the device ${deviceMajor}:${deviceMinor}`);
  return deviceMajor * 2 ** 18 + deviceMinor;
}
