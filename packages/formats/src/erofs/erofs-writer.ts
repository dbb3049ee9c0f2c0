/**
 * Makes an EROFS image of a tree: a read-only root whose files lie as they are, page by page, so that the kernel maps them without copying.
 * Source: Linux fs/erofs/erofs_fs.h; Documentation/filesystems/erofs.rst.
 *
 *     boot area 1 KiB · superblock · inodes, each with its attributes and the end of its content · blocks of content
 *
 * All places are known before anything is written. What is left of a file behind its last whole block lies behind the inode, if both fit
 * into one block. Files with blocks of zeros are kept in chunks, and such blocks take no room.
 */
import { isZero, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { sequentialWriter } from "../disk/sequential-writer.ts";
import { FormatError } from "../format-error.ts";
import type { Blob, FileTree } from "../tree/file-tree.ts";
import { treeNodes, type TreeNode } from "../tree/tree-nodes.ts";
import {
  BLOCK_SIZE, chunkFormat, DataLayout, deviceNumber, FILE_TYPE, HOLE, inode, INODE_SIZE, sealFirstBlock, SLOT_SIZE, superblock, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, xattrArea,
} from "./erofs-layout.ts";

export interface ErofsOptions {
  readonly uuid: string;
  readonly label: string;
  /** seconds since 1970 */
  readonly time: number;
}

const DIRENT_SIZE = 12;
const BUFFER_BYTES = 1 << 20;

interface Place {
  readonly node: TreeNode;
  readonly size: number;
  readonly layout: DataLayout;
  readonly xattrs: Uint8Array;
  /** blocks in the data area; those of a file in chunks are named one by one */
  readonly blocks: number;
  readonly holes: Uint8Array | null;
  /** byte of the inode */
  offset: number;
  firstBlock: number;
}

/** Bytes of the image of a tree. @throws FormatError when EROFS cannot hold it */
export function erofsSizeFor(tree: FileTree): number {
  return layOut(tree).blocks * BLOCK_SIZE;
}

/**
 * Writes the image to the beginning of `disk`, which grows when it is too small.
 * @returns its bytes, a multiple of 4 KiB. @throws FormatError
 */
export function writeErofs(disk: Disk, tree: FileTree, options: ErofsOptions): number {
  const { places, blocks } = layOut(tree);
  const size = blocks * BLOCK_SIZE;
  if (disk.size < size) disk.resize(size);
  const slotOf = (node: TreeNode): number => places[node.index]!.offset / SLOT_SIZE;

  // The area of inodes is written in order and once, and so are the blocks of content behind it.
  const metadata = sequentialWriter(disk, BUFFER_BYTES), content = sequentialWriter(disk, BUFFER_BYTES);
  const first = new Uint8Array(BLOCK_SIZE);
  const hasChunks = places.some(({ layout }) => layout === DataLayout.chunkBased);
  first.set(superblock({ uuid: options.uuid, label: options.label, time: options.time, inodes: places.length, blocks, rootSlot: slotOf(places[0]!.node), hasChunks }), SUPERBLOCK_OFFSET);
  let at = BLOCK_SIZE;
  const put = (offset: number, bytes: Uint8Array): void => {
    if (offset < BLOCK_SIZE) {
      const head = Math.min(bytes.length, BLOCK_SIZE - offset);
      first.set(bytes.subarray(0, head), offset);
      if (head < bytes.length) put(BLOCK_SIZE, bytes.subarray(head));
      return;
    }
    if (offset > at) metadata.write(at, new Uint8Array(offset - at));
    metadata.write(offset, bytes);
    at = offset + bytes.length;
  };
  const block = new Uint8Array(BLOCK_SIZE);
  for (const place of places) {
    const { node: { entry, index, names, subfolders }, layout, xattrs, holes } = place;
    const isFolder = entry.kind === "directory";
    const isDevice = entry.kind === "character" || entry.kind === "block";
    put(place.offset, inode({
      entry, layout, size: place.size, number: index + 1, links: isFolder ? 2 + subfolders : names.length, xattrBytes: xattrs.length,
      place: isDevice ? deviceNumber(entry) : layout === DataLayout.chunkBased ? chunkFormat(Math.log2(BLOCK_SIZE)) : place.blocks > 0 ? place.firstBlock : HOLE,
    }));
    put(place.offset + INODE_SIZE, xattrs);
    let tailAt = place.offset + INODE_SIZE + xattrs.length;
    if (layout === DataLayout.chunkBased) {
      const list = new Uint8Array(holes!.length * 4), view = viewOf(list);
      let next = place.firstBlock;
      holes!.forEach((isHole, number) => view.setUint32(number * 4, isHole === 1 ? HOLE : next++, true));
      put(tailAt, list);
      tailAt += list.length;
    }
    const bytes = isFolder ? folderContent(place.node, slotOf) : entry.kind === "symlink" ? Uint8Array.from(entry.target, (character) => character.charCodeAt(0)) : null;
    let next = place.firstBlock;
    for (let offset = 0; offset < place.size; offset += BLOCK_SIZE) {
      const length = Math.min(BLOCK_SIZE, place.size - offset);
      const isTail = layout === DataLayout.flatInline && length < BLOCK_SIZE;
      if (holes?.[offset / BLOCK_SIZE] === 1) continue;
      const piece = block.subarray(0, length);
      if (bytes !== null) piece.set(bytes.subarray(offset, offset + length));
      else readAll(entry.content!, offset, piece, entry.path);
      if (isTail) put(tailAt, piece);
      else {
        block.fill(0, length);
        content.write(next++ * BLOCK_SIZE, block);
      }
    }
  }
  const firstData = places.reduce((least, { blocks: own, firstBlock }) => (own > 0 ? Math.min(least, firstBlock) : least), blocks);
  if (at < firstData * BLOCK_SIZE) metadata.write(at, new Uint8Array(firstData * BLOCK_SIZE - at));
  metadata.flush();
  content.flush();
  sealFirstBlock(first);
  disk.write(0, first);
  return size;
}

function layOut(tree: FileTree): { places: Place[]; blocks: number } {
  let offset = SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE;
  const places = treeNodes(tree).map((node): Place => {
    const { entry } = node;
    const size = entry.kind === "directory" ? folderSize(node) : entry.kind === "symlink" ? entry.target.length : (entry.content?.sizeBytes ?? 0);
    if (entry.kind === "symlink" && size >= BLOCK_SIZE) throw new FormatError(`${entry.path}: a link's target has at most ${BLOCK_SIZE - 1} bytes`);
    const xattrs = xattrArea(entry);
    const holes = entry.kind === "file" ? holesOf(entry.content!, entry.path) : null;
    const tail = size % BLOCK_SIZE;
    const isInline = holes === null && tail > 0 && INODE_SIZE + xattrs.length + tail <= BLOCK_SIZE;
    const layout = holes !== null ? DataLayout.chunkBased : isInline ? DataLayout.flatInline : DataLayout.flatPlain;
    const length = INODE_SIZE + xattrs.length + (holes !== null ? holes.length * 4 : isInline ? tail : 0);
    offset = Math.ceil(offset / SLOT_SIZE) * SLOT_SIZE;
    // An inode and what lies behind it share a block, as far as that can be.
    if (Math.floor(offset / BLOCK_SIZE) !== Math.floor((offset + Math.min(length, BLOCK_SIZE) - 1) / BLOCK_SIZE)) offset = Math.ceil(offset / BLOCK_SIZE) * BLOCK_SIZE;
    const place = { node, size, layout, xattrs, holes, offset, firstBlock: 0, blocks: holes !== null ? holes.reduce((sum, isHole) => sum + 1 - isHole, 0) : isInline ? Math.floor(size / BLOCK_SIZE) : Math.ceil(size / BLOCK_SIZE) };
    offset += length;
    return place;
  });
  let blocks = Math.ceil(offset / BLOCK_SIZE);
  for (const place of places) {
    place.firstBlock = blocks;
    blocks += place.blocks;
  }
  if (blocks > 0xffffffff) throw new FormatError("the tree is larger than EROFS can be with blocks of 4 KiB");
  return { places, blocks };
}

/** Which blocks of a file are zero; null when none is. Small files are not looked at: nothing would be saved. */
function holesOf(content: Blob, path: string): Uint8Array | null {
  const count = Math.ceil(content.sizeBytes / BLOCK_SIZE);
  if (count < 16) return null;
  const holes = new Uint8Array(count), buffer = new Uint8Array(BUFFER_BYTES);
  let found = 0;
  for (let offset = 0; offset < content.sizeBytes; offset += BUFFER_BYTES) {
    const piece = buffer.subarray(0, Math.min(BUFFER_BYTES, content.sizeBytes - offset));
    readAll(content, offset, piece, path);
    for (let at = 0; at < piece.length; at += BLOCK_SIZE) {
      if (!isZero(piece.subarray(at, Math.min(at + BLOCK_SIZE, piece.length)))) continue;
      holes[(offset + at) / BLOCK_SIZE] = 1;
      found++;
    }
  }
  // The list costs four bytes a block; a few holes are not worth it.
  return found * BLOCK_SIZE > count * 4 + BLOCK_SIZE ? holes : null;
}

function readAll(content: Blob, offset: number, into: Uint8Array, path: string): void {
  for (let done = 0; done < into.length; ) {
    const count = content.read(offset + done, into.subarray(done));
    if (count <= 0) throw new FormatError(`${path}: its content is shorter than its size says`);
    done += count;
  }
}

interface FolderName { readonly name: string; readonly node: TreeNode }

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
  const names = folderNames(folder), { ends, size } = folderBlocks(names);
  const bytes = new Uint8Array(size), view = viewOf(bytes);
  let from = 0;
  ends.forEach((end, number) => {
    const base = number * BLOCK_SIZE;
    let nameAt = (end - from) * DIRENT_SIZE;
    for (let index = from; index < end; index++) {
      const { name, node } = names[index]!, at = base + (index - from) * DIRENT_SIZE;
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
