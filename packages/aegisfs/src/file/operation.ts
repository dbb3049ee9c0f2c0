import type { FileOffset } from "./file-offset.ts";

/**
 * What can happen to a volume, as its observer is told (FORMAT.md §11 has the same numbers in records of the audit
 * log).
 */
export const Operation = {
  create: 1,
  symlink: 2,
  link: 3,
  unlink: 4,
  rmdir: 5,
  rename: 6,
  setAttributes: 7,
  write: 8,
  truncate: 9,
  punchHole: 10,
  preallocate: 11,
  setXattr: 12,
  removeXattr: 13,
  setFileProperties: 14,
  cloneRange: 15,
  copyRange: 16,
  collapseRange: 17,
  insertRange: 18,
  zeroRange: 19,
  snapshot: 32,
  deleteSubvolume: 33,
  rollback: 34,
  setProperty: 35,
  removeProperty: 36,
  commitTransaction: 37,
  trimAudit: 38,
} as const;
export type Operation = (typeof Operation)[keyof typeof Operation];

/** Name of each operation, for people. */
export const OPERATION_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(Operation).map(([name, number]) => [number, name]),
);

export interface VolumeObserver {
  /**
   * A change was made; it becomes durable with the next commit. Must not change the volume.
   *
   * @param subvolume  number of the subvolume that changed
   * @param result     what the operation returned: of `create` and `symlink` the new inode
   * @param ino        the inode that changed; for operations on names, the directory
   * @param name       in that directory; of an attribute or property; of a subvolume
   * @param other      `cloneRange`, `copyRange`: the source; `link`: the inode that gets the name; `rename`: the new
   *   directory; `snapshot`, `rollback`: the other subvolume
   * @param otherName  `rename`: the new name; `symlink`: the target
   * @param offset     bytes; `trimAudit`: the first block of the log that stays; `create`: the mode; `setAttributes`:
   *   the mask; `rename`: the flags
   * @param length     bytes
   */
  changed(
    subvolume: number,
    operation: Operation,
    result: number,
    ino: number,
    name: string,
    other: number,
    otherName: string,
    offset: FileOffset,
    length: FileOffset,
  ): void;
  /**
   * The transaction is about to be committed: what the observer keeps in the volume is put there now. Throws Failure.
   */
  beforeCommit?(): void;
  /** A commit should come soon: too much is waiting for it. */
  readonly wantsCommit?: boolean;
}
