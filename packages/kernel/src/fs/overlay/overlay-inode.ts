import {
  ACL_ACCESS_NAME,
  ENOENT,
  ENOTEMPTY,
  EOVERFLOW,
  EROFS,
  ETXTBSY,
  O_ACCMODE,
  O_RDONLY,
  S_IFIFO,
  S_IFMT,
  isErrno,
  parseAcl,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import type { Dentry } from "../../vfs/dentry.ts";
import { lookupChild } from "../../vfs/dentry-cache.ts";
import { type AttributeChange, Inode, type NewInode, type Time } from "../../vfs/inode.ts";
import { removeEntry, renameEntry } from "../../vfs/name-changes.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import { RegularFile } from "../../vfs/regular-file.ts";
import { syncInode } from "../../vfs/write-back.ts";
import type { FsCaller } from "../fs-kernel.ts";
import type { MountIdMap } from "../../security/mount-id-map.ts";
import { CopyUp } from "./copy-up.ts";
import { keptAttribute, shownAttribute } from "./layer-attributes.ts";
import { isWhiteout, keptAs, layerChild, type Layers, type OverlaySystem } from "./layer.ts";
import { MergedListing } from "./merged-listing.ts";
import { addName, addUnnamed, moveName, type OverlayFile, removeName } from "./overlay-names.ts";

/** The overlay, as its inodes know it. */
interface Overlay extends OverlaySystem {
  readonly isUpperReadOnly: boolean;
  /** The one inode for what the layers have under a name. */
  inodeFor(layers: Layers, parent: OverlayInode, name: string): OverlayInode;
  /** The number of what a folder of a layer has, as the overlay shows it. */
  shownNumber(folder: Inode, ino: number): number;
  /** Finds the inode by its content, from now on. */
  keepInode(inode: OverlayInode): void;
  forgetInode(inode: OverlayInode): void;
}

/**
 * A file of an overlay: that of the upper layer, or of the topmost lower one that has the name; a folder shows those of
 * all its layers together. Its attributes are copies of theirs (`refresh`), its content is theirs: descriptions,
 * mappings and programs that run have the inode of the layer (`content`).
 *
 * Who changes it copies it up before (`copyUp`), and the folders that lead to it. A description from before that still
 * reads the lower file, as with Linux.
 */
export class OverlayInode extends Inode implements OverlayFile {
  declare readonly fileSystem: Overlay;
  /** Its entry in the upper layer; null: it has none. Held, as the lower ones are. */
  upper: Dentry | null;
  /** The topmost first; of what is no folder one at most. */
  lowers: readonly Dentry[];
  /** Where it is: the folder is copied up before what is in it. Null for the root. */
  #parent: OverlayInode | null;
  #name: string;
  #copy: CopyUp | null = null;
  #listing: MergedListing | null = null;
  /** Its name here is gone, whatever the lower layers have. */
  #isUnlinked = false;
  #isDropped = false;

  constructor(fileSystem: Overlay, ino: number, layers: Layers, parent: OverlayInode | null, name: string) {
    const shown = (layers.upper ?? layers.lowers[0]!).inode!;
    super(fileSystem, ino, shown.mode, shown.uid, shown.gid, shown.mtime);
    this.upper = layers.upper;
    this.lowers = layers.lowers;
    this.#parent = parent;
    this.#name = name;
    this.upper?.retain();
    for (const lower of this.lowers) lower.retain();
    this.refresh();
  }

  override get isStacked(): boolean {
    return true;
  }

  override get content(): Inode {
    return this.layerEntry.inode!;
  }

  override get layerEntry(): Dentry {
    return this.upper ?? this.lowers[0]!;
  }

  override get isLower(): boolean {
    return this.upper === null;
  }

  get idMap(): MountIdMap | null {
    return this.fileSystem.idMapOf(this.layerEntry);
  }

  /** Its folders, the topmost first. */
  get #folders(): readonly Dentry[] {
    return this.upper === null ? this.lowers : [this.upper, ...this.lowers];
  }

  override refresh(): number {
    const { content } = this;
    const failed = content.refresh();
    if (failed < 0) return failed;
    this.mode = content.mode;
    const { idMap } = this;
    const { uid, gid, acl } = idMap === null ? content : idMap.show(content);
    this.uid = uid;
    this.gid = gid;
    this.acl = acl;
    this.rdev = content.rdev;
    this.size = content.size;
    this.blocks = content.blocks;
    // A reading of a folder sets it here first (storeAttributes).
    if (!this.isDirty) this.atime = content.atime;
    this.mtime = content.mtime;
    this.ctime = content.ctime;
    this.btime = content.btime;
    this.fileFlags = content.fileFlags;
    if (this.#isUnlinked && (this.isDirectory || this.upper === null)) this.nlink = 0;
    // Nobody has counted the folders of all layers: 1 says so to find(1).
    else this.nlink = this.isDirectory && this.lowers.length > 0 ? 1 : content.nlink;
    return 0;
  }

  override statSize(): number | bigint {
    return this.content.statSize();
  }

  // ---- Copying up ---------------------------------------------------------------------------------------------------

  override copyUp(size = Infinity): number {
    const { fileSystem } = this;
    if (fileSystem.isUpperReadOnly) return -EROFS;
    if (this.upper !== null) return 0;
    const above = this.#isUnlinked ? 0 : this.#parent!.copyUp();
    if (above < 0) return above;
    const copy = this.#copy ?? CopyUp.begin(fileSystem, this.layerEntry);
    if (isErrno(copy)) return copy;
    this.#copy = copy;
    let failed = copy.continue(size);
    if (failed === UNFINISHED) return failed;
    if (failed >= 0) failed = this.#place(copy.target);
    this.#copy = null;
    if (failed < 0) {
      copy.discard();
      return failed;
    }
    this.#becomeUpper(copy.target);
    return 0;
  }

  /** Gives the copy the file's name in the upper layer; one that has lost its name here gets none. */
  #place(copy: Dentry): number {
    const { kernel } = this.fileSystem;
    if (this.#isUnlinked) return removeEntry(kernel, copy);
    const folder = this.#parent!.upper!;
    const entry = lookupChild(kernel, folder, this.#name);
    if (isErrno(entry)) return entry;
    // The folder has not changed for those who see it.
    const { atime, mtime } = folder.inode!;
    const failed = renameEntry(kernel, copy, entry, 0);
    if (failed >= 0) folder.inode!.setAttributes({ atime, mtime });
    return failed;
  }

  /** @param copy  held */
  #becomeUpper(copy: Dentry): void {
    const { fileSystem } = this;
    fileSystem.forgetInode(this);
    this.upper = copy;
    fileSystem.keepInode(this);
    if (!this.isDirectory) this.#releaseLowers();
    this.refresh();
  }

  #releaseLowers(): void {
    for (const lower of this.lowers) lower.release();
    this.lowers = [];
  }

  // ---- Names --------------------------------------------------------------------------------------------------------

  override get cachesNames(): boolean {
    return this.#folders.every(({ inode }) => inode!.cachesNames);
  }

  override lookup(name: string): Inode | number {
    const { fileSystem } = this;
    const { kernel, marks } = fileSystem;
    let upper: Dentry | null = null;
    const lowers: Dentry[] = [];
    for (const folder of this.#folders) {
      const entry = layerChild(kernel, folder, name);
      if (isErrno(entry)) return entry;
      if (entry === null) continue;
      const inode = entry.inode!;
      const isTop = upper === null && lowers.length === 0;
      // What is no folder ends the search, and is shown if it is the first.
      if (isWhiteout(inode) || (!inode.isDirectory && !isTop)) break;
      const refused = marks.checkSupported(inode);
      if (refused < 0) return refused;
      if (folder === this.upper) upper = entry;
      else lowers.push(entry);
      if (!inode.isDirectory || marks.isOpaque(inode)) break;
    }
    if (upper === null && lowers.length === 0) return -ENOENT;
    return fileSystem.inodeFor({ upper, lowers }, this, name);
  }

  isBelow(name: string): boolean | number {
    for (const folder of this.lowers) {
      const entry = layerChild(this.fileSystem.kernel, folder, name);
      if (isErrno(entry)) return entry;
      if (entry !== null) return !isWhiteout(entry.inode!);
    }
    return false;
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    const { fileSystem } = this;
    // Places last while the folder is copied up, as when what is read is removed.
    if (cursor === 0 || this.#listing === null) {
      const failed = this.#readListing();
      if (failed < 0) return failed;
    }
    this.#listing!.list(cursor, (name, folder, ino, type, next) =>
      emit(name, fileSystem.shownNumber(folder.inode!, ino), type, next),
    );
    return 0;
  }

  #readListing(): number {
    this.#listing ??= new MergedListing();
    return this.#listing.read(this.fileSystem.kernel, this.#folders);
  }

  nameChanged(name: string): void {
    this.#listing?.changed(this.fileSystem.kernel, name);
    this.refresh();
  }

  checkEmpty(): number {
    const failed = this.#readListing();
    return failed < 0 ? failed : this.#listing!.isEmpty ? 0 : -ENOTEMPTY;
  }

  hideLowers(): number {
    const failed = this.fileSystem.marks.setOpaque(this.upper!.inode!);
    if (failed < 0) return failed;
    this.#releaseLowers();
    this.refresh();
    return 0;
  }

  #addName(
    name: string,
    attributes: NewInode,
    make: (directory: Inode, own: string, kept: NewInode) => Inode | number,
  ): Inode | number {
    const { fileSystem } = this;
    // The working folder, in which it may be made, is of the upper layer's mount.
    const idMap = fileSystem.work === null ? null : fileSystem.idMapOf(fileSystem.work);
    const kept = keptAs(idMap, attributes);
    return isErrno(kept) ? kept : addName(this, name, (directory, own) => make(directory, own, kept));
  }

  override create(name: string, attributes: NewInode): Inode | number {
    return this.#addName(name, attributes, (directory, own, kept) => directory.create(own, kept));
  }

  override mkdir(name: string, attributes: NewInode): Inode | number {
    return this.#addName(name, attributes, (directory, own, kept) => directory.mkdir(own, kept));
  }

  override symlink(name: string, target: string, attributes: NewInode): Inode | number {
    return this.#addName(name, attributes, (directory, own, kept) => directory.symlink(own, target, kept));
  }

  override link(name: string, inode: Inode): number {
    const ready = inode.copyUp();
    if (ready < 0) return ready;
    const { content } = inode;
    const made = addName(this, name, (directory, own) => {
      const failed = directory.link(own, content);
      return failed < 0 ? failed : content;
    });
    if (isErrno(made)) return made;
    (inode as OverlayInode).#isUnlinked = false;
    return inode.refresh();
  }

  override createUnnamed(attributes: NewInode): Inode | number {
    return addUnnamed(this, attributes);
  }

  override unlink(name: string, inode: Inode): number {
    return removeName(this, name, inode as OverlayInode);
  }

  override rmdir(name: string, inode: Inode): number {
    return removeName(this, name, inode as OverlayInode);
  }

  override rename(
    name: string,
    inode: Inode,
    newDirectory: Inode,
    newName: string,
    replaced: Inode | null,
    flags: number,
  ): number {
    const from = { folder: this, name, inode: inode as OverlayInode };
    const to = { folder: newDirectory as OverlayInode, name: newName, inode: replaced as OverlayInode | null };
    return moveName(from, to, flags);
  }

  movedTo(parent: OverlayInode, name: string): void {
    this.#parent = parent;
    this.#name = name;
    this.refresh();
  }

  unlinked(): void {
    this.#isUnlinked = true;
    this.refresh();
  }

  override readlink(): string | number {
    return this.content.readlink(null);
  }

  // ---- Attributes ---------------------------------------------------------------------------------------------------

  /** Changes what the upper layer has. @param change  of its inode there */
  #change(change: (content: Inode) => number): number {
    const ready = this.copyUp();
    if (ready < 0) return ready;
    // What is nobody's isn't changed.
    if (this.idMap !== null && (this.uid < 0 || this.gid < 0)) return -EOVERFLOW;
    const failed = change(this.content);
    this.refresh();
    return failed;
  }

  override setAttributes(change: AttributeChange): number {
    return this.#change((content) => {
      const { idMap, uid, gid } = this;
      if (idMap === null || (change.uid === undefined && change.gid === undefined))
        return content.setAttributes(change);
      const kept = keptAs(idMap, { uid: change.uid ?? uid, gid: change.gid ?? gid });
      return isErrno(kept) ? kept : content.setAttributes({ ...change, ...kept });
    });
  }

  override get keptFileFlags(): number {
    return this.content.keptFileFlags;
  }

  override setFileFlags(flags: number): number {
    return this.#change((content) => content.setFileFlags(flags));
  }

  override get project(): number {
    return this.content.project;
  }

  override setProject(project: number): number {
    return project === this.project ? 0 : this.#change((content) => content.setProject(project));
  }

  override truncate(size: number, now: Time): number {
    const ready = this.copyUp(size);
    return ready < 0 ? ready : this.#change((content) => content.truncate(size, now));
  }

  override getXattr(name: string): Uint8Array | number {
    const value = this.content.getXattr(this.fileSystem.marks.stored(name));
    const { idMap } = this;
    return idMap === null || isErrno(value) ? value : shownAttribute(idMap, name, value);
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    return this.#change((content) => {
      const { idMap } = this;
      const kept = idMap === null ? value : keptAttribute(idMap, name, value);
      if (isErrno(kept)) return kept;
      const failed = content.setXattr(this.fileSystem.marks.stored(name), kept, flags);
      if (failed >= 0 && name === ACL_ACCESS_NAME) {
        const acl = parseAcl(kept);
        content.acl = isErrno(acl) ? null : acl;
      }
      return failed;
    });
  }

  override removeXattr(name: string): number {
    // Nothing is copied to find that there is nothing to remove.
    const value = this.getXattr(name);
    if (isErrno(value)) return value;
    return this.#change((content) => {
      if (name === ACL_ACCESS_NAME) content.acl = null;
      return content.removeXattr(this.fileSystem.marks.stored(name));
    });
  }

  override listXattrs(): string[] | number {
    const names = this.content.listXattrs();
    if (isErrno(names)) return names;
    const { marks } = this.fileSystem;
    return names.map((name) => marks.shown(name)).filter((name) => name !== null);
  }

  // ---- Content ------------------------------------------------------------------------------------------------------

  override open(task: FsCaller, flags: number, path: Path): OpenFile | number | null {
    const isWriter = (flags & O_ACCMODE) !== O_RDONLY;
    if (!this.isRegular) {
      // Both ends meet in one inode, from wherever the layer is seen.
      const isFifo = (this.mode & S_IFMT) === S_IFIFO;
      return isFifo ? (task.kernel.vfs.devices.fifo?.open(task, this.content, flags, path) ?? null) : null;
    }
    const ready = isWriter ? this.copyUp() : 0;
    if (ready < 0) return ready;
    const { content } = this;
    if (isWriter && content.writers < 0) return -ETXTBSY;
    return content.open(task, flags, path) ?? new RegularFile(task.kernel, flags, content, path);
  }

  override sync(dataOnly: boolean): number {
    const { kernel, isVolatile } = this.fileSystem;
    return this.upper === null || isVolatile ? 0 : syncInode(kernel, this.content, dataOnly);
  }

  /** The time of access of a folder, which is all that changes here in place. */
  override storeAttributes(): number {
    return this.upper === null ? 0 : this.content.setAttributes({ atime: this.atime });
  }

  override evict(): void {
    this.drop();
  }

  override forget(): void {
    this.drop();
  }

  /** Lets go of the layers. */
  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.#copy?.discard();
    this.#copy = null;
    this.fileSystem.forgetInode(this);
    this.upper?.release();
    for (const lower of this.lowers) lower.release();
  }

  static {
    stateClass("OverlayInode", this, {
      save: (it) => ({
        parent: it.#parent,
        name: it.#name,
        copy: it.#copy,
        listing: it.#listing,
        isUnlinked: it.#isUnlinked,
        isDropped: it.#isDropped,
      }),
      load: (it, from) =>
        ({
          parent: it.#parent,
          name: it.#name,
          copy: it.#copy,
          listing: it.#listing,
          isUnlinked: it.#isUnlinked,
          isDropped: it.#isDropped,
        } = from),
    });
  }
}
