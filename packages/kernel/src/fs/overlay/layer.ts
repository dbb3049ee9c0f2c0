/**
 * Names in the layers of an overlay. They are changed by way of the dentry cache, so that who sees the layers
 * themselves sees the same. Rights are the overlay's business (overlay-inode.ts); what is mounted within a layer is no
 * part of it.
 */
import { EEXIST, EPERM, S_IFCHR, S_IFMT, isErrno } from "@stratos/abi";
import { byteStringOf, stateClass } from "@stratos/base";
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
  /** A name in `work` that nothing has. */
  nextWorkName(): string;
}

const YES = byteStringOf("y");

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

/** Removes the whiteouts of a folder that shows nothing. @returns 0, or why one stays */
export function clearWhiteouts(kernel: FsKernel, folder: Dentry): number {
  for (const name of namesIn(kernel, folder)) {
    const entry = layerChild(kernel, folder, name);
    if (isErrno(entry)) return entry;
    if (entry === null || !isWhiteout(entry.inode!)) continue;
    const failed = removeEntry(kernel, entry);
    if (failed < 0) return failed;
  }
  return 0;
}

/** Removes what an interrupted change has left in the working folder, folders there with what is in them. */
export function clearLeftovers(kernel: FsKernel, folder: Dentry): void {
  for (const name of namesIn(kernel, folder)) {
    const entry = layerChild(kernel, folder, name);
    if (entry === null || isErrno(entry)) continue;
    if (entry.inode!.isDirectory) clearLeftovers(kernel, entry);
    removeEntry(kernel, entry);
  }
}

function namesIn(kernel: FsKernel, folder: Dentry): string[] {
  const names: string[] = [];
  folder.inode!.list(0, (name) => {
    kernel.work.charge(1);
    names.push(name);
    return true;
  });
  return names;
}
