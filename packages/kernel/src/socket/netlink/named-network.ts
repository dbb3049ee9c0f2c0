import { EBADF, EINVAL, ESRCH } from "@stratos/abi";
import type { Namespace } from "../../security/namespace.ts";
import { NamespaceInode } from "../../vfs/namespace-file.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { SocketCaller } from "../socket-kernel.ts";
import { numberOf } from "./netlink-request.ts";

/**
 * The network that an attribute names: a process's, or that of a file of /proc/PID/ns; null: none is named.
 *
 * @returns −ESRCH; −EBADF; −EINVAL it is no network's
 */
export function namedNetwork(
  task: SocketCaller,
  by: { readonly pid: Uint8Array | null; readonly fd: Uint8Array | null },
): InterfaceNetwork | null | number {
  const pid = numberOf(by.pid);
  const fd = numberOf(by.fd);
  if (pid !== null) {
    const process = task.kernel.tasks.tasks.get(task.group.pidNamespace.rootIdOf(pid | 0));
    return process === undefined ? -ESRCH : (process as SocketCaller).network;
  }
  if (fd === null) return null;
  const inode = task.files.get(fd)?.inode;
  if (inode === undefined) return -EBADF;
  if (!(inode instanceof NamespaceInode) || inode.namespace.kind !== "net") return -EINVAL;
  return inode.namespace as Namespace as Namespace & InterfaceNetwork;
}
