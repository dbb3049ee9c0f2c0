/** Names: LOOKUP, MKNOD, MKDIR, SYMLINK, LINK, TMPFILE, UNLINK, RMDIR, RENAME, READLINK. */
import {
  EEXIST,
  EINVAL,
  ENOENT,
  EPERM,
  ESTALE,
  EXDEV,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISGID,
} from "@stratos/abi";
import type { Subvolume } from "@stratos/aegisfs";
import { ROOT_INO } from "@stratos/aegisfs";
import type { Exchange } from "../exchange.ts";
import { treeOf, type Mount } from "../mount.ts";
import { putAbsence, putEntry, VALID_SECONDS } from "../wire/attribute-words.ts";
import { B, BODY_AT, D, Q_NODE_TREE } from "../wire/layout.ts";

export function lookup(mount: Mount, files: Subvolume, directory: number): number {
  const name = mount.exchange.name(BODY_AT);
  if (name.charCodeAt(0) === DOT && directory === ROOT_INO) {
    const special = mount.controlNames?.lookupInRoot(name) ?? 0;
    if (special !== 0) return special;
  }
  let ino: number;
  // Only with FUSE_EXPORT_SUPPORT, for handles that outlive the kernel's caches.
  if (name === ".") ino = directory;
  else if (name === "..") {
    const found = files.stat(directory, mount.exchange.attributes);
    if (found < 0) return found;
    ino = directory === ROOT_INO ? ROOT_INO : mount.exchange.attributes.parent;
  } else ino = files.lookup(directory, name);
  if (ino < 0) return ino === -ENOENT ? putAbsence(mount.exchange.words, D) : ino;
  const size = replyEntry(mount, files, ino);
  if (size > 0 && (mount.exchange.attributes.mode & S_IFMT) !== S_IFDIR)
    mount.caches.habits.look(directory, mount.exchange.words[Q_NODE_TREE]!);
  return size;
}

const DOT = 46;

/**
 * The answer of whatever names a node: the kernel knows it once more.
 *
 * @param isNew  it was made just now, and is open as a rule
 */
function replyEntry(mount: Mount, files: Subvolume, ino: number, isNew = false): number {
  const found = files.stat(ino, mount.exchange.attributes);
  if (found < 0) return found;
  const tree = mount.exchange.words[Q_NODE_TREE]!;
  mount.caches.counts.add(ino, tree);
  mount.caches.markRolledBack(mount.exchange.attributes, tree);
  if (isNew) mount.agreement.expectWrites(mount.exchange.attributes);
  return putEntry(mount.exchange.words, D, mount.exchange.attributes, tree, VALID_SECONDS);
}

/**
 * 0, or why nothing may be made under that name. Linux checks names itself; the engine relies on what no message must
 * break.
 */
function refuseName(mount: Mount, directory: number, name: string): number {
  if (name.includes("/")) return -EINVAL;
  if (name.charCodeAt(0) !== DOT) return 0;
  if (name === "." || name === "..") return -EEXIST;
  return directory === ROOT_INO && mount.controlNames !== null && mount.controlNames.isReserved(name) ? -EPERM : 0;
}

function make(
  mount: Mount,
  files: Subvolume,
  directory: number,
  name: string,
  mode: number,
  rdev: number,
  umask: number,
): number {
  const refused = refuseName(mount, directory, name);
  if (refused < 0) return refused;
  let { gid } = mount.exchange;
  const found = files.stat(directory, mount.exchange.attributes);
  if (found < 0) return found;
  // inode(7), S_ISGID: what is made in such a folder takes its group, and a folder the bit, too.
  if ((mount.exchange.attributes.mode & S_ISGID) !== 0) {
    gid = mount.exchange.attributes.gid;
    if ((mode & S_IFMT) === S_IFDIR) mode |= S_ISGID;
  }
  const ino = files.create(directory, name, mode, mount.exchange.uid, gid, rdev, umask & 0o777);
  return ino < 0 ? ino : replyEntry(mount, files, ino, true);
}

const MADE_BY_MKNOD: ReadonlySet<number> = new Set([S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK]);

/** fuse_mknod_in: mode, rdev, umask, padding; name. */
export function makeNode(mount: Mount, files: Subvolume, directory: number): number {
  let mode = mount.exchange.words[B]! & 0xffff;
  if ((mode & S_IFMT) === 0) mode |= S_IFREG;
  // mknod(2) ERRORS: folders and links have their own calls.
  if (!MADE_BY_MKNOD.has(mode & S_IFMT)) return -EINVAL;
  return make(
    mount,
    files,
    directory,
    mount.exchange.name(BODY_AT + 16),
    mode,
    mount.exchange.words[B + 1]!,
    mount.exchange.words[B + 2]!,
  );
}

/** fuse_mkdir_in: mode, umask; name. */
export function makeFolder(mount: Mount, files: Subvolume, directory: number): number {
  return make(
    mount,
    files,
    directory,
    mount.exchange.name(BODY_AT + 8),
    (mount.exchange.words[B]! & 0o7777) | S_IFDIR,
    0,
    mount.exchange.words[B + 1]!,
  );
}

/** fuse_create_in: flags, mode, umask, open flags; a name that does not matter. Answers as CREATE does. */
export function makeUnnamed(mount: Mount, files: Subvolume, directory: number): number {
  let { gid } = mount.exchange;
  const found = files.stat(directory, mount.exchange.attributes);
  if (found < 0) return found;
  if ((mount.exchange.attributes.mode & S_ISGID) !== 0) gid = mount.exchange.attributes.gid;
  const ino = files.createUnnamed(
    directory,
    (mount.exchange.words[B + 1]! & 0o7777) | S_IFREG,
    mount.exchange.uid,
    gid,
    mount.exchange.words[B + 2]! & 0o777,
  );
  if (ino < 0) return ino;
  const size = replyEntry(mount, files, ino, true);
  // The engine pinned it once; from now on it is the kernel's knowing it that keeps it.
  if (size > 0) mount.caches.counts.keep(ino, mount.exchange.words[Q_NODE_TREE]!);
  else files.unpin(ino);
  return size < 0 ? size : size + putOpenReply(mount.exchange, D + size / 4);
}

/** fuse_open_out without a handle: fh, flags (FOPEN_KEEP_CACHE), backing id. */
function putOpenReply({ words }: Exchange, at: number): number {
  words.fill(0, at, at + 4);
  words[at + 2] = 2;
  return 16;
}

/** The new name, a zero byte, the target. */
export function symlink(mount: Mount, files: Subvolume, directory: number): number {
  const name = mount.exchange.name(BODY_AT);
  const refused = refuseName(mount, directory, name);
  if (refused < 0) return refused;
  const found = files.stat(directory, mount.exchange.attributes);
  if (found < 0) return found;
  const gid = (mount.exchange.attributes.mode & S_ISGID) !== 0 ? mount.exchange.attributes.gid : mount.exchange.gid;
  const ino = files.symlink(directory, name, mount.exchange.name(BODY_AT + name.length + 1), mount.exchange.uid, gid);
  return ino < 0 ? ino : replyEntry(mount, files, ino);
}

export function readLink(mount: Mount, files: Subvolume, ino: number): number {
  const target = files.readlink(ino);
  return typeof target === "number" ? target : mount.exchange.putText(target);
}

/** fuse_link_in: the old node; the new name. */
export function link(mount: Mount, files: Subvolume, directory: number): number {
  const ino = mount.exchange.words[B]!;
  if (mount.exchange.words[B + 1] !== mount.exchange.words[Q_NODE_TREE]) return -EXDEV;
  const name = mount.exchange.name(BODY_AT + 8);
  const refused = refuseName(mount, directory, name);
  if (refused < 0) return refused;
  const result = files.link(ino, directory, name);
  return result < 0 ? result : replyEntry(mount, files, ino);
}

export function unlink(mount: Mount, files: Subvolume, directory: number): number {
  const name = mount.exchange.name(BODY_AT);
  const ino = files.lookup(directory, name);
  if (ino > 0) keepForKernel(mount, files, ino);
  mount.caches.lastUnlinked = ino;
  return files.unlink(directory, name);
}

/** Keeps a file for the kernel, which knows it, when its last name is about to go. */
function keepForKernel(mount: Mount, files: Subvolume, ino: number): void {
  if (mount.caches.counts.keep(ino, mount.exchange.words[Q_NODE_TREE]!)) files.pin(ino);
}

export function removeFolder(mount: Mount, files: Subvolume, directory: number): number {
  const name = mount.exchange.name(BODY_AT);
  const ino = files.lookup(directory, name);
  if (ino > 0) keepForKernel(mount, files, ino);
  return files.rmdir(directory, name);
}

/** fuse_rename_in: the new folder; old and new name. */
export function rename(mount: Mount, files: Subvolume, directory: number): number {
  return move(mount, files, directory, BODY_AT + 8, 0);
}

/** fuse_rename2_in: the new folder, flags, padding; old and new name. */
export function rename2(mount: Mount, files: Subvolume, directory: number): number {
  const flags = mount.exchange.words[B + 2]!;
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) return -EINVAL;
  return move(mount, files, directory, BODY_AT + 16, flags);
}

function move(mount: Mount, files: Subvolume, directory: number, namesAt: number, flags: number): number {
  const newDirectory = mount.exchange.words[B]!;
  const tree = mount.exchange.words[B + 1]!;
  if (tree !== mount.exchange.words[Q_NODE_TREE]) return treeOf(mount, tree) === null ? -ESTALE : -EXDEV;
  const name = mount.exchange.name(namesAt);
  const newName = mount.exchange.name(namesAt + name.length + 1);
  const refused = refuseName(mount, newDirectory, newName);
  if (refused < 0) return refused;
  if ((flags & RENAME_EXCHANGE) === 0) {
    const target = files.lookup(newDirectory, newName);
    if (target > 0) keepForKernel(mount, files, target);
  }
  return files.rename(directory, name, newDirectory, newName, flags, mount.exchange.uid, mount.exchange.gid);
}
