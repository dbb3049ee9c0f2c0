/** Extended attributes: in the inode as many as fit, the others in a block, which several inodes may share. */
import { ENOSPC } from "@stratos/abi";
import { FormatError, inodeXattrs, parseXattrs, viewOf, xattrBlock } from "@stratos/formats/ext4";
import { attributeBlockOf, setAttributeBlock, tailOf } from "./ext4-record.ts";
import type { Ext4Owner, Ext4Volume } from "./ext4-volume.ts";

/** In the head of a block of attributes: how many inodes it serves (`h_refcount`). */
const ATTRIBUTE_USERS = 4;

/** @throws FormatError, DiskError */
export function xattrsOf({ bytes, fileSystem }: Ext4Owner): Map<string, string> {
  const block = attributeBlockOf(bytes);
  return parseXattrs(tailOf(bytes), block === 0 ? undefined : fileSystem.readBlock(block));
}

/** In the inode as many as fit, in the order of their sizes; the rest in a block. */
export function putXattrs(inode: Ext4Owner, xattrs: ReadonlyMap<string, string>): number {
  const { fileSystem } = inode;
  const tail = tailOf(inode.bytes);
  const inside = new Map<string, string>(),
    outside = new Map<string, string>();
  let area = new Uint8Array(0);
  for (const [name, value] of [...xattrs].sort((a, b) => a[1].length - b[1].length)) {
    const more = tail.length > 0 ? inodeXattrs(new Map(inside).set(name, value), tail.length) : undefined;
    if (more === undefined) outside.set(name, value);
    else {
      inside.set(name, value);
      area = more as Uint8Array<ArrayBuffer>;
    }
  }
  const old = attributeBlockOf(inode.bytes);
  const isShared = old !== 0 && viewOf(fileSystem.readBlock(old)).getUint32(ATTRIBUTE_USERS, true) > 1;
  let block = isShared ? 0 : old;
  if (outside.size > 0) {
    const place = { blockSize: inode.blockSize, seed: fileSystem.attributeSeed };
    // It throws when they need more than a block has, before anything is changed.
    if (!fits(outside, place)) return -ENOSPC;
    if (block === 0) block = fileSystem.allocator.allocate(1, fileSystem.goalOf(inode.ino))[0]!.physical;
    fileSystem.writeBlock(block, xattrBlock(outside, { block, ...place }));
  } else if (block !== 0) {
    fileSystem.allocator.free(block, 1);
    block = 0;
  }
  if (isShared) leaveAttributeBlock(fileSystem, old);
  tail.fill(0);
  tail.set(area);
  setAttributeBlock(inode.bytes, block);
  inode.blocks += (((block === 0 ? 0 : 1) - (old === 0 ? 0 : 1)) * inode.blockSize) / 512;
  return 0;
}

/** A block of attributes serves several inodes; the last one frees it. */
export function leaveAttributeBlock(fileSystem: Ext4Volume, block: number): void {
  const bytes = fileSystem.readBlock(block);
  const users = viewOf(bytes).getUint32(ATTRIBUTE_USERS, true);
  if (users <= 1) return fileSystem.allocator.free(block, 1);
  viewOf(bytes).setUint32(ATTRIBUTE_USERS, users - 1, true);
  fileSystem.sealAttributes(block, bytes);
  fileSystem.writeBlock(block, bytes);
}

function fits(xattrs: ReadonlyMap<string, string>, place: { blockSize: number; seed: number | undefined }): boolean {
  try {
    xattrBlock(xattrs, { block: 0, ...place });
    return true;
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return false;
  }
}
