/** The mounts of a machine before its first process: the root, and what is mounted at names in it. */
import { ENOENT, ENOTDIR, MS_RELATIME, isErrno } from "@stratos/abi";
import { initialOrigin } from "../security/user-namespace.ts";
import { lookupChild } from "./dentry-cache.ts";
import type { FileSystem } from "./file-system.ts";
import { createMount, rootEntry } from "./mount-lifetime.ts";
import { MountNamespace } from "./mount-namespace.ts";
import { mountHere, topAt } from "./mount-tree.ts";
import type { Mount } from "./mount.ts";
import { Path } from "./path.ts";
import type { VfsKernel } from "./vfs-kernel.ts";

/** Mounts the first file system: "/". */
export function mountRoot(
  kernel: VfsKernel,
  fileSystem: FileSystem,
  source = "root",
  flags = MS_RELATIME,
): MountNamespace {
  const mount = createMount(kernel, fileSystem, rootEntry(kernel, fileSystem), null, null, flags, source);
  kernel.mounts = new MountNamespace(mount, initialOrigin("mnt"));
  kernel.vfs.mounts.change(kernel.mounts.owner, 1);
  return kernel.mounts;
}

/** The place that boot and process 1 start from. */
export function rootPath(kernel: VfsKernel): Path {
  return namespaceRoot(kernel.mounts);
}

/** What is mounted over the root of a namespace. */
export function namespaceRoot(namespace: MountNamespace): Path {
  return topAt(new Path(namespace.root, namespace.root.root));
}

/** For boot: mounts at an absolute path of real directories, which are made (0755) when absent. */
export function mountAt(
  kernel: VfsKernel,
  name: string,
  fileSystem: FileSystem,
  options: { source?: string; flags?: number } = {},
): Mount | number {
  const place = directoryAt(kernel, name);
  if (isErrno(place)) return place;
  return mountHere(
    kernel,
    kernel.mounts,
    place,
    fileSystem,
    rootEntry(kernel, fileSystem),
    options.flags ?? MS_RELATIME,
    options.source ?? fileSystem.type,
  );
}

/**
 * For boot: mounts one file, `name` in the root of `fileSystem`, over a file at an absolute path, which is made (empty)
 * when absent.
 *
 * @returns the mount, or −ENOTDIR (a directory is there, or a part of the path is none), −ENOENT (`name` is not there)
 *   …
 */
export function mountFileAt(
  kernel: VfsKernel,
  place: string,
  fileSystem: FileSystem,
  name: string,
  options: { source?: string; flags?: number } = {},
): Mount | number {
  const file = lookupChild(kernel, rootEntry(kernel, fileSystem), name);
  if (isErrno(file)) return file;
  if (file.inode === null) return -ENOENT;
  const slash = place.lastIndexOf("/");
  const folder = directoryAt(kernel, place.slice(0, slash));
  if (isErrno(folder)) return folder;
  const point = lookupChild(kernel, folder.dentry, place.slice(slash + 1));
  if (isErrno(point)) return point;
  if (point.inode === null) {
    const made = folder.dentry.inode!.create(point.name, {
      mode: 0o100644,
      uid: 0,
      gid: 0,
      rdev: 0,
      now: kernel.vfs.now(),
    });
    if (isErrno(made)) return made;
    point.inode = made;
    if (folder.dentry.children?.get(point.name) === point) made.cachedNames++;
  }
  return mountHere(
    kernel,
    kernel.mounts,
    new Path(folder.mount, point),
    fileSystem,
    file,
    options.flags ?? MS_RELATIME,
    options.source ?? fileSystem.type,
  );
}

/** For boot: the directory of an absolute path; missing ones are made. */
export function directoryAt(kernel: VfsKernel, name: string): Path | number {
  let place = rootPath(kernel);
  for (const part of name.split("/")) {
    if (part === "") continue;
    const child = lookupChild(kernel, place.dentry, part);
    if (isErrno(child)) return child;
    if (child.inode === null) {
      const made = place.dentry.inode!.mkdir(part, { mode: 0o040755, uid: 0, gid: 0, rdev: 0, now: kernel.vfs.now() });
      if (isErrno(made)) return made;
      child.inode = made;
      if (place.dentry.children?.get(part) === child) made.cachedNames++;
    }
    if (!child.inode.isDirectory) return -ENOTDIR;
    place = topAt(new Path(place.mount, child));
  }
  return place;
}
