/** /proc/PID/ns (namespaces(7)). */
import { EACCES, ENOENT, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Inode } from "../vfs/inode.ts";
import type { Task } from "../task/task.ts";
import { Path } from "../vfs/path.ts";
import { PseudoDirectory, type PseudoFileSystem, PseudoLink, FOUND_BY_NAME } from "../pseudo/pseudo-inodes.ts";
import { isReaped, mayInspect } from "../task/task-access.ts";
import { type Namespace, NAMESPACE_KINDS } from "../security/namespace.ts";
import { namespaceOf } from "../task/namespace-of.ts";
import { namespaceFileSystem, namespaceName } from "../vfs/namespace-file.ts";
import { isAlive } from "./process-descriptors.ts";

/** /proc/PID/ns: what each leads to is asked for when it is read or followed (namespaces(7)). */
class NamespaceLink extends PseudoLink {
  #target: () => Task;
  #choose: (task: Task) => Namespace | null;
  /** Also a zombie has it. */
  #outlives: boolean;

  constructor(
    fileSystem: PseudoFileSystem,
    target: () => Task,
    choose: (task: Task) => Namespace | null,
    outlives: boolean,
  ) {
    super(fileSystem, "");
    this.#target = target;
    this.#choose = choose;
    this.#outlives = outlives;
  }

  /** −EACCES to who may not look into the process; −ENOENT: it has ended, or nobody was born there yet. */
  #find(caller: Task | null): Namespace | number {
    const task = this.#target();
    if (caller !== null && mayInspect(caller, task, "fs") < 0) return -EACCES;
    return this.#outlives || isAlive(task) ? (this.#choose(task) ?? -ENOENT) : -ENOENT;
  }

  override readlink(task: Task | null): string | number {
    const namespace = this.#find(task);
    return isErrno(namespace) ? namespace : namespaceName(namespace);
  }

  override followMagic(task: Task): Path | number {
    const namespace = this.#find(task);
    return isErrno(namespace) ? namespace : namespaceFileSystem(task.kernel).pathOf(namespace);
  }

  static {
    stateClass(
      "NamespaceLink",
      this,
      {
        save: (it) => ({ target: it.#target, choose: it.#choose, outlives: it.#outlives }),
        load: (it, from) => ({ target: it.#target, choose: it.#choose, outlives: it.#outlives } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

/** /proc/PID/ns. */
export class NamespaceDirectory extends PseudoDirectory {
  #owner: PseudoDirectory & { own(inode: Inode): void };
  #target: () => Task;

  constructor(owner: PseudoDirectory & { own(inode: Inode): void }, target: () => Task) {
    super(owner.fileSystem, 0o511);
    this.#owner = owner;
    this.#target = target;
    const add = (name: string, choose: (task: Task) => Namespace | null): void =>
      void this.add(name, new NamespaceLink(owner.fileSystem, target, choose, name === "pid" || name === "user"));
    for (const kind of NAMESPACE_KINDS) {
      add(kind, (task) => namespaceOf(task, kind));
      if (kind === "pid")
        add("pid_for_children", ({ namespaces: { pidForChildren } }) =>
          pidForChildren.init === null ? null : pidForChildren,
        );
      if (kind === "time") add("time_for_children", ({ namespaces }) => namespaces.timeForChildren);
    }
  }

  override get listingRefused(): number {
    return isReaped(this.#target()) ? -ENOENT : 0;
  }

  override refresh(): number {
    this.#owner.own(this);
    return 0;
  }

  static {
    stateClass(
      "NamespaceDirectory",
      this,
      {
        save: (it) => ({ owner: it.#owner, target: it.#target }),
        load: (it, from) => ({ owner: it.#owner, target: it.#target } = from),
      },
      FOUND_BY_NAME,
    );
  }
}
