/** What a mount shows, where, and of whom it hears: for /proc/PID/mountinfo and statmount(2). */
import type { Mount } from "./mount.ts";
import { NamespaceInode } from "./namespace-file.ts";
import { pathNameBelow } from "./path-name.ts";
import { Path } from "./path.ts";
import type { PeerGroup } from "./peer-group.ts";

/** Where it stands, as seen from a root; null: it can't be reached from there. */
export function placeOf(mount: Mount, root: Path): string | null {
  return mount === root.mount && root.dentry === mount.root ? "/" : pathNameBelow(new Path(mount, mount.root), root);
}

/** The part of its file system that a mount shows: "/" unless it is a bind mount. */
export function rootWithin(mount: Mount): string {
  // A namespace is shown by its name (proc_pid_mountinfo(5)).
  if (mount.root.inode instanceof NamespaceInode) return mount.root.name;
  let name = "";
  for (let dentry = mount.root; dentry.parent !== null; dentry = dentry.parent) name = `/${dentry.name}${name}`;
  return name === "" ? "/" : name;
}

/** The nearest group from which it hears, its master or above, of which somebody is in its namespace. */
export function heardFrom({ master, namespace }: Mount): PeerGroup<Mount> | null {
  let seen: PeerGroup<Mount> | null = master;
  while (seen !== null && !seen.members.some((member) => member.namespace === namespace)) seen = seen.master;
  return seen;
}

/** Numbers of mounts that no other ever has begin behind those of 32 bits (fs/namespace.c, MNT_UNIQUE_ID_OFFSET). */
export const UNIQUE_MOUNT_IDS = 2 ** 31;

export function uniqueIdOf(mount: Mount): number {
  return UNIQUE_MOUNT_IDS + mount.id;
}
