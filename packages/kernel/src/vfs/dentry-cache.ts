import { SteadyMap } from "@stratos/base";
import { ENOENT, isErrno } from "@stratos/abi";
import { Dentry } from "./dentry.ts";
import type { Inode } from "./inode.ts";
import type { VfsKernel } from "./vfs-kernel.ts";

/**
 * The entry `name` of a directory, negative when the name is absent; a negated errno when the file system fails (EIO,
 * EACCES …).
 */
export function lookupChild(kernel: VfsKernel, parent: Dentry, name: string): Dentry | number {
  const directory = parent.inode!;
  const cached = parent.children?.get(name);
  if (cached !== undefined && (directory.cachesNames || cached.mountCount > 0)) {
    cached.wasUsed = true;
    return cached;
  }
  const found = directory.lookup(name);
  let inode: Inode | null = null;
  if (isErrno(found)) {
    if (found !== -ENOENT) return found;
  } else inode = found;
  if (cached !== undefined) {
    // Names come and go by themselves here: the entry is kept as long as it still names the same file.
    if (cached.inode === inode) {
      cached.wasUsed = true;
      return cached;
    }
    detachChild(kernel, cached);
  }
  if (parent.isDetached || (inode === null && !directory.cachesNames)) return new Dentry(name, parent, inode);
  return addChild(kernel, parent, name, inode);
}

/**
 * A listing has told what a name of a directory leads to: it needn't be looked up.
 * @returns whether the entry is in the cache
 */
export function noteChild(kernel: VfsKernel, parent: Dentry, name: string, inode: Inode): boolean {
  if (parent.isDetached) return false;
  const cached = parent.children?.get(name);
  if (cached !== undefined) {
    cached.wasUsed = true;
    if (cached.inode === inode) return true;
    // Its name is something else's by now: the next walk finds that out, and what to do about a mount on it.
    if (cached.mountCount > 0) return false;
    detachChild(kernel, cached);
  }
  addChild(kernel, parent, name, inode);
  return true;
}

/** The entry of a folder that was found so lately that it isn't asked for again; null: it is to be looked up. */
export function believedChild(parent: Dentry, name: string): Dentry | null {
  const cached = parent.children?.get(name);
  if (cached === undefined || cached.inode === null || !cached.inode.isBelievedAs(parent.inode!, name)) return null;
  cached.wasUsed = true;
  return cached;
}

/** The name was found to mean something else: whoever holds the entry keeps it, detached. */
function detachChild(kernel: VfsKernel, child: Dentry): void {
  child.parent!.children!.delete(child.name);
  child.detach();
  kernel.vfs.dentryCount--;
  dropChildren(kernel, child);
  if (child.inode !== null) child.inode.dropCachedName();
}

function addChild(kernel: VfsKernel, parent: Dentry, name: string, inode: Inode | null): Dentry {
  const child = new Dentry(name, parent, inode);
  parent.children ??= new SteadyMap();
  parent.children.set(name, child);
  if (inode !== null) nameCached(inode, child);
  kernel.vfs.dentryCount++;
  return child;
}

/** Puts an entry that served one walk only into its directory. */
export function pinChild(kernel: VfsKernel, child: Dentry): void {
  const parent = child.parent;
  if (parent === null || parent.children?.get(child.name) === child) return;
  parent.children ??= new SteadyMap();
  parent.children.set(child.name, child);
  if (child.inode !== null) nameCached(child.inode, child);
  kernel.vfs.dentryCount++;
}

function nameCached(inode: Inode, name: Dentry): void {
  inode.cachedNames++;
  if (!inode.fileSystem.isMadeOnDemand) inode.cachedName = name;
}

/** Where a file is, as far as that is known; null: no name of it is in memory, or none that leads there. */
export function cachedNameOf(inode: Inode, root: Dentry): Dentry | null {
  const { cachedName } = inode;
  if (cachedName === null || cachedName.inode !== inode) return null;
  for (let at: Dentry | null = cachedName; at !== root; at = at.parent)
    if (at === null || at.isDetached || !isCached(at)) return null;
  return cachedName;
}

/** A file was made under a negative entry. */
export function fillDentry(kernel: VfsKernel, dentry: Dentry, inode: Inode): void {
  dentry.inode = inode;
  if (isCached(dentry)) nameCached(inode, dentry);
  else if (dentry.parent !== null && !dentry.parent.isDetached && dentry.parent.children?.has(dentry.name) !== true)
    pinChild(kernel, dentry);
}

function isCached(dentry: Dentry): boolean {
  return dentry.parent?.children?.get(dentry.name) === dentry;
}

/** The name is gone: an entry in use is detached and keeps its inode, another becomes negative. */
export function unlinkDentry(kernel: VfsKernel, dentry: Dentry): void {
  const inode = dentry.inode!;
  const wasCached = isCached(dentry);
  dropChildren(kernel, dentry);
  if (dentry.users > 0 || !wasCached) {
    dentry.detach();
    if (wasCached) {
      dentry.parent!.children!.delete(dentry.name);
      kernel.vfs.dentryCount--;
    }
  } else dentry.inode = null;
  if (wasCached) inode.dropCachedName();
}

/**
 * Forgets everything cached below a directory that was removed (negative entries: it was empty). Where it went by
 * itself, names in it that somebody holds keep their place below it (fs/dcache.c, d_invalidate).
 */
function dropChildren(kernel: VfsKernel, dentry: Dentry): void {
  if (dentry.children === null) return;
  for (const child of dentry.children.values()) {
    dropChildren(kernel, child);
    child.isDetached = child.users === 0;
    kernel.vfs.dentryCount--;
    if (child.inode !== null) child.inode.dropCachedName();
  }
  dentry.children = null;
}

/** rename(2): the entry goes to a new place, over a negative entry or one already unlinked there. */
export function moveDentry(kernel: VfsKernel, dentry: Dentry, target: Dentry): void {
  const oldParent = dentry.parent!;
  const newParent = target.parent!;
  const newName = target.name;
  const wasCached = isCached(dentry);
  if (wasCached) oldParent.children!.delete(dentry.name);
  const covered = newParent.children?.get(newName);
  if (covered !== undefined) {
    covered.isDetached = true;
    kernel.vfs.dentryCount--;
    if (covered.inode !== null) covered.inode.dropCachedName();
  }
  dentry.parent = newParent;
  dentry.name = newName;
  if (!newParent.isDetached) {
    newParent.children ??= new SteadyMap();
    newParent.children.set(newName, dentry);
    if (!wasCached) {
      kernel.vfs.dentryCount++;
      if (dentry.inode !== null) nameCached(dentry.inode, dentry);
    }
  } else {
    newParent.children?.delete(newName);
    if (wasCached) {
      kernel.vfs.dentryCount--;
      if (dentry.inode !== null) dentry.inode.dropCachedName();
    }
  }
}

/** rename(2) with RENAME_EXCHANGE. */
export function exchangeDentries(one: Dentry, other: Dentry): void {
  const oneParent = one.parent!,
    oneName = one.name,
    oneCached = isCached(one);
  const otherParent = other.parent!,
    otherName = other.name,
    otherCached = isCached(other);
  one.parent = otherParent;
  one.name = otherName;
  other.parent = oneParent;
  other.name = oneName;
  if (oneCached) oneParent.children!.set(oneName, other);
  if (otherCached) otherParent.children!.set(otherName, one);
}

/** Called between walks: brings the cache below its bound. */
export function pruneDentries(kernel: VfsKernel): void {
  for (let round = 0; round < 2 && kernel.vfs.dentryCount > kernel.vfs.dentriesMost; round++) {
    for (const { dentry } of kernel.vfs.roots.values()) pruneBelow(kernel, dentry);
  }
}

/** All that nobody uses, as vm.drop_caches asks for it. */
export function dropUnusedDentries(kernel: VfsKernel): void {
  for (const { dentry } of kernel.vfs.roots.values()) forgetUnused(kernel, dentry);
}

/** Names of file systems that are made on demand are found again as quickly: those that nobody uses go. */
export function forgetMadeOnDemand(kernel: VfsKernel): void {
  for (const [fileSystem, { dentry }] of kernel.vfs.roots) if (fileSystem.isMadeOnDemand) forgetUnused(kernel, dentry);
}

/**
 * The file system says that a name of a directory is to be looked up anew: it goes, with what nobody uses below it.
 * @param keeps  it stays while it leads to the same file
 * @returns whether the name was there
 */
export function dropCachedChild(kernel: VfsKernel, directory: Inode, name: string, keeps: boolean): boolean {
  const { fileSystem } = directory;
  const dentry = fileSystem.root === directory ? kernel.vfs.roots.get(fileSystem)?.dentry : directory.cachedName;
  const child = dentry?.inode === directory ? dentry.children?.get(name) : undefined;
  if (child === undefined) return false;
  if (keeps) return true;
  forgetUnused(kernel, child);
  if (!isInUse(child)) forgetName(kernel, child);
  return true;
}

/** However lately they were found, and folders with what was in them. */
function forgetUnused(kernel: VfsKernel, dentry: Dentry): void {
  for (const child of dentry.children?.values() ?? []) {
    if (child.children !== null) forgetUnused(kernel, child);
    if (!isInUse(child)) forgetName(kernel, child);
  }
  if (dentry.children?.size === 0) dentry.children = null;
}

/** A machine that is copied has some more objects for each name; with so many that takes a few milliseconds. */
const NAMES_TO_COPY = 1024;
const NAMES_AT_ONCE = 128;

/** Before it is copied: are there so many names that `forgetUnread` is worth its while? */
export function hasNamesToForget(kernel: VfsKernel): boolean {
  return kernel.vfs.dentryCount > NAMES_TO_COPY;
}

/**
 * Forgets names beyond NAMES_TO_COPY that nobody uses and whose files have no page in memory: they are found again as
 * soon as they are asked for. Between the pieces the machine may run.
 */
export function* forgetUnread(kernel: VfsKernel): Generator<void, void> {
  // The first round takes the mark of use off.
  for (let round = 0; round < 2; round++)
    for (const { dentry } of [...kernel.vfs.roots.values()]) yield* forgetUnreadBelow(kernel, dentry);
}

/** Files of stored file systems that have pages in memory, by their paths without the first `/`: byte strings. */
export function* namesInMemory(kernel: VfsKernel): Generator<string, void> {
  for (const [fileSystem, { dentry }] of kernel.vfs.roots)
    if (!fileSystem.isMadeOnDemand) yield* namesInMemoryBelow(dentry, "");
}

function* namesInMemoryBelow({ children }: Dentry, folder: string): Generator<string, void> {
  for (const [name, child] of children ?? []) {
    if ((child.inode?.pages?.pageCount ?? 0) > 0) yield folder + name;
    yield* namesInMemoryBelow(child, `${folder}${name}/`);
  }
}

function* forgetUnreadBelow(kernel: VfsKernel, dentry: Dentry): Generator<void, void> {
  let count = 0;
  for (const [name, child] of dentry.children ?? []) {
    if (!hasNamesToForget(kernel)) return;
    if (child.children !== null) yield* forgetUnreadBelow(kernel, child);
    if (++count % NAMES_AT_ONCE === 0) yield;
    // Somebody may have moved it meanwhile.
    const isRead = (child.inode?.pages?.pageCount ?? 0) > 0;
    if (isInUse(child) || isRead || dentry.children?.get(name) !== child) continue;
    if (child.wasUsed) child.wasUsed = false;
    else forgetName(kernel, child);
  }
  yield;
  if (dentry.children?.size === 0) dentry.children = null;
}

function isInUse({ users, mountCount, children }: Dentry): boolean {
  return users > 0 || mountCount > 0 || children !== null;
}

function forgetName(kernel: VfsKernel, child: Dentry): void {
  child.parent!.children!.delete(child.name);
  child.isDetached = true;
  kernel.vfs.dentryCount--;
  if (child.inode !== null) child.inode.dropCachedName();
}

function pruneBelow(kernel: VfsKernel, dentry: Dentry): void {
  for (const child of dentry.children?.values() ?? []) {
    if (child.children !== null) pruneBelow(kernel, child);
    if (isInUse(child)) continue;
    if (child.wasUsed) child.wasUsed = false;
    else forgetName(kernel, child);
  }
  if (dentry.children?.size === 0) dentry.children = null;
}

/** What a name led to is gone by itself (a process of procfs): forget it and all below that nobody uses. */
export function forgetChild(kernel: VfsKernel, parent: Dentry, name: string): void {
  const child = parent.children?.get(name);
  if (child === undefined || child.users > 0 || child.mountCount > 0) return;
  dropChildren(kernel, child);
  forgetName(kernel, child);
}

/** The last mount of a file system is gone: forget all its names. */
export function dropAllDentries(kernel: VfsKernel, root: Dentry): void {
  dropChildren(kernel, root);
}
