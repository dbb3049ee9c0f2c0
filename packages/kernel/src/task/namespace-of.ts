/** A task's namespaces, and descriptors for them. Read next: enter-namespaces.ts. */
import { O_CLOEXEC, O_RDONLY, RLIMIT_NOFILE } from "@stratos/abi";
import type { Namespace, NamespaceKind } from "../security/namespace.ts";
import { NamespaceFile, namespaceFileSystem, type NamespaceInode } from "../vfs/namespace-file.ts";
import type { Path } from "../vfs/path.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";
import type { Task } from "./task.ts";

/** The task's namespace of a kind. */
export function namespaceOf(task: Task, kind: NamespaceKind): Namespace {
  switch (kind) {
    case "user":
      return task.credentials.userNamespace;
    case "mnt":
      return task.fs.namespace;
    case "pid":
      return task.group.pidNamespace;
    default:
      return task.namespaces[kind];
  }
}

/** @param given  a namespace, as much as is known of it below */
export function openNamespace(task: Caller, given: Pick<Namespace, "ino">): number {
  const path: Path = namespaceFileSystem(task.kernel).pathOf(given as Namespace);
  const file = new NamespaceFile(O_RDONLY | O_CLOEXEC, path.dentry.inode as NamespaceInode, path);
  return task.files.install(file, true, 0, task.group.limits[RLIMIT_NOFILE]!.soft);
}
