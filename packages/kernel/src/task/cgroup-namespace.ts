import { stateClass } from "@stratos/base";
import { Namespace, type NamespaceOrigin } from "../security/namespace.ts";
import type { ControlGroup } from "./control-group.ts";

/** From where paths of control groups are shown (cgroup_namespaces(7)): the group that its maker was in. */
export class CgroupNamespace extends Namespace {
  readonly kind = "cgroup";
  readonly root: ControlGroup;

  constructor(origin: NamespaceOrigin, root: ControlGroup) {
    super(origin);
    this.root = root;
  }

  /** A group's path as it is seen from here: ".." leads out of it. */
  pathOf(group: ControlGroup): string {
    const up: string[] = [];
    for (const above of this.root.upward()) {
      if (group.isWithin(above)) {
        const below = above.parent === null ? group.path : group.path.slice(above.path.length);
        const path = `${up.map(() => "/..").join("")}${below === "/" ? "" : below}`;
        return `${path === "" ? "/" : path}${group.isRemoved ? " (deleted)" : ""}`;
      }
      up.push("..");
    }
    return "/";
  }

  static {
    stateClass("CgroupNamespace", this);
  }
}
