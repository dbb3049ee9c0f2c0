/** What the kernel keeps of our files, as far as we have to know it, and how it is told that it is true no more. */
import { ROOT_INO } from "@stratos/aegisfs";
import type { Attributes } from "@stratos/aegisfs";
import type { FuseDevice } from "./device.ts";
import { ListingHabits } from "./listing-habits.ts";
import { LookupCounts } from "./lookup-counts.ts";
import { R_LENGTH, REPLY_AT, REPLY_HEADER_SIZE } from "./wire/layout.ts";
import {
  INC_EPOCH_WORDS,
  INVAL_INODE_WORDS,
  putAttributeInvalidation,
  putEpoch,
  putInvalidation,
} from "./wire/notify-words.ts";

const FRESH_PLACES = 4096;

export class KernelCaches {
  readonly counts = new LookupCounts();
  readonly habits = new ListingHabits();
  /** The last inode that was seen to have no capabilities. */
  inoWithoutCapabilities = 0;
  /** The inode of the last UNLINK. */
  lastUnlinked = 0;
  readonly #device: FuseDevice;
  readonly #words: Uint32Array;
  /** Files that a rollback changed, and which: what the kernel keeps of them itself is told to be of other files. */
  readonly #rolledBack = new Map<number, number>();
  /** Inodes whose access time needs no look: at most one for each place. */
  readonly #freshAccess = new Uint32Array(FRESH_PLACES);

  constructor(device: FuseDevice, words: Uint32Array) {
    this.#device = device;
    this.#words = words;
    // The root is known without being looked up, and never forgotten.
    this.counts.add(ROOT_INO, 0);
  }

  /** The kernel gives a node `times` back. @returns true when it was kept, and is to be unpinned */
  forget(ino: number, tree: number, times: number): boolean {
    return (ino !== ROOT_INO || tree !== 0) && this.counts.forget(ino, tree, times);
  }

  hasFreshAccess(ino: number): boolean {
    return this.#freshAccess[ino & (FRESH_PLACES - 1)] === ino;
  }

  setFreshAccess(ino: number): void {
    this.#freshAccess[ino & (FRESH_PLACES - 1)] = ino;
  }

  /** The file was changed: the next access may have to move its access time. */
  dropFreshAccess(ino: number): void {
    this.#freshAccess[ino & (FRESH_PLACES - 1)] = 0;
  }

  noteRolledBack(ino: number, rollback: number): void {
    this.#rolledBack.set(ino, rollback);
  }

  /**
   * The kernel that gathers writes keeps sizes and times of the files that it knows, and believes no others. A file
   * that a rollback has changed gets another generation, so that it is another one for the kernel; who has the old one
   * open gets EIO.
   */
  markRolledBack(attributes: Attributes, tree: number): void {
    if (tree !== 0 || this.#rolledBack.size === 0) return;
    const times = this.#rolledBack.get(attributes.ino);
    if (times !== undefined) attributes.generation = (attributes.generation ^ Math.imul(times, 0x9e3779b1)) >>> 0;
  }

  /** Does the kernel forget names when it is told so (FUSE_NOTIFY_INC_EPOCH, Linux 6.16)? */
  get canForgetNames(): boolean {
    putEpoch(this.#words, R_LENGTH);
    return this.#device.send(REPLY_AT, REPLY_HEADER_SIZE) === 0;
  }

  /** The mounted files are others now: the kernel is to ask for everything again. */
  forgetAll(): void {
    this.#freshAccess.fill(0);
    this.inoWithoutCapabilities = 0;
    const nodes: number[] = [];
    this.counts.forEach((node, tree) => void (tree === 0 && nodes.push(node)));
    const words = new Uint32Array(nodes.length * INVAL_INODE_WORDS + INC_EPOCH_WORDS);
    nodes.forEach((node, index) => putInvalidation(words, index * INVAL_INODE_WORDS, node, 0));
    putEpoch(words, nodes.length * INVAL_INODE_WORDS);
    this.#device.notify(new Uint8Array(words.buffer));
  }

  /**
   * The kernel is to ask anew for a node's attributes, before it reads the answer that follows. It waits for nothing
   * with this message, and somebody's request holds the inode: so the serving thread may send it.
   */
  forgetAttributes(ino: number, tree: number): void {
    putAttributeInvalidation(this.#words, R_LENGTH, ino, tree);
    this.#device.send(REPLY_AT, INVAL_INODE_WORDS * 4);
  }

  /** The kernel is to ask anew for one node. */
  invalidate(ino: number, tree: number): void {
    const words = new Uint32Array(INVAL_INODE_WORDS);
    putInvalidation(words, 0, ino, tree);
    this.#device.notify(new Uint8Array(words.buffer));
  }
}
