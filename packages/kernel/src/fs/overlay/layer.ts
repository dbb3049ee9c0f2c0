/**
 * Names in the layers of an overlay. They are changed by way of the dentry cache, so that who sees the layers
 * themselves sees the same. Rights are the overlay's business (overlay-inode.ts); what is mounted within a layer is no
 * part of it.
 */
import { EEXIST, EOVERFLOW, EPERM, S_IFCHR, S_IFMT, isErrno } from "@stratos/abi";
import { byteStringOf, stateClass } from "@stratos/base";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import type { MountIdMap } from "../../security/mount-id-map.ts";
import type { Dentry } from "../../vfs/dentry.ts";
import { lookupChild } from "../../vfs/dentry-cache.ts";
import type { FileSystem } from "../../vfs/file-system.ts";
import type { Inode } from "../../vfs/inode.ts";
import { addEntry, removeEntry } from "../../vfs/name-changes.ts";
import type { FsKernel } from "../fs-kernel.ts";

/** Where a file of an overlay lies. */
export interface Layers {
  readonly upper: Dentry | null;
  /** The topmost first. */
  readonly lowers: readonly Dentry[];
}

/** What copies and names need of the overlay that they are for. */
export interface OverlaySystem extends FileSystem {
  readonly kernel: FsKernel;
  readonly marks: Marks;
  /** Where changes are prepared; null: there is no upper layer. */
  readonly work: Dentry | null;
  /** Nothing of it need outlive a crash. */
  readonly isVolatile: boolean;
  /** Of whom whiteouts are: who mounted it. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** How the layer of an entry shows its files' owners, which the overlay shows so; null: as they are. */
  idMapOf(entry: Dentry): MountIdMap | null;
  /** A name in `work` that nothing has. */
  nextWorkName(): string;
}

const YES = byteStringOf("y");
/** Units of work of a name that goes. */
const REMOVAL_WORK = 4;
/** Where names at a folder's beginning go, file systems may pass over their places for a while. */
const NAMES_AT_ONCE = 256;

/** The extended attributes by which an overlay marks files of its layers, which it shows to nobody. */
export class Marks {
  readonly prefix: string;

  constructor(userXattr: boolean) {
    this.prefix = userXattr ? "user.overlay." : "trusted.overlay.";
  }

  /** An attribute of a file as its layer has it: the overlay's own are out of reach, and those of its files escaped. */
  stored(name: string): string {
    return name.startsWith(this.prefix) ? `${this.prefix}overlay.${name.slice(this.prefix.length)}` : name;
  }

  /** The reverse; null: it is the overlay's own. */
  shown(name: string): string | null {
    if (!name.startsWith(this.prefix)) return name;
    const escape = `${this.prefix}overlay.`;
    return name.startsWith(escape) ? this.prefix + name.slice(escape.length) : null;
  }

  /** Does the folder hide what the layers below have under its name? */
  isOpaque(folder: Inode): boolean {
    const value = folder.getXattr(`${this.prefix}opaque`);
    return !isErrno(value) && value.length === 1 && value[0] === YES[0];
  }

  setOpaque(folder: Inode): number {
    return folder.setXattr(`${this.prefix}opaque`, YES, 0);
  }

  /**
   * What another system's overlay leaves where a folder was renamed, or where a file's content is still below
   * (`redirect_dir`, `metacopy`): to pass over it would show something else. @returns 0, or −EPERM as Linux has it
   */
  checkSupported(inode: Inode): number {
    const mark = inode.isDirectory ? "redirect" : inode.isRegular ? "metacopy" : null;
    if (mark === null) return 0;
    return isErrno(inode.getXattr(this.prefix + mark)) ? 0 : -EPERM;
  }

  static {
    stateClass("OverlayMarks", this);
  }
}

/**
 * What a file of a layer has whose owners the overlay shows so. @returns −EOVERFLOW: the layer has no number for one
 */
export function keptAs<Owned extends { readonly uid: number; readonly gid: number }>(
  idMap: MountIdMap | null,
  shown: Owned,
): Owned | number {
  if (idMap === null) return shown;
  const uid = idMap.keptUid(shown.uid),
    gid = idMap.keptGid(shown.gid);
  return uid < 0 || gid < 0 ? -EOVERFLOW : { ...shown, uid, gid };
}

/** Says that the layers below have no such name (a character device 0/0). */
export function isWhiteout(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFCHR && inode.rdev === 0;
}

/** What a folder of a layer has under a name; null: nothing. */
export function layerChild(kernel: FsKernel, folder: Dentry, name: string): Dentry | null | number {
  kernel.work.charge(1);
  const entry = lookupChild(kernel, folder, name);
  return isErrno(entry) || entry.inode !== null ? entry : null;
}

/**
 * Makes a file in a folder of a layer.
 * @returns its entry; −EEXIST, or why it could not be made
 */
export function addToLayer(
  kernel: FsKernel,
  folder: Dentry,
  name: string,
  make: (directory: Inode, name: string) => Inode | number,
): Dentry | number {
  const entry = lookupChild(kernel, folder, name);
  if (isErrno(entry)) return entry;
  if (entry.inode !== null) return -EEXIST;
  const made = addEntry(kernel, entry, (directory) => make(directory, name));
  return isErrno(made) ? made : entry;
}

/**
 * Removes what an interrupted change has left in the working folder, folders there with what is in them, as far as the
 * call under way may work.
 *
 * @returns 0; UNFINISHED: the call is executed again
 */
export function clearLeftovers(kernel: FsKernel, folder: Dentry): number {
  for (let names = firstNames(folder); names !== 0; names = firstNames(folder)) {
    if (isErrno(names)) return names === UNFINISHED ? names : 0;
    for (const name of names) {
      if (kernel.work.isUsed) return UNFINISHED;
      const entry = layerChild(kernel, folder, name);
      // What can't be removed is left, and what comes behind it.
      if (entry === null || isErrno(entry)) return 0;
      if (entry.inode!.isDirectory && clearLeftovers(kernel, entry) === UNFINISHED) return UNFINISHED;
      if (removeFromLayer(kernel, entry) < 0) return 0;
    }
  }
  return 0;
}

/** Some of the names that a folder of a layer has; 0: there are none; UNFINISHED, or why it can't be read. */
export function firstNames({ inode }: Dentry): readonly string[] | number {
  const { listingRefused } = inode!;
  if (listingRefused < 0) return listingRefused;
  const names: string[] = [];
  const failed = inode!.list(0, (name) => names.push(name) < NAMES_AT_ONCE);
  return failed < 0 ? failed : names.length > 0 ? names : 0;
}

export function removeFromLayer(kernel: FsKernel, entry: Dentry): number {
  kernel.work.charge(REMOVAL_WORK);
  return removeEntry(kernel, entry);
}
