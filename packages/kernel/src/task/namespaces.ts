/**
 * The namespaces of a task but two: the mounts, which stand with its root and working directory (vfs/fs-context.ts),
 * and the user namespace, which stands with its credentials. Read next: task/clone-namespaces.ts, which makes new ones.
 */
import { stateClass } from "@stratos/base";
import type { IpcState } from "../ipc/ipc-state.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import type { Network } from "../socket/network.ts";
import type { CgroupNamespace } from "./cgroup-namespace.ts";
import type { TimeNamespace } from "./time-namespace.ts";
import type { UtsNamespace } from "./uts-namespace.ts";

export interface NamespaceSet {
  readonly uts: UtsNamespace;
  readonly ipc: IpcState;
  readonly net: Network;
  /** In which children are born; a task itself stays in the one of its process for life (`group.pidNamespace`). */
  readonly pidForChildren: PidNamespace;
  readonly cgroup: CgroupNamespace;
  readonly time: TimeNamespace;
  readonly timeForChildren: TimeNamespace;
}

/** Immutable, as credentials are: whoever changes one gets another value. Shared by tasks; `users` counts them. */
export class Namespaces implements NamespaceSet {
  readonly uts: UtsNamespace;
  readonly ipc: IpcState;
  readonly net: Network;
  readonly pidForChildren: PidNamespace;
  readonly cgroup: CgroupNamespace;
  readonly time: TimeNamespace;
  readonly timeForChildren: TimeNamespace;
  users = 1;

  /** It holds each of them until its last user lets go of it. */
  constructor(set: NamespaceSet) {
    this.uts = set.uts.retain();
    this.ipc = set.ipc.retain();
    this.net = set.net.retain();
    this.pidForChildren = set.pidForChildren.retain();
    this.cgroup = set.cgroup.retain();
    this.time = set.time.retain();
    this.timeForChildren = set.timeForChildren.retain();
  }

  retain(): this {
    this.users++;
    return this;
  }

  release(): void {
    if (--this.users > 0) return;
    this.uts.release();
    this.ipc.release();
    this.net.release();
    this.pidForChildren.release();
    this.cgroup.release();
    this.time.release();
    this.timeForChildren.release();
  }

  static {
    stateClass("Namespaces", this);
  }
}
