import { ENOSPC } from "@stratos/abi";
import { INITIAL_NAMESPACE_INO, type NamespaceKind, type NamespaceOrigin } from "../security/namespace.ts";
import type { UserNamespace } from "../security/user-namespace.ts";
import type { Task } from "./task.ts";

/**
 * What a new namespace of the task is made with. @param owner  whose rights count in it
 * @returns −ENOSPC: /proc/sys/user says that there are enough
 */
export function namespaceOrigin(task: Task, kind: NamespaceKind, owner: UserNamespace): NamespaceOrigin | number {
  const { kernel } = task;
  const creatorUid = task.credentials.euid;
  if (!kernel.namespaceCounts.charge(owner, creatorUid, kind)) return -ENOSPC;
  return {
    ino: INITIAL_NAMESPACE_INO.mnt + kernel.allocateAnonymousIno(),
    owner,
    creatorUid,
    counts: kernel.namespaceCounts,
  };
}
