/**
 * A tree of files: what is mounted. Operations name files by inode number and stamp the volume's time; a result is
 * `≥ 0` or a negated errno. Names, targets and attribute names are byte strings. The caller checks permissions, and
 * that names are not empty, ".", ".." and hold no "/"; everything else is checked here.
 *
 * A file without links lives while it is pinned (`pin`, `unpin`), and its space comes back with the last pin. After a
 * crash it comes back at the next mount: files without links stand in the tree as orphans until then.
 *
 * Where the work is done: ../file/*.ts, which this class is the border of: nothing is thrown past it but defects. Here
 * are names, attributes and lifetimes; operations on content are in subvolume-content.ts, what is around each operation
 * in subvolume-operation.ts, what the volume's tree says of it in subvolume-state.ts.
 */
import { ENOSPC } from "@stratos/abi";
import { ROOT_INO } from "../format/inode-item.ts";
import { inheritAcl, setAcl } from "../file/acl.ts";
import type { Attributes } from "../file/attributes.ts";
import { readAttributes, writeAttributes } from "../file/attributes.ts";
import type { Listing } from "../cache/listings.ts";
import type { DirectoryEntry } from "../file/directory.ts";
import { readDirectory, shortListing } from "../file/directory.ts";
import { changeInode, initializeInode } from "../file/inode.ts";
import type { FileTree } from "../file/file-tree.ts";
import * as namespace from "../file/namespace.ts";
import * as properties from "../file/properties.ts";
import * as orphans from "../file/orphans.ts";
import { rename } from "../file/rename.ts";
import * as xattrs from "../file/xattrs.ts";
import { Operation } from "../file/operation.ts";
import { FileLocks } from "../lock/file-locks.ts";
import type { ReadSet } from "./read-set.ts";
import { SubvolumeContent } from "./subvolume-content.ts";
import type { SubvolumeOrigin } from "./subvolume-record.ts";
import { findOrigin } from "./subvolume-state.ts";
import { Quotas } from "../quota/quotas.ts";
import type { QuotaKind, QuotaLimits } from "../quota/quotas.ts";
import { Room } from "../space/reserve.ts";
import type { Volume } from "./volume.ts";

export class Subvolume extends SubvolumeContent implements FileTree {
  /** Its name in the volume's caches; a new one makes them forget what they have. */
  cacheId: number;
  readonly quotas: Quotas;
  /** Advisory locks on its files. */
  readonly locks: FileLocks = new FileLocks();
  /** What a transaction has read of it, when it must know; else null. */
  reads: ReadSet | null = null;
  /**
   * Files without a name that could not be freed for want of space: `freeOrphans` tries again. Bound: what was held
   * open.
   */
  #hasRefusedOrphans = false;
  /** Pins by inode number. Bound: what the caller holds open. */
  readonly #pins = new Map<number, number>();

  private constructor(volume: Volume, origin: SubvolumeOrigin) {
    super(volume, origin);
    this.cacheId = volume.nameInCaches(this);
    this.quotas = new Quotas(this);
  }

  /** The subvolume as the volume tree has it; null when it is not there. Throws Failure. */
  static load(volume: Volume, id: number): Subvolume | null {
    const origin = findOrigin(volume, id);
    if (origin === null) return null;
    const subvolume = new Subvolume(volume, origin);
    subvolume.takeStored(volume.tree);
    return subvolume;
  }

  /** A new one with an empty root directory (format). */
  static createEmpty(volume: Volume, id: number, name: string, flags = 0, owner = { uid: 0, gid: 0 }): Subvolume {
    const subvolume = new Subvolume(volume, {
      id,
      name,
      parent: 0,
      flags,
      generation: volume.generation,
      seconds: volume.seconds,
      label: "",
    });
    subvolume.tree.initialize();
    subvolume.nextIno = ROOT_INO + 1;
    initializeInode(subvolume, ROOT_INO, 0o040755, owner.uid, owner.gid, 0, ROOT_INO);
    return subvolume;
  }

  /** One with the content of `source`, whose root has one owner more already. */
  static createFrom(volume: Volume, source: Subvolume, id: number, name: string, flags: number, label = ""): Subvolume {
    const subvolume = new Subvolume(volume, {
      id,
      name,
      parent: source.id,
      flags,
      generation: volume.generation,
      seconds: volume.seconds,
      label,
    });
    subvolume.takeContent(source);
    return subvolume;
  }

  /** Nothing of `source` waits to be settled. */
  takeContent(source: Subvolume): void {
    this.cacheId = this.volume.nameInCaches(this);
    this.tree.root.set(source.tree.root);
    this.quotas.reset();
    this.nextIno = Math.max(this.nextIno, source.nextIno);
    this.inodes = source.inodes;
    this.properties = source.properties;
  }

  /** Gives it other flags, in a transaction. Throws Failure. */
  changeFlags(flags: number): void {
    this.setFlags(flags);
    this.touch();
  }

  /** Dirties the root directory's inode, so that a commit has something to write. Throws Failure. */
  touch(): void {
    changeInode(this, ROOT_INO);
  }

  // ---- Names ------------------------------------------------------------------------------------------------------

  /** Inode number. −ENOENT, −ENOTDIR, −ENAMETOOLONG. */
  lookup(directory: number, name: string): number {
    this.reads?.addName(directory, name);
    try {
      return namespace.lookup(this, directory, name);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  /**
   * Makes a file of any kind but a symbolic link; `mode` has its type. Returns its number. −EEXIST, −ENOENT, −ENOTDIR,
   * −ENOSPC …
   *
   * @param umask  cuts the mode, unless the directory has a default access control list, which the file gets then; −1:
   *   neither, the mode is final
   */
  create(directory: number, name: string, mode: number, uid: number, gid: number, rdev = 0, umask = -1): number {
    const failed = this.begin(Room.grows);
    if (failed < 0) return failed;
    try {
      const ino = namespace.create(this, directory, name, mode, uid, gid, rdev);
      if (ino > 0) {
        if (umask >= 0) inheritAcl(this, directory, ino, umask);
        this.volume.log.create(this, directory, name, ino, mode, uid, gid, rdev, umask);
      }
      return this.did(ino, Operation.create, directory, name, 0, "", mode);
    } catch (thrown) {
      return this.volume.abort(thrown);
    } finally {
      this.volume.end();
    }
  }

  /**
   * A file without a name (O_TMPFILE), pinned once; it has of the directory what a named one would. Returns its number.
   *
   * @param umask  as `create` takes it
   */
  createUnnamed(directory: number, mode: number, uid: number, gid: number, umask = -1): number {
    return this.changing(Room.grows, 0, () => {
      const ino = namespace.createUnnamed(this, directory, mode, uid, gid);
      if (ino > 0) {
        if (umask >= 0) inheritAcl(this, directory, ino, umask);
        this.pin(ino);
        this.volume.log.createUnnamed(this, ino, mode, uid, gid);
      }
      return ino;
    });
  }

  symlink(directory: number, name: string, target: string, uid: number, gid: number): number {
    return this.changing(Room.grows, 0, () => {
      const ino = namespace.symlink(this, directory, name, target, uid, gid);
      if (ino > 0) this.volume.log.symlink(this, directory, name, ino, target, uid, gid);
      return this.did(ino, Operation.symlink, directory, name, 0, target);
    });
  }

  /** −EINVAL when it is no symbolic link. */
  readlink(ino: number): string | number {
    this.reads?.addInode(ino);
    try {
      return namespace.readlink(this, ino);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** One name more for a file that is no directory; an unnamed file gets its first. −EPERM, −EMLINK, −EEXIST … */
  link(ino: number, directory: number, name: string): number {
    return this.changing(Room.grows, 0, () => {
      const result = namespace.link(this, ino, directory, name);
      if (result >= 0) this.volume.log.link(this, ino, directory, name);
      return this.did(result, Operation.link, directory, name, ino);
    });
  }

  /** −EISDIR for a directory. */
  unlink(directory: number, name: string): number {
    const failed = this.begin(Room.shrinks);
    if (failed < 0) return failed;
    try {
      const result = namespace.unlink(this, directory, name);
      if (result >= 0) this.volume.log.unlink(this, directory, name);
      return this.did(result, Operation.unlink, directory, name);
    } catch (thrown) {
      return this.volume.abort(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** −ENOTEMPTY, −ENOTDIR. */
  rmdir(directory: number, name: string): number {
    return this.changing(Room.shrinks, 0, () => {
      const result = namespace.rmdir(this, directory, name);
      if (result >= 0) this.volume.log.rmdir(this, directory, name);
      return this.did(result, Operation.rmdir, directory, name);
    });
  }

  /**
   * `flags`: 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT (whose device file gets the owner given). rename(2)
   * ERRORS, −EINVAL also for a directory moved below itself.
   */
  rename(directory: number, name: string, newDirectory: number, newName: string, flags = 0, uid = 0, gid = 0): number {
    return this.changing(Room.grows, 0, () => {
      const result = rename(this, directory, name, newDirectory, newName, flags, uid, gid);
      if (result >= 0) this.volume.log.rename(this, directory, name, newDirectory, newName, flags, uid, gid);
      return this.did(result, Operation.rename, directory, name, newDirectory, newName, flags);
    });
  }

  /**
   * The first entry at or after `cursor` (0: the beginning) into `entry`, "." and ".." left out. Returns 1, or 0 at the
   * end. Cursors stay valid while entries come and go.
   */
  readDirectory(directory: number, cursor: number, entry: DirectoryEntry): number {
    this.reads?.addListing(directory);
    try {
      return readDirectory(this, directory, cursor, entry);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  /**
   * A directory's entries all at once, for who goes through many of them: null for a directory of very many, and where
   * `readDirectory` tells what is wrong. Valid until the next change. `cursor`: where it is to be gone on with.
   */
  listing(directory: number, cursor: number): Listing | null {
    this.reads?.addListing(directory);
    try {
      return shortListing(this, directory, cursor) ?? null;
    } catch (thrown) {
      this.volume.readFailed(thrown);
      return null;
    } finally {
      this.volume.end();
    }
  }

  // ---- Attributes -------------------------------------------------------------------------------------------------

  /** −ENOENT when there is no such inode. */
  stat(ino: number, attributes: Attributes): number {
    this.reads?.addInode(ino);
    try {
      return readAttributes(this, ino, attributes);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** Sets what `mask` (ATTRIBUTE_*) says; the caller says the ctime. */
  setAttributes(ino: number, attributes: Attributes, mask: number): number {
    const failed = this.begin(Room.shrinks);
    if (failed < 0) return failed;
    try {
      const result = writeAttributes(this, ino, attributes, mask);
      if (result >= 0) this.volume.log.attributes(this, ino);
      return this.did(result, Operation.setAttributes, ino, "", 0, "", mask);
    } catch (thrown) {
      return this.volume.abort(thrown);
    } finally {
      this.volume.end();
    }
  }

  // ---- Extended attributes ----------------------------------------------------------------------------------------

  /** −ENODATA. */
  getXattr(ino: number, name: string): Uint8Array | number {
    this.reads?.addInode(ino);
    try {
      return xattrs.get(this, ino, name);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** `flags`: 0, XATTR_CREATE (1, −EEXIST), XATTR_REPLACE (2, −ENODATA). −ENOSPC, −E2BIG when it does not fit. */
  setXattr(ino: number, name: string, value: Uint8Array, flags: number): number {
    return this.changing(Room.grows, 0, () => {
      const result = xattrs.set(this, ino, name, value, flags);
      if (result >= 0) this.volume.log.setXattr(this, ino, name, value, flags);
      return this.did(result, Operation.setXattr, ino, name, 0, "", 0, value.length);
    });
  }

  /** Sets or (empty) removes an access control list, and the mode with it; see file/acl.ts for the errors. */
  setAcl(ino: number, name: string, value: Uint8Array): number {
    return this.changing(Room.grows, 0, () => {
      const result = setAcl(this, ino, name, value);
      if (result >= 0) this.volume.log.setAcl(this, ino, name, value);
      return this.did(result, Operation.setXattr, ino, name, 0, "", 0, value.length);
    });
  }

  removeXattr(ino: number, name: string): number {
    return this.changing(Room.shrinks, 0, () => {
      const result = xattrs.remove(this, ino, name);
      if (result >= 0) this.volume.log.removeXattr(this, ino, name);
      return this.did(result, Operation.removeXattr, ino, name);
    });
  }

  listXattrs(ino: number): string[] | number {
    this.reads?.addInode(ino);
    try {
      return xattrs.list(this, ino);
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  // ---- Properties (format/properties.ts) --------------------------------------------------------------------------

  /** The inode's own word: compression and tier; −ENOENT. */
  ownProperties(ino: number): number {
    return this.reading(() => properties.ownProperties(this, ino));
  }

  /** What holds for the inode, defaults of the subvolume and the volume included. */
  effectiveProperties(ino: number): number {
    return this.reading(() => properties.effectiveProperties(this, ino));
  }

  /**
   * For content written from now on, and for what is made in a folder. −ENOENT, −EINVAL, −EOPNOTSUPP (no such codec
   * here).
   */
  setProperties(ino: number, word: number): number {
    return this.changing(Room.shrinks, 0, () => {
      const result = properties.setProperties(this, ino, word);
      if (result >= 0) this.volume.log.attributes(this, ino);
      return this.did(result, Operation.setFileProperties, ino, "", 0, "", word);
    });
  }

  /** Defaults of the whole subvolume. −EINVAL, −EOPNOTSUPP, −EROFS. */
  setDefaultProperties(word: number): number {
    const failed = this.begin(Room.settings);
    if (failed < 0) return failed;
    const allowed = properties.allowProperties(this.volume, word);
    if (allowed < 0) return allowed;
    try {
      this.touch();
      this.properties = word;
      return 0;
    } catch (thrown) {
      return this.volume.abort(thrown);
    } finally {
      this.volume.end();
    }
  }

  // ---- Quotas -----------------------------------------------------------------------------------------------------

  /** Turns quotas on (which counts all inodes) or off (which forgets usage and limits). */
  setQuotas(on: boolean): number {
    return this.changing(on ? Room.grows : Room.settings, 0, () => (on ? this.quotas.enable() : this.quotas.disable()));
  }

  /** −EINVAL, −ENOENT when quotas are off. */
  setQuotaLimits(kind: QuotaKind, id: number, limits: QuotaLimits): number {
    return this.changing(Room.settings, 0, () => this.quotas.setLimits(kind, id, limits));
  }

  /**
   * Has an owner of the file a limit of blocks? Who gathers writes does better to pass those of such a file on at once.
   */
  hasQuotaLimit(ino: number): boolean {
    return this.reading(() => (this.quotas.isLimited(ino) ? 1 : 0)) === 1;
  }

  /**
   * For who delays writes: promises `blocks` new blocks to the file's owners, until `unpromise`, which comes before
   * they are written or dropped. 0; −EDQUOT, −ENOSPC: then write(2) is the place to say so.
   */
  promise(ino: number, blocks: number): number {
    if (blocks > this.volume.dataBlocks) return -ENOSPC;
    return this.reading(() => this.quotas.promise(ino, blocks));
  }

  /**
   * The same for a run of blocks that may be there already: those that are new are added to `promised`. Returns how
   * many of `count` may be written, 0 when none, or a negated errno.
   */
  promiseRun(ino: number, first: number, count: number, promised: Set<number>): number {
    return this.reading(() => this.quotas.promiseRun(ino, first, count, promised));
  }

  unpromise(ino: number, blocks: number): void {
    this.reading(() => this.quotas.promise(ino, -blocks));
  }

  // ---- Lifetime ---------------------------------------------------------------------------------------------------

  /** Keeps the inode alive when its last name goes. */
  pin(ino: number): void {
    this.#pins.set(ino, (this.#pins.get(ino) ?? 0) + 1);
  }

  isPinned(ino: number): boolean {
    return this.#pins.has(ino);
  }

  /** Takes a pin back; the last one of a file without names frees it. */
  unpin(ino: number): number {
    const pins = this.#pins.get(ino) ?? 0;
    if (pins > 1) {
      this.#pins.set(ino, pins - 1);
      return 0;
    }
    this.#pins.delete(ino);
    return this.#freeOrphan(ino);
  }

  #freeOrphan(ino: number): number {
    // A file system that was made read-only keeps its orphans for the next mount, a full one until there is space.
    if (this.begin(Room.shrinks) < 0) {
      this.#hasRefusedOrphans = true;
      return 0;
    }
    try {
      return orphans.free(this, ino);
    } catch (thrown) {
      return this.volume.abort(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** The same for those that a full volume could not free before. 0 or a negated errno. */
  retryOrphans(): number {
    return this.#hasRefusedOrphans ? this.freeOrphans() : 0;
  }

  /** Frees what a crash left without a name; the mount calls it. */
  freeOrphans(): number {
    this.#hasRefusedOrphans = false;
    try {
      if (this.volume.inodes.dirtyCount > 0) this.volume.settle();
      for (const ino of orphans.list(this)) {
        const failed = this.isPinned(ino) ? 0 : this.#freeOrphan(ino);
        if (failed < 0) return failed;
      }
      return 0;
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    }
  }

  /** Makes the file durable, and all changes of names and attributes before. −EIO, −EROFS (the volume has failed). */
  fsync(ino: number): number {
    const failed = this.prepareFsync(ino);
    return failed < 0 ? failed : this.volume.finishFsync();
  }

  /**
   * The first half of `fsync`: of many callers, each does this for its file, and one `Volume.finishFsync` makes all
   * durable.
   */
  prepareFsync(ino: number): number {
    try {
      return this.volume.prepareFsync(this, ino);
    } finally {
      this.volume.end();
    }
  }
}
