/**
 * What was changed between two trees, item by item, and which objects that touches: inodes, names, listings of folders.
 */
import { S_IFDIR, S_IFMT } from "@stratos/abi";
import { nameAt } from "../file/directory.ts";
import {
  INODE_AT_ATIME,
  INODE_AT_BLOCKS,
  INODE_AT_CTIME,
  INODE_AT_ENTRIES,
  INODE_AT_MODE,
  INODE_AT_MTIME,
  INODE_AT_NLINK,
  INODE_AT_PARENT,
  INODE_SIZE,
} from "../format/inode-item.ts";
import { KIND_ENTRY, KIND_INODE } from "../format/key.ts";
import { compareTrees, KEY_MIN, type ItemView, type Key } from "../snapshot/compare-trees.ts";
import type { Volume } from "../volume/volume.ts";
import { inodeKey, listingKey, nameKey } from "../volume/read-set.ts";

/** Values are copies. */
export interface ItemChange {
  readonly key: Key;
  readonly left: Uint8Array | null;
  readonly right: Uint8Array | null;
}

const INODE_WORDS = INODE_SIZE / 4;
/** Words that other operations change along, and that merge: counts and times of a folder, access times, space. */
const FOLDER_WORDS: ReadonlySet<number> = new Set([
  INODE_AT_NLINK,
  INODE_AT_ENTRIES,
  INODE_AT_MTIME,
  INODE_AT_MTIME + 1,
  INODE_AT_MTIME + 2,
  INODE_AT_CTIME,
  INODE_AT_CTIME + 1,
  INODE_AT_CTIME + 2,
]);
const ACCESS_WORDS: ReadonlySet<number> = new Set([
  INODE_AT_ATIME,
  INODE_AT_ATIME + 1,
  INODE_AT_ATIME + 2,
  INODE_AT_BLOCKS,
  INODE_AT_BLOCKS + 1,
]);

export class ChangeSet {
  readonly items: ItemChange[] = [];
  /** What was written, so that nobody else may have: keys of read-set.ts. */
  readonly written: Set<string> = new Set();
  /** What who read it would read differently now. */
  readonly visible: Set<string> = new Set();
  readonly removedInodes: Set<number> = new Set();
  /** Folders in which a name came or went, and inodes that a name leads to now. */
  readonly folders: Set<number> = new Set();
  readonly targets: Set<number> = new Set();
  movesFolders = false;

  /**
   * @param firstNew  first inode number that neither knew when they parted: those from there on concern nobody else.
   *   Throws Failure
   */
  static between(volume: Volume, before: Uint32Array, after: Uint32Array, firstNew: number): ChangeSet {
    const changes = new ChangeSet();
    for (let from: Key | null = KEY_MIN; from !== null;) {
      from = compareTrees(volume, before, after, from, (key, left, right) => changes.#add(key, left, right, firstNew));
      volume.cache.trim();
    }
    return changes;
  }

  #add(key: Key, left: ItemView | null, right: ItemView | null, firstNew: number): void {
    const [ino, middle] = key;
    if (ino === 0) return;
    const change = { key, left: copyOf(left), right: copyOf(right) };
    this.items.push(change);
    const kind = middle >>> 24;
    if (kind === KIND_ENTRY) {
      if (right !== null) this.targets.add(wordsOf(change.right!)[0]!);
      if (ino >= firstNew) return;
      this.folders.add(ino);
      for (const value of [change.left, change.right]) {
        if (value === null) continue;
        this.written.add(nameKey(ino, nameAt(value, 0)));
        this.visible.add(nameKey(ino, nameAt(value, 0)));
      }
      this.visible.add(listingKey(ino));
      return;
    }
    if (ino >= firstNew) return;
    if (kind === KIND_INODE) this.#addInode(ino, change);
    else {
      this.written.add(inodeKey(ino));
      this.visible.add(inodeKey(ino));
    }
  }

  #addInode(ino: number, { left, right }: ItemChange): void {
    if (right === null) this.removedInodes.add(ino);
    if (left === null || right === null) {
      this.written.add(inodeKey(ino));
      this.visible.add(inodeKey(ino));
      return;
    }
    const a = wordsOf(left);
    const b = wordsOf(right);
    const isFolder = (b[INODE_AT_MODE]! & S_IFMT) === S_IFDIR;
    for (let word = 0; word < INODE_WORDS; word++) {
      if (a[word] === b[word] || ACCESS_WORDS.has(word)) continue;
      this.visible.add(inodeKey(ino));
      if (isFolder && word === INODE_AT_PARENT) this.movesFolders = true;
      if (!isFolder || !FOLDER_WORDS.has(word)) this.written.add(inodeKey(ino));
    }
  }

  /** Why both cannot have happened, or null. */
  conflictWith(other: ChangeSet): string | null {
    for (const key of this.written) if (other.written.has(key)) return key;
    for (const [one, two] of [
      [this, other],
      [other, this],
    ] as const) {
      for (const ino of one.removedInodes) if (two.folders.has(ino) || two.targets.has(ino)) return inodeKey(ino);
    }
    // Two moves may put each folder below the other.
    return this.movesFolders && other.movesFolders ? "folders that were moved" : null;
  }
}

/** A copy of a value as words. */
export function wordsOf(value: Uint8Array): Uint32Array {
  const words = new Uint32Array(value.length >>> 2);
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  for (let word = 0; word < words.length; word++) words[word] = view.getUint32(word * 4, true);
  return words;
}

function copyOf(item: ItemView | null): Uint8Array | null {
  return item === null ? null : item.node.bytes.slice(item.offset, item.offset + item.length);
}
