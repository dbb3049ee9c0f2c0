import { stateClass } from "@stratos/base";
import { Changes } from "../ground/changes.ts";
import type { Dentry } from "./dentry.ts";
import { Namespace, type NamespaceOrigin } from "../security/namespace.ts";
import { Mount } from "./mount.ts";

/** The mounts that a set of tasks sees (mount_namespaces(7)). Bound: fs.mount-max (vfs/vfs-state.ts). */
export class MountNamespace extends Namespace {
  readonly kind = "mnt";
  readonly mounts: Mount[] = [];
  /** Those by the place that they cover, the latest last: a path walk asks at each place that has any. */
  #byPoint = new Map<Dentry, Mount[]>();
  root: Mount;
  /** Lets go of the mounts; the first namespace of a kernel stays. */
  holder: { unused(): void } | null = null;
  /** Nobody lives in it: its mounts are to be put elsewhere (detached-mount.ts). */
  isDetached = false;
  /** Of which its mounts were copied: they are to be put there. */
  madeIn: MountNamespace | null = null;
  /** Mounts and unmounts, of which those who poll /proc/PID/mounts are told. */
  readonly changes = new Changes();

  constructor(root: Mount, origin: NamespaceOrigin) {
    super(origin);
    this.root = root;
    this.mounts.push(root);
    root.namespace = this;
  }

  protected override dispose(): void {
    this.holder?.unused();
  }

  /** The mount whose mount point is `point` seen through `parent`; null when there is none. */
  mountedAt(parent: Mount, point: Dentry): Mount | null {
    const mounts = this.#byPoint.get(point);
    if (mounts === undefined) return null;
    for (let index = mounts.length - 1; index >= 0; index--)
      if (mounts[index]!.parent === parent) return mounts[index]!;
    return null;
  }

  /** Is the mount one of this namespace? A descriptor may lead to those of others, and to what is mounted nowhere. */
  has(mount: Mount): boolean {
    return mount.namespace === this;
  }

  add(mount: Mount): void {
    this.mounts.push(mount);
    mount.namespace = this;
    this.changes.changed();
    if (mount.mountPoint !== null) {
      mount.mountPoint.mountCount++;
      const covering = this.#byPoint.get(mount.mountPoint);
      if (covering === undefined) this.#byPoint.set(mount.mountPoint, [mount]);
      else covering.push(mount);
    }
    if (mount.parent !== null) {
      mount.parent.users++;
      mount.parent.children++;
    }
  }

  remove(mount: Mount): void {
    // Namespaces go with the latest mount first.
    const at = this.mounts.lastIndexOf(mount);
    if (at < 0) throw new Error(`mount ${mount.id} is not of namespace ${this.ino}`);
    this.mounts.splice(at, 1);
    mount.namespace = null;
    this.changes.changed();
    if (mount.mountPoint !== null) {
      mount.mountPoint.mountCount--;
      const covering = this.#byPoint.get(mount.mountPoint)!;
      covering.splice(covering.indexOf(mount), 1);
      if (covering.length === 0) this.#byPoint.delete(mount.mountPoint);
    }
    if (mount.parent !== null) {
      mount.parent.users--;
      mount.parent.children--;
    }
  }

  /** The root gives way to a mount that is nowhere, and is nowhere itself then. */
  replaceRoot(mount: Mount): void {
    this.mounts.splice(this.mounts.indexOf(this.root), 1);
    this.root.namespace = null;
    this.mounts.unshift(mount);
    this.root = mount;
    mount.namespace = this;
    this.changes.changed();
  }

  /** A mount of this namespace comes to stand elsewhere, with all that is on it. */
  move(mount: Mount, parent: Mount, point: Dentry): void {
    this.remove(mount);
    mount.mountPoint!.release();
    point.retain();
    mount.parent = parent;
    mount.mountPoint = point;
    this.add(mount);
  }

  /** What is mounted on a mount, parents first, each followed by what is on it. @param isTaken  of those right on it */
  below(top: Mount, isTaken: (mount: Mount) => boolean): Mount[] {
    const children = this.childrenByParent();
    const below: Mount[] = [];
    const waiting = (children.get(top) ?? []).filter(isTaken).reverse();
    for (let mount = waiting.pop(); mount !== undefined; mount = waiting.pop()) {
      below.push(mount);
      for (const child of (children.get(mount) ?? []).reverse()) waiting.push(child);
    }
    return below;
  }

  /** Mounts by what they are mounted on. */
  childrenByParent(): Map<Mount, Mount[]> {
    const children = new Map<Mount, Mount[]>();
    for (const mount of this.mounts) {
      if (mount.parent === null || mount.mountPoint === null) continue;
      const siblings = children.get(mount.parent);
      if (siblings === undefined) children.set(mount.parent, [mount]);
      else siblings.push(mount);
    }
    return children;
  }

  /**
   * unshare(CLONE_NEWNS): the same tree of new mounts; `pairs` tells what became of each, for the caller's root and
   * working directory.
   */
  copy(allocateId: () => number, origin: NamespaceOrigin): { namespace: MountNamespace; pairs: Map<Mount, Mount> } {
    const pairs = new Map<Mount, Mount>();
    const tree = this.below(this.root, () => true);
    for (const mount of [this.root, ...tree]) {
      const { fileSystem, root, mountPoint, flags, source } = mount;
      const copy = new Mount(allocateId(), fileSystem, root, null, mountPoint, flags, source);
      copy.isLocked = mount.isLocked;
      copy.takeRules(mount);
      pairs.set(mount, copy);
    }
    const namespace = new MountNamespace(pairs.get(this.root)!, origin);
    namespace.root.root.retain();
    for (const mount of tree) {
      const copy = pairs.get(mount)!;
      copy.root.retain();
      copy.parent = pairs.get(mount.parent!)!;
      namespace.add(copy);
    }
    return { namespace, pairs };
  }

  static {
    stateClass("MountNamespace", this, {
      save: (it) => ({ byPoint: it.#byPoint }),
      load: (it, from) => ({ byPoint: it.#byPoint } = from),
    });
  }
}
