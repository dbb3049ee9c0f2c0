/**
 * overlayfs: a tree that shows several others at once, the upper one writable
 * (Documentation/filesystems/overlayfs.rst).
 *
 *     lookup ─▶ overlay-inode.ts ─▶ layer.ts (entries of the layers, whiteouts, opaque folders)
 *     change ─▶ copyUp ─▶ copy-up.ts        names ─▶ overlay-names.ts        readdir ─▶ merged-listing.ts
 *
 * A name is shown as the topmost layer has it; folders are merged until one is opaque; a whiteout hides a name below.
 */
import {
  AT_FDCWD,
  EINVAL,
  ELOOP,
  ENOTDIR,
  EROFS,
  MS_RDONLY,
  OVERLAYFS_SUPER_MAGIC,
  S_IFDIR,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { MountIdMap } from "../../security/mount-id-map.ts";
import { checkAccess, MAY_EXEC, MAY_WRITE } from "../../security/permission.ts";
import { type Dentry, isBelow } from "../../vfs/dentry.ts";
import { FileSystem, type FileSystemUsage } from "../../vfs/file-system.ts";
import type { Inode } from "../../vfs/inode.ts";
import { holdFileSystem, releaseFileSystem } from "../../vfs/mount-lifetime.ts";
import type { MountOptions } from "../../vfs/mount-options.ts";
import { lookupPath } from "../../vfs/path-walk.ts";
import { mayCopy } from "../../vfs/mount-tree.ts";
import { Path } from "../../vfs/path.ts";
import { syncFileSystem } from "../../vfs/write-back.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";
import { addToLayer, clearLeftovers, keptAs, layerChild, type Layers, Marks, type OverlaySystem } from "./layer.ts";
import { OverlayInode } from "./overlay-inode.ts";
import { type OverlayOptions, parseOverlayOptions } from "./overlay-options.ts";
import { shownOn } from "../../vfs/mount.ts";

/** Overlays of overlays (FILESYSTEM_MAX_STACK_DEPTH of Linux). */
const DEPTH_MAX = 2;
/** Numbers of files of each file system that a layer lies on have a range of their own (Linux: xino). */
const NUMBERS = 2 ** 44;

/** Where the layers are, once their paths were looked up. */
interface Roots {
  readonly upper: Dentry | null;
  readonly lowers: readonly Dentry[];
  readonly work: Dentry | null;
  /** Of the layers, and of the working folder, that show their files with other owners; null: none does. */
  readonly idMaps: ReadonlyMap<Dentry, MountIdMap> | null;
}

export class Overlay extends FileSystem implements OverlaySystem {
  readonly type = "overlay";
  readonly kernel: FsKernel;
  readonly root: OverlayInode;
  readonly work: Dentry | null;
  readonly marks: Marks;
  readonly isVolatile: boolean;
  /** 1, and more for each overlay below. */
  readonly depth: number;
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly idMaps: Roots["idMaps"];
  /** Those that the layers lie on, each once and held; the upper layer's first. */
  #below: readonly FileSystem[];
  /** By the file of the layer that they show. */
  #inodes = new Map<Inode, OverlayInode>();
  /** Numbers of files that were copied up, which keep the ones that they had, by those that they have above. */
  #numbers = new Map<number, number>();
  #shownOptions: string;

  /** @param credentials  of who mounts it */
  constructor(kernel: FsKernel, roots: Roots, options: OverlayOptions, credentials: FsCaller["credentials"]) {
    super(kernel.allocateDevice());
    this.kernel = kernel;
    this.work = roots.work;
    this.work?.retain();
    // `trusted.*` is for who has the machine.
    this.marks = new Marks(options.userXattr || credentials.userNamespace.parent !== null);
    this.isVolatile = options.isVolatile;
    this.owner = { uid: credentials.fsuid, gid: credentials.fsgid };
    this.idMaps = roots.idMaps;
    const layers = roots.upper === null ? roots.lowers : [roots.upper, ...roots.lowers];
    this.#below = [...new Set(layers.map(({ inode }) => inode!.fileSystem))];
    for (const fileSystem of this.#below) holdFileSystem(kernel, fileSystem);
    this.depth = 1 + Math.max(...this.#below.map(depthOf));
    this.readOnly = roots.work === null;
    this.#shownOptions = shownOptions(options);
    const [{ inode: top }] = layers as [Dentry];
    this.root = new OverlayInode(this, this.#numberOf(top!), roots, null, "");
    this.keepInode(this.root);
  }

  override get options(): string {
    return this.#shownOptions;
  }

  get isUpperReadOnly(): boolean {
    return this.work === null || this.#below[0]!.readOnly;
  }

  override setReadOnly(on: boolean): number {
    return !on && this.work === null ? -EROFS : super.setReadOnly(on);
  }

  override usage(): FileSystemUsage {
    return { ...this.#below[0]!.usage(), magic: OVERLAYFS_SUPER_MAGIC };
  }

  override sync(): number {
    return this.work === null || this.isVolatile ? 0 : syncFileSystem(this.kernel, this.#below[0]!);
  }

  override get storage(): FileSystem {
    return this.work === null || this.isVolatile ? this : this.#below[0]!.storage;
  }

  override nextBeforeSync(inode: OverlayInode): Inode | null {
    return this.isVolatile || inode.upper === null ? null : this.storage.nextBeforeSync(inode.content);
  }

  override storedBeforeSync(inode: Inode): void {
    this.storage.storedBeforeSync(inode);
  }

  idMapOf(entry: Dentry): MountIdMap | null {
    const { idMaps } = this;
    if (idMaps === null) return null;
    for (let at: Dentry | null = entry; at !== null; at = at.parent) {
      const idMap = idMaps.get(at);
      if (idMap !== undefined) return idMap;
    }
    return null;
  }

  nextWorkName(): string {
    return `#${this.kernel.allocateAnonymousIno().toString(16)}`;
  }

  inodeFor(layers: Layers, parent: OverlayInode, name: string): OverlayInode {
    const shown = (layers.upper ?? layers.lowers[0]!).inode!;
    const known = this.#inodes.get(shown);
    if (known !== undefined) {
      if (known.isDirectory) known.movedTo(parent, name);
      return known;
    }
    const inode = new OverlayInode(this, this.#numberOf(shown), layers, parent, name);
    // Names of one lower file are files of their own as soon as one is changed (Linux without `index`).
    if (layers.upper !== null || shown.isDirectory || shown.nlink === 1) this.keepInode(inode);
    return inode;
  }

  keepInode(inode: OverlayInode): void {
    this.#inodes.set(inode.content, inode);
    const number = this.#numberOf(inode.content);
    if (number !== inode.ino) this.#numbers.set(number, inode.ino);
  }

  forgetInode(inode: OverlayInode): void {
    if (this.#inodes.get(inode.content) !== inode) return;
    this.#inodes.delete(inode.content);
    this.#numbers.delete(this.#numberOf(inode.content));
  }

  #numberOf({ fileSystem, ino }: Pick<Inode, "fileSystem" | "ino">): number {
    return this.#below.indexOf(fileSystem) * NUMBERS + (ino % NUMBERS);
  }

  shownNumber({ fileSystem }: Inode, ino: number): number {
    const number = this.#numberOf({ fileSystem, ino });
    return this.#numbers.get(number) ?? number;
  }

  override shutdown(): void {
    for (const inode of [...this.#inodes.values()]) inode.drop();
    this.work?.release();
    for (const fileSystem of this.#below) releaseFileSystem(this.kernel, fileSystem);
  }

  static {
    stateClass("Overlay", this, {
      save: (it) => ({
        below: it.#below,
        inodes: it.#inodes,
        numbers: it.#numbers,
        shownOptions: it.#shownOptions,
      }),
      load: (it, from) =>
        ({ below: it.#below, inodes: it.#inodes, numbers: it.#numbers, shownOptions: it.#shownOptions } = from),
    });
  }
}

function depthOf(fileSystem: FileSystem): number {
  return fileSystem instanceof Overlay ? fileSystem.depth : 0;
}

function shownOptions({ lower, upper, work, userXattr, isVolatile }: OverlayOptions): string {
  const escaped = lower.map((path) => path.replace(/[\\:]/g, "\\$&"));
  const parts = [`lowerdir=${escaped.join(":")}`];
  if (upper !== null) parts.push(`upperdir=${upper}`, `workdir=${work}`);
  if (userXattr) parts.push("userxattr");
  if (isVolatile) parts.push("volatile");
  return parts.join(",");
}

/** Says in dmesg(1) what is wrong. */
function refuse(kernel: FsKernel, why: string, error = -EINVAL): number {
  kernel.log(`overlayfs: ${why}`);
  return error;
}

function folderAt(caller: FsCaller, path: string): Path | number {
  const place = lookupPath(caller, AT_FDCWD, path, 0);
  if (isErrno(place)) return refuse(caller.kernel, `failed to resolve '${path}': ${place}`, place);
  const inode = place.dentry.inode!;
  if (!inode.isDirectory) return refuse(caller.kernel, `${path}: not a directory`);
  return inode.fileSystem.isMadeOnDemand ? refuse(caller.kernel, `filesystem on ${path} not supported`) : place;
}

function writableFolderAt(caller: FsCaller, path: string): Path | number {
  const place = folderAt(caller, path);
  if (isErrno(place)) return place;
  const { fileSystem } = place.dentry.inode!;
  if (fileSystem.readOnly || (place.mount.flags & MS_RDONLY) !== 0)
    return refuse(caller.kernel, `filesystem on '${path}' is read-only, try multi-lower layers mount`);
  if (fileSystem instanceof Overlay) return refuse(caller.kernel, `an overlay on '${path}' is no upper layer`);
  return place;
}

/** A layer is shown as if it were bound, without what is mounted on it. */
function mayShow({ kernel, fs }: FsCaller, place: Path): number {
  const { mount } = place;
  const isDetached = mount.namespace?.isDetached === true && mount.namespace.root === mount;
  const refused = isDetached || fs.namespace.has(mount) ? mayCopy(kernel, place, false) : -EINVAL;
  return refused < 0 ? refuse(kernel, "failed to clone a layer's path") : 0;
}

/** The upper layer and the working folder beside it. */
function writableRoots(
  caller: FsCaller,
  options: OverlayOptions,
): { upper: Dentry; work: Dentry; idMap: MountIdMap | null; isReadOnly: boolean } | number {
  const { kernel, credentials } = caller;
  const upper = writableFolderAt(caller, options.upper!);
  if (isErrno(upper)) return upper;
  const work = writableFolderAt(caller, options.work!);
  if (isErrno(work)) return work;
  const refused = mayShow(caller, upper);
  if (refused < 0) return refused;
  const { fileSystem } = upper.dentry.inode!;
  if (!fileSystem.hasWhiteouts) return refuse(kernel, `filesystem on '${options.upper}' not supported as upperdir`);
  if (work.mount !== upper.mount) return refuse(kernel, "workdir and upperdir must reside under the same mount");
  if (isBelow(work.dentry, upper.dentry) || isBelow(upper.dentry, work.dentry))
    return refuse(kernel, "workdir and upperdir must be separate subtrees");
  const isReadOnly = [upper, work].some(
    ({ mount, dentry }) => checkAccess(credentials, shownOn(mount, dentry.inode!), MAY_WRITE | MAY_EXEC) < 0,
  );
  if (isReadOnly) kernel.log(`overlayfs: no right to write to '${options.upper}' or '${options.work}'; read-only`);
  return { upper: upper.dentry, work: work.dentry, idMap: upper.mount.idMap, isReadOnly };
}

function findRoots(caller: FsCaller, options: OverlayOptions): Roots | number {
  const { kernel } = caller;
  // Mistakes are told in the order in which the options usually stand.
  const places: Path[] = [];
  for (const path of options.lower) {
    const place = folderAt(caller, path);
    if (isErrno(place)) return place;
    places.push(place);
  }
  if (options.upper === null && places.length < 2)
    return refuse(kernel, "at least 2 lowerdir are needed while upperdir nonexistent");
  const writable = options.upper === null ? null : writableRoots(caller, options);
  if (isErrno(writable)) return writable;
  const work = writable === null || writable.isReadOnly ? null : workFolder(caller, writable.work, writable.idMap);
  if (isErrno(work)) return work;
  const lowers: Dentry[] = [];
  const taken = writable === null ? [] : [writable.upper, writable.work];
  const idMaps = new Map<Dentry, MountIdMap>();
  const upperMap = writable?.idMap ?? null;
  if (upperMap !== null) for (const dentry of taken) idMaps.set(dentry, upperMap);
  for (const place of places) {
    const refused = mayShow(caller, place);
    if (refused < 0) return refused;
    if (lowers.includes(place.dentry)) return refuse(kernel, "conflicting lowerdir path", -ELOOP);
    lowers.push(place.dentry);
    if (place.mount.idMap !== null) idMaps.set(place.dentry, place.mount.idMap);
  }
  for (const lower of lowers)
    if ([...taken, ...lowers].some((other) => other !== lower && isBelow(lower, other)) || taken.includes(lower))
      return refuse(kernel, "overlapping lowerdir path", -ELOOP);
  const layers = [...taken, ...lowers];
  // What is merged and copied up would have to wait for a program in its middle.
  if (layers.some(({ inode }) => inode!.fileSystem.isServed)) return refuse(kernel, "a layer of a FUSE server");
  if (layers.some(({ inode }) => depthOf(inode!.fileSystem) >= DEPTH_MAX))
    return refuse(kernel, "maximum fs stacking depth exceeded");
  return { upper: writable?.upper ?? null, lowers, work, idMaps: idMaps.size === 0 ? null : idMaps };
}

/** `work` below the working folder, without what an overlay before has left there; UNFINISHED. */
function workFolder({ kernel, credentials }: FsCaller, base: Dentry, idMap: MountIdMap | null): Dentry | number {
  const found = layerChild(kernel, base, "work");
  if (isErrno(found)) return found;
  if (found !== null) {
    if (!found.inode!.isDirectory) return refuse(kernel, "workdir/work is not a directory", -ENOTDIR);
    const unfinished = clearLeftovers(kernel, found);
    return unfinished < 0 ? unfinished : found;
  }
  const { fsuid, fsgid } = credentials;
  const shown = { mode: S_IFDIR, uid: fsuid, gid: fsgid, rdev: 0, now: kernel.vfs.now() };
  const attributes = keptAs(idMap, shown);
  if (isErrno(attributes)) return attributes;
  return addToLayer(kernel, base, "work", (directory, name) => directory.mkdir(name, attributes));
}

export function mountOverlay(kernel: FsKernel, options: MountOptions): Overlay | number {
  const caller = kernel.scheduler.current as FsCaller | null;
  const parsed = parseOverlayOptions(options);
  if (caller === null || typeof parsed === "string") return refuse(kernel, String(parsed));
  const roots = findRoots(caller, parsed);
  return isErrno(roots) ? roots : new Overlay(kernel, roots, parsed, caller.credentials);
}
