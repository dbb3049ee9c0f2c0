/** Bringing a file from a lower layer to the upper one, before it changes for the first time. */
import {
  ACL_ACCESS_NAME,
  ENODATA,
  ENOSPC,
  EOVERFLOW,
  EPERM,
  PAGE_SIZE,
  S_IFBLK,
  S_IFCHR,
  S_IFMT,
  isErrno,
  parseAcl,
} from "@stratos/abi";
import { BytesCursor, stateClass } from "@stratos/base";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import type { MountIdMap } from "../../security/mount-id-map.ts";
import type { Dentry } from "../../vfs/dentry.ts";
import type { Inode, NewInode } from "../../vfs/inode.ts";
import { removeEntry } from "../../vfs/name-changes.ts";
import { putPages, readPages } from "../../vfs/regular-file.ts";
import { markInodeDirty, writeSomePages } from "../../vfs/write-back.ts";
import { addToLayer, keptAs, type OverlaySystem } from "./layer.ts";
import { keptAttribute, shownAttribute } from "./layer-attributes.ts";

/** What is copied between two looks at the work that is left. */
const PIECE = 16 * PAGE_SIZE;

/**
 * A copy that is being made in the working folder, where nobody sees it. It lasts as long as the inode, so that a call
 * that has used its work goes on where it was, and another that wants the same file does, too.
 */
export class CopyUp {
  readonly overlay: OverlaySystem;
  readonly source: Inode;
  readonly sourceMap: MountIdMap | null;
  /** The copy, held. */
  readonly target: Dentry;
  #at = 0;

  private constructor(overlay: OverlaySystem, source: Inode, sourceMap: MountIdMap | null, target: Dentry) {
    this.overlay = overlay;
    this.source = source;
    this.sourceMap = sourceMap;
    this.target = target;
    target.retain();
  }

  /** Begins one. @returns −EOVERFLOW, −EPERM, −ENOSPC … */
  static begin(overlay: OverlaySystem, entry: Dentry): CopyUp | number {
    const source = entry.inode!;
    const sourceMap = overlay.idMapOf(entry);
    const { userNamespace } = overlay;
    const shown = shownOwners(source, sourceMap);
    if (shown.uid < 0 || shown.gid < 0) return -EOVERFLOW;
    if (userNamespace.parent !== null) {
      // Nobody gets a file of an owner whom the namespace has no name for, nor a device (ovl_copy_up_one).
      if (!userNamespace.hasIds(shown.uid, shown.gid)) return -EOVERFLOW;
      const kind = source.mode & S_IFMT;
      if (kind === S_IFCHR || kind === S_IFBLK) return -EPERM;
    }
    const { mode, rdev, mtime } = source;
    const attributes = keptAs<NewInode>(overlay.idMapOf(overlay.work!), { ...shown, mode, rdev, now: mtime });
    if (isErrno(attributes)) return attributes;
    const { kernel } = overlay;
    const target = addToLayer(kernel, overlay.work!, overlay.nextWorkName(), (directory, name) => {
      if (source.isDirectory) return directory.mkdir(name, attributes);
      if (!source.isSymlink) return directory.create(name, attributes);
      const text = source.readlink(null);
      return isErrno(text) ? text : directory.symlink(name, text, attributes);
    });
    return isErrno(target) ? target : new CopyUp(overlay, source, sourceMap, target);
  }

  /** @param size  of its content, as much of it as is wanted @returns 0: it is whole; UNFINISHED; −ENOSPC, −EIO … */
  continue(size: number): number {
    const failed = this.source.isRegular ? this.#bringContent(Math.min(size, this.source.size)) : 0;
    return failed < 0 ? failed : this.#copyAttributes();
  }

  #bringContent(size: number): number {
    const { work } = this.overlay.kernel;
    const { mayPause } = work;
    work.mayPause = true;
    const failed = this.#copyContent(size) || this.#storeContent();
    work.mayPause = mayPause;
    return failed;
  }

  #copyContent(size: number): number {
    const { kernel } = this.overlay;
    const { source } = this;
    const target = this.target.inode!;
    const { work } = kernel;
    if (this.#at === 0 && size > 0 && source.fileSystem === target.fileSystem) {
      // Blocks are shared, as far as they reach.
      const taken = target.takeRange(source, 0, 0, size, false, source.mtime);
      if (taken > 0) this.#at = taken;
    }
    const bytes = new Uint8Array(PIECE);
    let failed = 0;
    while (failed >= 0 && this.#at < size && !work.mustPause()) failed = this.#copyPiece(bytes, size);
    if (failed < 0) return failed;
    if (this.#at < size) return UNFINISHED;
    // What it ends with may be a hole.
    return target.size < size ? target.truncate(size, source.mtime) : 0;
  }

  /** Before it gets its name: a crash must not leave a file without its content over the one below. */
  #storeContent(): number {
    const target = this.target.inode!;
    const { work } = this.overlay.kernel;
    if ((target.pages?.backing ?? null) === null || this.overlay.isVolatile) return 0;
    let failed = 0;
    const left = writeSomePages(target, Infinity, work, (error) => (failed ||= error));
    return failed < 0 || left === 0 ? failed : UNFINISHED;
  }

  #copyPiece(bytes: Uint8Array, size: number): number {
    const { kernel } = this.overlay;
    const target = this.target.inode!;
    const data = this.source.seekData(this.#at);
    if (data < 0 || data >= size) {
      this.#at = size;
      return 0;
    }
    this.#at = Math.max(this.#at, data);
    const wanted = Math.min(PIECE - (this.#at % PAGE_SIZE), size - this.#at);
    const read = readPages(kernel, this.source, new BytesCursor(bytes.subarray(0, wanted)), this.#at);
    if (read <= 0) {
      if (read === 0) this.#at = size;
      return read;
    }
    const refused = target.prepareWrite(this.#at, read);
    if (refused < 0 || (refused > 0 && refused < read)) return refused < 0 ? refused : -ENOSPC;
    const put = putPages(kernel, target, new BytesCursor(bytes.subarray(0, read)), this.#at, read);
    if (put < 0) return put;
    markInodeDirty(kernel, target);
    this.#at += put;
    return 0;
  }

  #copyAttributes(): number {
    const { source, overlay } = this;
    const target = this.target.inode!;
    const names = source.listXattrs();
    for (const name of isErrno(names) ? [] : names) {
      if (overlay.marks.shown(name) === null) continue;
      const stored = source.getXattr(name);
      const value = isErrno(stored) ? stored : this.#moved(name, stored);
      if (isErrno(value)) {
        if (value === -ENODATA) continue;
        return value;
      }
      const failed = target.setXattr(name, value, 0);
      if (failed < 0) return failed;
      if (name === ACL_ACCESS_NAME) {
        const acl = parseAcl(value);
        target.acl = isErrno(acl) ? null : acl;
      }
    }
    const { mode, atime, mtime } = source;
    const owners = keptAs(this.#targetMap, shownOwners(source, this.sourceMap));
    return isErrno(owners) ? owners : target.setAttributes({ mode, ...owners, atime, mtime });
  }

  get #targetMap(): MountIdMap | null {
    return this.overlay.idMapOf(this.target);
  }

  /** An attribute of the source as the copy has it. */
  #moved(name: string, value: Uint8Array): Uint8Array | number {
    const { sourceMap } = this;
    const targetMap = this.#targetMap;
    const shown = sourceMap === null ? value : shownAttribute(sourceMap, name, value);
    return targetMap === null ? shown : keptAttribute(targetMap, name, shown);
  }

  /** Nobody wants the copy any more, or it could not be made. */
  discard(): void {
    removeEntry(this.overlay.kernel, this.target);
    this.target.release();
  }

  static {
    stateClass("CopyUp", this, {
      save: (it) => ({ at: it.#at }),
      load: (it, from) => ({ at: it.#at } = from),
    });
  }
}

function shownOwners({ uid, gid }: Inode, idMap: MountIdMap | null): { uid: number; gid: number } {
  return idMap === null ? { uid, gid } : { uid: idMap.shownUid(uid), gid: idMap.shownGid(gid) };
}
