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
import type { Attributes, Subvolume } from "@stratos/aegisfs";
import { ROOT_INO } from "@stratos/aegisfs";
import type { FuseServer } from "../server.ts";
import { putAbsence, putEntry, VALID_SECONDS } from "../wire/attribute-words.ts";
import { B, BODY_AT, D, Q_NODE_TREE } from "../wire/layout.ts";

export function lookup(server: FuseServer, files: Subvolume, directory: number): number {
  const name = server.name(BODY_AT);
  if (name.charCodeAt(0) === DOT && directory === ROOT_INO) {
    const special = server.snapshots?.lookupInRoot(name) ?? 0;
    if (special !== 0) return special;
  }
  let ino: number;
  // Only with FUSE_EXPORT_SUPPORT, for handles that outlive the kernel's caches.
  if (name === ".") ino = directory;
  else if (name === "..") {
    const found = files.stat(directory, server.attributes);
    if (found < 0) return found;
    ino = directory === ROOT_INO ? ROOT_INO : server.attributes.parent;
  } else ino = files.lookup(directory, name);
  if (ino < 0) return ino === -ENOENT ? putAbsence(server.words, D) : ino;
  const size = replyEntry(server, files, ino);
  if (size > 0 && (server.attributes.mode & S_IFMT) !== S_IFDIR)
    server.habits.look(directory, server.words[Q_NODE_TREE]!);
  return size;
}

const DOT = 46;

/** The answer of whatever names a node: the kernel knows it once more. */
function replyEntry(server: FuseServer, files: Subvolume, ino: number): number {
  const found = files.stat(ino, server.attributes);
  if (found < 0) return found;
  const tree = server.words[Q_NODE_TREE]!;
  server.counts.add(ino, tree);
  if (tree === 0 && server.rolledBack.size > 0) markRolledBack(server, server.attributes);
  return putEntry(server.words, D, server.attributes, tree, VALID_SECONDS);
}

/**
 * The kernel that gathers writes keeps sizes and times of the files that it knows, and believes no others. A file that
 * a rollback has changed gets another generation, so that it is another one for the kernel; who has the old one open
 * gets EIO.
 */
export function markRolledBack({ rolledBack }: FuseServer, attributes: Attributes): void {
  const times = rolledBack.get(attributes.ino);
  if (times !== undefined) attributes.generation = (attributes.generation ^ Math.imul(times, 0x9e3779b1)) >>> 0;
}

/**
 * 0, or why nothing may be made under that name. Linux checks names itself; the engine relies on what no message must
 * break.
 */
function refuseName(server: FuseServer, directory: number, name: string): number {
  if (name.includes("/")) return -EINVAL;
  if (name.charCodeAt(0) !== DOT) return 0;
  if (name === "." || name === "..") return -EEXIST;
  return directory === ROOT_INO && server.snapshots !== null && server.snapshots.isReserved(name) ? -EPERM : 0;
}

function make(
  server: FuseServer,
  files: Subvolume,
  directory: number,
  name: string,
  mode: number,
  rdev: number,
  umask: number,
): number {
  const refused = refuseName(server, directory, name);
  if (refused < 0) return refused;
  let { gid } = server;
  const found = files.stat(directory, server.attributes);
  if (found < 0) return found;
  // inode(7), S_ISGID: what is made in such a folder takes its group, and a folder the bit, too.
  if ((server.attributes.mode & S_ISGID) !== 0) {
    gid = server.attributes.gid;
    if ((mode & S_IFMT) === S_IFDIR) mode |= S_ISGID;
  }
  const ino = files.create(directory, name, mode, server.uid, gid, rdev, umask & 0o777);
  return ino < 0 ? ino : replyEntry(server, files, ino);
}

const MADE_BY_MKNOD: ReadonlySet<number> = new Set([S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK]);

/** fuse_mknod_in: mode, rdev, umask, padding; name. */
export function makeNode(server: FuseServer, files: Subvolume, directory: number): number {
  let mode = server.words[B]! & 0xffff;
  if ((mode & S_IFMT) === 0) mode |= S_IFREG;
  // mknod(2) ERRORS: folders and links have their own calls.
  if (!MADE_BY_MKNOD.has(mode & S_IFMT)) return -EINVAL;
  return make(server, files, directory, server.name(BODY_AT + 16), mode, server.words[B + 1]!, server.words[B + 2]!);
}

/** fuse_mkdir_in: mode, umask; name. */
export function makeFolder(server: FuseServer, files: Subvolume, directory: number): number {
  return make(
    server,
    files,
    directory,
    server.name(BODY_AT + 8),
    (server.words[B]! & 0o7777) | S_IFDIR,
    0,
    server.words[B + 1]!,
  );
}

/** fuse_create_in: flags, mode, umask, open flags; a name that does not matter. Answers as CREATE does. */
export function makeUnnamed(server: FuseServer, files: Subvolume, directory: number): number {
  let { gid } = server;
  const found = files.stat(directory, server.attributes);
  if (found < 0) return found;
  if ((server.attributes.mode & S_ISGID) !== 0) gid = server.attributes.gid;
  const ino = files.createUnnamed((server.words[B + 1]! & ~server.words[B + 2]! & 0o7777) | S_IFREG, server.uid, gid);
  if (ino < 0) return ino;
  const size = replyEntry(server, files, ino);
  // The engine pinned it once; from now on it is the kernel's knowing it that keeps it.
  if (size > 0) server.counts.keep(ino, server.words[Q_NODE_TREE]!);
  else files.unpin(ino);
  return size < 0 ? size : size + putOpenReply(server, D + size / 4);
}

/** fuse_open_out without a handle: fh, flags (FOPEN_KEEP_CACHE), backing id. */
function putOpenReply(server: FuseServer, at: number): number {
  server.words.fill(0, at, at + 4);
  server.words[at + 2] = 2;
  return 16;
}

/** The new name, a zero byte, the target. */
export function symlink(server: FuseServer, files: Subvolume, directory: number): number {
  const name = server.name(BODY_AT);
  const refused = refuseName(server, directory, name);
  if (refused < 0) return refused;
  const found = files.stat(directory, server.attributes);
  if (found < 0) return found;
  const gid = (server.attributes.mode & S_ISGID) !== 0 ? server.attributes.gid : server.gid;
  const ino = files.symlink(directory, name, server.name(BODY_AT + name.length + 1), server.uid, gid);
  return ino < 0 ? ino : replyEntry(server, files, ino);
}

export function readLink(server: FuseServer, files: Subvolume, ino: number): number {
  const target = files.readlink(ino);
  return typeof target === "number" ? target : server.putText(target);
}

/** fuse_link_in: the old node; the new name. */
export function link(server: FuseServer, files: Subvolume, directory: number): number {
  const ino = server.words[B]!;
  if (server.words[B + 1] !== server.words[Q_NODE_TREE]) return -EXDEV;
  const name = server.name(BODY_AT + 8);
  const refused = refuseName(server, directory, name);
  if (refused < 0) return refused;
  const result = files.link(ino, directory, name);
  return result < 0 ? result : replyEntry(server, files, ino);
}

export function unlink(server: FuseServer, files: Subvolume, directory: number): number {
  const name = server.name(BODY_AT);
  const ino = files.lookup(directory, name);
  if (ino > 0) server.keepForKernel(files, ino);
  server.lastUnlinked = ino;
  return files.unlink(directory, name);
}

export function removeFolder(server: FuseServer, files: Subvolume, directory: number): number {
  const name = server.name(BODY_AT);
  const ino = files.lookup(directory, name);
  if (ino > 0) server.keepForKernel(files, ino);
  return files.rmdir(directory, name);
}

/** fuse_rename_in: the new folder; old and new name. */
export function rename(server: FuseServer, files: Subvolume, directory: number): number {
  return move(server, files, directory, BODY_AT + 8, 0);
}

/** fuse_rename2_in: the new folder, flags, padding; old and new name. */
export function rename2(server: FuseServer, files: Subvolume, directory: number): number {
  const flags = server.words[B + 2]!;
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) return -EINVAL;
  return move(server, files, directory, BODY_AT + 16, flags);
}

function move(server: FuseServer, files: Subvolume, directory: number, namesAt: number, flags: number): number {
  const newDirectory = server.words[B]!;
  const tree = server.words[B + 1]!;
  if (tree !== server.words[Q_NODE_TREE]) return server.treeOf(tree) === null ? -ESTALE : -EXDEV;
  const name = server.name(namesAt);
  const newName = server.name(namesAt + name.length + 1);
  const refused = refuseName(server, newDirectory, newName);
  if (refused < 0) return refused;
  if ((flags & RENAME_EXCHANGE) === 0) {
    const target = files.lookup(newDirectory, newName);
    if (target > 0) server.keepForKernel(files, target);
  }
  return files.rename(directory, name, newDirectory, newName, flags, server.uid, server.gid);
}
