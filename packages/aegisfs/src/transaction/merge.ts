/**
 * Applies what a transaction changed to files that others have changed meanwhile, in other places (change-set.ts has
 * found no conflict). Content is not copied: the extents get one owner more. Inode numbers that both sides have given
 * out since are given anew.
 */
import { ENOSPC, S_IFDIR, S_IFMT } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { Failure } from "../failure.ts";
import { putInline } from "../file/data.ts";
import { findEntry, insertEntry, nameAt, redirectEntry, removeEntry } from "../file/directory.ts";
import { changeBlocks, isLost, releaseExtents } from "../file/extents.ts";
import { changeInode, expectItems, initializeInode, loadInode, removeInode } from "../file/inode.ts";
import { settleFile } from "../file/settle.ts";
import { get as getXattr, remove as removeXattr, set as setXattr } from "../file/xattrs.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_FLAGS, EXTENT_AT_LENGTH } from "../format/extent-item.ts";
import {
  INODE_AT_BLOCKS,
  INODE_AT_CTIME,
  INODE_AT_ENTRIES,
  INODE_AT_MODE,
  INODE_AT_MTIME,
  INODE_AT_NLINK,
  INODE_AT_PARENT,
} from "../format/inode-item.ts";
import { KIND_ENTRY, KIND_EXTENT, KIND_INLINE, KIND_INODE, KIND_XATTR, keyMiddle } from "../format/key.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import { wordsOf, type ChangeSet, type ItemChange } from "./change-set.ts";

const INLINE_MIDDLE = keyMiddle(KIND_INLINE, 0);

/** Inside a transaction of the volume, with everything settled. Throws Failure. */
export function mergeChanges(target: Subvolume, source: Subvolume, changes: ChangeSet, firstNew: number): void {
  new Merge(target, source, firstNew).apply(changes.items);
}

class Merge {
  readonly #target: Subvolume;
  readonly #source: Subvolume;
  readonly #firstNew: number;
  /** Added to the numbers of new inodes. */
  readonly #shift: number;

  constructor(target: Subvolume, source: Subvolume, firstNew: number) {
    this.#target = target;
    this.#source = source;
    this.#firstNew = firstNew;
    this.#shift = target.nextIno - firstNew;
    if (source.nextIno + this.#shift > 0xffffffff) throw new Failure("no-space", -1);
    target.nextIno = source.nextIno + this.#shift;
  }

  apply(items: readonly ItemChange[]): void {
    const target = this.#target;
    const isNameless = new Set<number>();
    const inodes = items.filter(({ key }) => key[1] >>> 24 === KIND_INODE);
    for (const { key, left, right } of inodes) {
      if (left !== null || right === null) continue;
      const words = wordsOf(right);
      // A file that never got a name ends with its transaction.
      if (words[INODE_AT_NLINK] === 0) isNameless.add(key[0]);
      else initializeInode(target, this.#number(key[0]), words[INODE_AT_MODE]!, 0, 0, 0, 0);
    }
    const kept = items.filter(({ key }) => !isNameless.has(key[0]));
    const touched = new Set(
      kept
        .filter(({ key }) => key[1] >>> 24 === KIND_EXTENT || key[1] >>> 24 === KIND_INLINE)
        .map(({ key }) => this.#number(key[0])),
    );
    for (const ino of touched) settleFile(target, ino);
    // Old content goes before new content comes: both may begin at other blocks.
    for (const change of kept) this.#takeAway(change);
    for (const change of kept) this.#put(change);
    for (const change of inodes) if (!isNameless.has(change.key[0])) this.#finishInode(change);
  }

  #number(ino: number): number {
    return ino >= this.#firstNew ? ino + this.#shift : ino;
  }

  #takeAway({ key, left, right }: ItemChange): void {
    if (left === null) return;
    const target = this.#target;
    const ino = this.#number(key[0]);
    switch (key[1] >>> 24) {
      case KIND_EXTENT: {
        const start = (key[1] & 0xffffff) * 0x100000000 + key[2];
        changeBlocks(
          target,
          ino,
          -releaseExtents(target, ino, start, start + (wordsOf(left)[EXTENT_AT_LENGTH]! & 0xffff)),
        );
        break;
      }
      case KIND_INLINE:
        if (right === null) target.tree.remove(ino, INLINE_MIDDLE, 0);
        break;
      case KIND_ENTRY:
        if (findEntry(this.#source, key[0], nameAt(left, 0)) === 0) removeEntry(target, ino, nameAt(left, 0));
        break;
      case KIND_XATTR: {
        const name = attributeName(left);
        if (typeof getXattr(this.#source, key[0], name) === "number") removeXattr(target, ino, name);
        break;
      }
    }
  }

  #put({ key, right }: ItemChange): void {
    if (right === null) return;
    const target = this.#target;
    const ino = this.#number(key[0]);
    switch (key[1] >>> 24) {
      case KIND_EXTENT: {
        const words = wordsOf(right);
        const start = (key[1] & 0xffffff) * 0x100000000 + key[2];
        const length = words[EXTENT_AT_LENGTH]! & 0xffff;
        changeBlocks(
          target,
          ino,
          (isLost(words[EXTENT_AT_FLAGS]!) ? 0 : length) - releaseExtents(target, ino, start, start + length),
        );
        if (start === 0) target.tree.remove(ino, INLINE_MIDDLE, 0);
        target.volume.references.share(words[EXTENT_AT_BLOCK]!, words[EXTENT_AT_LENGTH]! >>> 16);
        expectItems(target, ino);
        const offset = target.tree.insert(ino, key[1], key[2], right.length);
        target.tree.bytes.set(right, offset);
        break;
      }
      case KIND_INLINE:
        putInline(target, ino, right, 0, right.length);
        break;
      case KIND_ENTRY: {
        const name = nameAt(right, 0);
        const child = this.#number(wordsOf(right)[0]!);
        if (findEntry(target, ino, name) !== 0) redirectEntry(target, ino, name, child, right[4]!);
        else if (insertEntry(target, ino, name, child, right[4]!) < 0) throw new Failure("no-space", -1);
        break;
      }
      case KIND_XATTR: {
        const name = attributeName(right);
        const start = 4 + name.length;
        if (setXattr(target, ino, name, right.subarray(start, start + (right[2]! | (right[3]! << 8))), 0) === -ENOSPC)
          throw new Failure("no-space", -1);
        break;
      }
    }
  }

  /** Last, since content and attributes stamp times. */
  #finishInode({ key, left, right }: ItemChange): void {
    const target = this.#target;
    const { inodes } = target.volume;
    const ino = this.#number(key[0]);
    if (right === null) {
      if (loadInode(target, ino) < 0) return;
      if (target.isPinned(ino)) inodes.words[changeInode(target, ino) + INODE_AT_NLINK] = 0;
      else removeInode(target, ino);
      return;
    }
    const at = changeInode(target, ino);
    if (at < 0) return;
    const now = inodes.words.slice(at, at + right.length / 4);
    const after = wordsOf(right);
    const isFolder = (after[INODE_AT_MODE]! & S_IFMT) === S_IFDIR;
    after[INODE_AT_BLOCKS] = now[INODE_AT_BLOCKS]!;
    after[INODE_AT_BLOCKS + 1] = now[INODE_AT_BLOCKS + 1]!;
    if (isFolder) {
      after[INODE_AT_PARENT] = this.#number(after[INODE_AT_PARENT]!);
      if (left !== null) {
        const before = wordsOf(left);
        for (const word of [INODE_AT_NLINK, INODE_AT_ENTRIES]) after[word] = now[word]! + after[word]! - before[word]!;
        for (const word of [INODE_AT_MTIME, INODE_AT_CTIME])
          if (isLater(now, after, word)) after.set(now.subarray(word, word + 3), word);
      }
    }
    inodes.words.set(after, at);
  }
}

function isLater(a: Uint32Array, b: Uint32Array, at: number): boolean {
  return (
    (a[at + 1]! | 0) - (b[at + 1]! | 0) > 0 ||
    (a[at + 1] === b[at + 1] && (a[at]! > b[at]! || (a[at] === b[at] && a[at + 2]! > b[at + 2]!)))
  );
}

function attributeName(value: Uint8Array): string {
  return byteString(value, 4, 4 + value[0]!);
}
