import { stateClass, type SteadyMap, type Writable } from "@stratos/base";
import type { Inode } from "./inode.ts";
import { notifyLastName } from "./inotify-mark.ts";

/**
 * A name in a directory, cached; `inode` is null when the name is known to be absent (a negative entry).
 *
 * Invariants: `users` counts the paths that hold this entry; while it is above 0 the inode counts one user and the
 * entry isn't pruned. An entry in `parent.children` keeps its parent from being pruned. A detached entry has lost its
 * name (unlink, O_TMPFILE) but is still held; a directory then holds the one that it was in, for "..".
 */
export class Dentry {
  name: string;
  parent: Dentry | null;
  inode: Inode | null;
  /** Cached names below a directory; made when first needed, most entries are leaves. */
  children: SteadyMap<string, Dentry> | null = null;
  /** Mounts on this entry (in any namespace); a quick test for the path walk. */
  mountCount = 0;
  users = 0;
  isDetached = false;
  /** It holds its parent until nobody holds it. */
  #holdsParent = false;
  /** Found since the last pruning (second-chance replacement). */
  wasUsed = true;

  constructor(name: string, parent: Dentry | null, inode: Inode | null) {
    this.name = name;
    this.parent = parent;
    this.inode = inode;
  }

  /** It leads nowhere any more: its name is gone, or what it named is (d_unlinked). */
  get isUnlinked(): boolean {
    return this.isDetached || this.inode?.isVanished === true;
  }

  retain(): void {
    if (this.users++ === 0 && this.inode !== null) this.inode.users++;
  }

  /** It has lost its name. */
  detach(): void {
    this.isDetached = true;
    if (this.users === 0 || this.parent === null || this.inode?.isDirectory !== true || this.#holdsParent) return;
    this.#holdsParent = true;
    this.parent.retain();
  }

  release(): void {
    // However many it was below, and that are gone.
    for (let at = this.#drop(); at !== null; at = at.#drop());
  }

  /** One user less. @returns the parent, when that has one less then, too */
  #drop(): Dentry | null {
    if (--this.users > 0 || this.inode === null) return null;
    const inode = this.inode;
    if (--inode.users === 0) inode.evictUnused();
    else if (inode.nlink === 0 && (inode.marks !== null || inode.fanotify !== null)) notifyLastName(inode, 0);
    if (!this.#holdsParent) return null;
    this.#holdsParent = false;
    return this.parent;
  }

  static {
    stateClass(
      "Dentry",
      this,
      {
        save: (it) => ({ holdsParent: it.#holdsParent }),
        load: (it, from) => ({ holdsParent: it.#holdsParent } = from),
      },
      { copyPlain },
    );
  }
}

function copyPlain(to: Writable<Dentry>, from: Dentry): void {
  to.name = from.name;
  to.mountCount = from.mountCount;
  to.users = from.users;
  to.isDetached = from.isDetached;
  to.wasUsed = from.wasUsed;
}

/** Is it `above`, or a name anywhere below? */
export function isBelow(dentry: Dentry | null, above: Dentry): boolean {
  for (let at = dentry; at !== null; at = at.parent) if (at === above) return true;
  return false;
}
