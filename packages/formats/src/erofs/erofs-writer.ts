/**
 * Makes an EROFS image of a tree: a read-only root whose files lie as they are, page by page, so that the kernel maps
 * them without copying. Source: Linux fs/erofs/erofs_fs.h; Documentation/filesystems/erofs.rst.
 *
 *     boot area 1 KiB · superblock · blocks of content · inodes, each with its attributes and the end of its content
 *
 * Each file is read once: whole blocks are written as they come, and what is left behind the last one waits for its
 * inode, if both fit into one block. Of files with long runs of zeros a list names the blocks, and such runs take no
 * room; these are not packed.
 */
import { compressLz4 } from "@stratos/base";
import { isZero, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { sequentialWriter } from "../disk/sequential-writer.ts";
import { FormatError } from "../format-error.ts";
import type { Blob, FileTree } from "../tree/file-tree.ts";
import { treeNodes, type TreeNode } from "../tree/tree-nodes.ts";
import { EXTENT_BYTES, fullIndex, fullIndexSize, type PackedExtent } from "./erofs-clusters.ts";
import {
  BLOCK_SIZE,
  chunkFormat,
  DataLayout,
  deviceNumber,
  FILE_TYPE,
  HOLE,
  inode,
  INODE_SIZE,
  sealFirstBlock,
  SLOT_SIZE,
  superblock,
  SUPERBLOCK_OFFSET,
  xattrArea,
} from "./erofs-layout.ts";

export interface ErofsOptions {
  readonly uuid: string;
  readonly label: string;
  /** seconds since 1970 */
  readonly time: number;
  /** pack content by LZ4, 64 KiB at a time, where that saves blocks */
  readonly isPacked?: boolean;
}

const DIRENT_SIZE = 12;
const BUFFER_BYTES = 1 << 20;
/** So many blocks of zeros in a row, at such a place, are a hole. */
const HOLE_BLOCKS = 16;
/** Ends of files that are kept until their inodes are written; beyond, they are read again. */
const TAILS_MAX = 64 << 20;
/** A file of the host grows by so much at once. */
const GROW = 16 << 20;

interface Place {
  readonly node: TreeNode;
  readonly size: number;
  readonly xattrs: Uint8Array;
  layout: DataLayout;
  /** of a file in chunks: where each block is */
  list: Uint32Array | null;
  /** of a packed file */
  extents: PackedExtent[] | null;
  /** what stands behind the inode; null when it is to be read again */
  tail: Uint8Array | null;
  /** byte of the inode in the area of inodes */
  offset: number;
  /** of a packed file: the number of its blocks */
  firstBlock: number;
}

/** Bytes that the image of a tree has at most. @throws FormatError when EROFS cannot hold it */
export function erofsSizeFor(tree: FileTree, options: { readonly isPacked?: boolean } = {}): number {
  // How much is saved shows when it is done.
  if (options.isPacked === true)
    return new ErofsWriter(new CountingDisk(), tree).write({
      uuid: "00000000-0000-0000-0000-000000000000",
      label: "",
      time: 0,
      isPacked: true,
    });
  const places = treeNodes(tree).map(placeOf);
  let blocks = 1;
  for (const place of places) {
    if (place.node.entry.kind !== "directory" && place.layout !== DataLayout.flatInline)
      blocks += Math.ceil(place.size / BLOCK_SIZE);
    else blocks += Math.floor(place.size / BLOCK_SIZE);
    // With holes a file has a list rather than an end behind its inode, and its end is a block.
    if (place.size >= HOLE_BLOCKS * BLOCK_SIZE) blocks += 1 + Math.ceil((4 * place.size) / BLOCK_SIZE / BLOCK_SIZE);
  }
  return (blocks + layOutInodes(places)) * BLOCK_SIZE;
}

/**
 * Writes the image to the beginning of `disk`, which grows when it is too small.
 * @returns its bytes, a multiple of 4 KiB. @throws FormatError
 */
export function writeErofs(disk: Disk, tree: FileTree, options: ErofsOptions): number {
  return new ErofsWriter(disk, tree).write(options);
}

/** Takes what is written and keeps nothing of it. */
class CountingDisk implements Disk {
  size = 0;

  read(): void {}
  write(): void {}

  resize(size: number): void {
    this.size = size;
  }
}

class ErofsWriter {
  readonly #disk: Disk;
  readonly #isGrown: boolean;
  readonly #places: readonly Place[];
  readonly #writer: { write(offset: number, bytes: Uint8Array): void; flush(): void };
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #packed = new Uint8Array(EXTENT_BYTES);
  #tailBytes = 0;
  #next = 1;

  constructor(disk: Disk, tree: FileTree) {
    this.#disk = disk;
    this.#places = treeNodes(tree).map(placeOf);
    this.#isGrown = disk.size < BLOCK_SIZE;
    this.#writer = sequentialWriter(disk, BUFFER_BYTES);
  }

  write(options: ErofsOptions): number {
    for (const place of this.#places) {
      if (
        place.node.entry.kind === "file" &&
        !(options.isPacked === true && this.#writePacked(place, place.node.entry.content!))
      )
        this.#writeContent(place, place.node.entry.content!);
    }
    // Folders name inodes, whose places are known only when it is known what stands behind each.
    const inodeBlocks = layOutInodes(this.#places);
    const folders = this.#places.filter(({ node }) => node.entry.kind === "directory");
    const slotOf = (node: TreeNode): number => this.#places[node.index]!.offset / SLOT_SIZE;
    for (const place of folders) this.#writeWhole(place, folderContent(place.node, slotOf));
    for (const place of this.#places)
      if (place.node.entry.kind === "symlink")
        this.#writeWhole(
          place,
          Uint8Array.from(place.node.entry.target, (character) => character.charCodeAt(0)),
        );
    const start = this.#next,
      blocks = start + inodeBlocks;
    if (blocks > 0xffffffff) throw new FormatError("the tree is larger than EROFS can be with blocks of 4 KiB");
    this.#writeInodes(start * BLOCK_SIZE, blocks * BLOCK_SIZE);
    this.#writer.flush();
    const first = new Uint8Array(BLOCK_SIZE),
      hasChunks = this.#places.some(({ layout }) => layout === DataLayout.chunkBased),
      isPacked = this.#places.some(({ layout }) => layout === DataLayout.packed);
    first.set(
      superblock({
        ...options,
        inodes: this.#places.length,
        blocks,
        inodeBlock: start,
        rootSlot: slotOf(this.#places[0]!.node),
        hasChunks,
        clusterBlocksMax: isPacked ? EXTENT_BYTES / BLOCK_SIZE : 0,
      }),
      SUPERBLOCK_OFFSET,
    );
    sealFirstBlock(first);
    this.#disk.write(0, first);
    if (this.#isGrown) this.#disk.resize(blocks * BLOCK_SIZE);
    return blocks * BLOCK_SIZE;
  }

  /** @returns false, and nothing has been written that counts, when nothing would be saved or the file has holes */
  #writePacked(place: Place, content: Blob): boolean {
    const {
        size,
        node: {
          entry: { path },
        },
      } = place,
      extents: PackedExtent[] = [],
      before = this.#next;
    if (size <= BLOCK_SIZE) return false;
    let saved = 0;
    for (let offset = 0; offset < size; offset += EXTENT_BYTES) {
      const piece = this.#buffer.subarray(0, Math.min(EXTENT_BYTES, size - offset)),
        clusters = Math.ceil(piece.length / BLOCK_SIZE);
      readAll(content, offset, piece, path);
      if (piece.length === EXTENT_BYTES && isZero(piece)) {
        this.#next = before;
        return false;
      }
      const length = compressLz4(piece, 0, piece.length, this.#packed.subarray(0, (clusters - 1) * BLOCK_SIZE)),
        blocks = Math.ceil(length / BLOCK_SIZE);
      if (length > 0) {
        // What is packed stands at the end, behind zeros.
        const stored = new Uint8Array(blocks * BLOCK_SIZE);
        stored.set(this.#packed.subarray(0, length), stored.length - length);
        extents.push({ block: this.#next, clusters, blocks });
        this.#append(stored);
        saved += clusters - blocks;
      } else {
        extents.push({ block: this.#next, clusters, blocks: 0 });
        this.#append(piece);
      }
    }
    if (saved === 0) {
      this.#next = before;
      return false;
    }
    place.extents = extents;
    place.layout = DataLayout.packed;
    place.firstBlock = this.#next - before;
    return true;
  }

  /** Whole blocks go to the disk, the end behind the inode where it has room. */
  #writeContent(place: Place, content: Blob): void {
    const {
        size,
        node: {
          entry: { path },
        },
      } = place,
      tailAt = place.layout === DataLayout.flatInline ? size - (size % BLOCK_SIZE) : size;
    place.firstBlock = this.#next;
    for (let offset = 0; offset < tailAt; offset += BUFFER_BYTES) {
      const piece = this.#buffer.subarray(0, Math.min(BUFFER_BYTES, tailAt - offset));
      readAll(content, offset, piece, path);
      this.#writeBlocks(place, offset / BLOCK_SIZE, piece);
    }
    if (tailAt === size) return;
    const tail = new Uint8Array(size - tailAt);
    if (place.list === null && this.#tailBytes + tail.length > TAILS_MAX) return;
    readAll(content, tailAt, tail, path);
    if (place.list !== null) {
      // The list stands where the end would.
      this.#writeBlocks(place, tailAt / BLOCK_SIZE, tail);
      return;
    }
    this.#tailBytes += tail.length;
    place.tail = tail;
  }

  /** @param at  the first one's number in its file */
  #writeBlocks(place: Place, at: number, bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length;) {
      const run = Math.min(HOLE_BLOCKS * BLOCK_SIZE, bytes.length - offset),
        piece = bytes.subarray(offset, offset + run),
        number = at + offset / BLOCK_SIZE;
      if (run === HOLE_BLOCKS * BLOCK_SIZE && isZero(piece)) this.#listOf(place, number);
      else {
        const count = Math.ceil(run / BLOCK_SIZE);
        for (let block = 0; place.list !== null && block < count; block++)
          place.list[number + block] = this.#next + block;
        this.#append(piece);
      }
      offset += run;
    }
  }

  /** The list of a file's blocks, all of which were written so far. */
  #listOf(place: Place, written: number): Uint32Array {
    if (place.list !== null) return place.list;
    place.list = new Uint32Array(Math.ceil(place.size / BLOCK_SIZE)).fill(HOLE);
    for (let block = 0; block < written; block++) place.list[block] = place.firstBlock + block;
    place.layout = DataLayout.chunkBased;
    return place.list;
  }

  #writeWhole(place: Place, bytes: Uint8Array): void {
    const tailAt = place.layout === DataLayout.flatInline ? bytes.length - (bytes.length % BLOCK_SIZE) : bytes.length;
    place.firstBlock = this.#next;
    this.#append(bytes.subarray(0, tailAt));
    place.tail = bytes.subarray(tailAt);
  }

  #append(bytes: Uint8Array): void {
    this.#put(this.#next * BLOCK_SIZE, bytes);
    const rest = bytes.length % BLOCK_SIZE;
    if (rest > 0) this.#put(this.#next * BLOCK_SIZE + bytes.length, new Uint8Array(BLOCK_SIZE - rest));
    this.#next += Math.ceil(bytes.length / BLOCK_SIZE);
  }

  #put(offset: number, bytes: Uint8Array): void {
    if (this.#isGrown && offset + bytes.length > this.#disk.size) this.#disk.resize(offset + bytes.length + GROW);
    this.#writer.write(offset, bytes);
  }

  #writeInodes(start: number, end: number): void {
    let at = start;
    const put = (offset: number, bytes: Uint8Array): void => {
      if (offset > at) this.#put(at, new Uint8Array(offset - at));
      this.#put(offset, bytes);
      at = offset + bytes.length;
    };
    for (const place of this.#places) {
      const {
        node: { entry, index, names, subfolders },
        layout,
        list,
        size,
        xattrs,
      } = place;
      const isFolder = entry.kind === "directory",
        isDevice = entry.kind === "character" || entry.kind === "block",
        hasBlocks = size >= (layout === DataLayout.flatInline ? BLOCK_SIZE : 1);
      put(
        start + place.offset,
        inode({
          entry,
          layout,
          size,
          number: index + 1,
          links: isFolder ? 2 + subfolders : names.length,
          xattrBytes: xattrs.length,
          place: isDevice
            ? deviceNumber(entry)
            : list !== null
              ? chunkFormat(Math.log2(BLOCK_SIZE))
              : hasBlocks
                ? place.firstBlock
                : HOLE,
        }),
      );
      put(at, xattrs);
      if (place.extents !== null)
        put(at, fullIndex(INODE_SIZE + xattrs.length, Math.ceil(size / BLOCK_SIZE), place.extents));
      else if (list !== null) {
        const bytes = new Uint8Array(list.length * 4),
          view = viewOf(bytes);
        list.forEach((block, number) => view.setUint32(number * 4, block, true));
        put(at, bytes);
      } else if (layout === DataLayout.flatInline) {
        const tail = place.tail ?? new Uint8Array(size % BLOCK_SIZE);
        if (place.tail === null) readAll(entry.content!, size - tail.length, tail, entry.path);
        put(at, tail);
      }
    }
    if (at < end) this.#put(at, new Uint8Array(end - at));
  }
}

function placeOf(node: TreeNode): Place {
  const { entry } = node;
  const size =
    entry.kind === "directory"
      ? folderSize(node)
      : entry.kind === "symlink"
        ? entry.target.length
        : (entry.content?.sizeBytes ?? 0);
  if (entry.kind === "symlink" && size >= BLOCK_SIZE)
    throw new FormatError(`${entry.path}: a link's target has at most ${BLOCK_SIZE - 1} bytes`);
  const xattrs = xattrArea(entry),
    tail = size % BLOCK_SIZE;
  return {
    node,
    size,
    xattrs,
    layout: tail > 0 && INODE_SIZE + xattrs.length + tail <= BLOCK_SIZE ? DataLayout.flatInline : DataLayout.flatPlain,
    list: null,
    extents: null,
    tail: null,
    offset: 0,
    firstBlock: 0,
  };
}

/** Gives each inode its place. @returns blocks of all */
function layOutInodes(places: readonly Place[]): number {
  let offset = 0;
  for (const place of places) {
    const length =
      INODE_SIZE +
      place.xattrs.length +
      (place.extents !== null
        ? fullIndexSize(INODE_SIZE + place.xattrs.length, Math.ceil(place.size / BLOCK_SIZE))
        : place.list !== null
          ? place.list.length * 4
          : place.layout === DataLayout.flatInline
            ? place.size % BLOCK_SIZE
            : 0);
    offset = Math.ceil(offset / SLOT_SIZE) * SLOT_SIZE;
    // An inode and what lies behind it share a block, as far as that can be.
    if (Math.floor(offset / BLOCK_SIZE) !== Math.floor((offset + Math.min(length, BLOCK_SIZE) - 1) / BLOCK_SIZE))
      offset = Math.ceil(offset / BLOCK_SIZE) * BLOCK_SIZE;
    place.offset = offset;
    offset += length;
  }
  return Math.ceil(offset / BLOCK_SIZE);
}

function readAll(content: Blob, offset: number, into: Uint8Array, path: string): void {
  for (let done = 0; done < into.length;) {
    const count = content.read(offset + done, into.subarray(done));
    if (count <= 0) throw new FormatError(`${path}: its content is shorter than its size says`);
    done += count;
  }
}

interface FolderName {
  readonly name: string;
  readonly node: TreeNode;
}

/** What a folder names, itself and its parent among them, in the order of bytes. */
function folderNames(folder: TreeNode): FolderName[] {
  const names: FolderName[] = [{ name: ".", node: folder }, { name: "..", node: folder.parent }, ...folder.children];
  return names.sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** Names fill blocks one after another, and none is divided. @returns where each block's names end */
function folderBlocks(names: readonly FolderName[]): { ends: number[]; size: number } {
  const ends: number[] = [];
  let fill = 0;
  names.forEach(({ name }, index) => {
    const length = DIRENT_SIZE + name.length;
    if (fill + length > BLOCK_SIZE) {
      ends.push(index);
      fill = 0;
    }
    fill += length;
  });
  ends.push(names.length);
  return { ends, size: (ends.length - 1) * BLOCK_SIZE + fill };
}

function folderSize(folder: TreeNode): number {
  return folderBlocks(folderNames(folder)).size;
}

function folderContent(folder: TreeNode, slotOf: (node: TreeNode) => number): Uint8Array {
  const names = folderNames(folder),
    { ends, size } = folderBlocks(names);
  const bytes = new Uint8Array(size),
    view = viewOf(bytes);
  let from = 0;
  ends.forEach((end, number) => {
    const base = number * BLOCK_SIZE;
    let nameAt = (end - from) * DIRENT_SIZE;
    for (let index = from; index < end; index++) {
      const { name, node } = names[index]!,
        at = base + (index - from) * DIRENT_SIZE;
      writeU64(view, at, slotOf(node));
      view.setUint16(at + 8, nameAt, true);
      bytes[at + 10] = FILE_TYPE[node.entry.kind as "file"];
      for (let letter = 0; letter < name.length; letter++) bytes[base + nameAt + letter] = name.charCodeAt(letter);
      nameAt += name.length;
    }
    from = end;
  });
  return bytes;
}
