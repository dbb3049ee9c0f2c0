import { stateClass } from "@stratos/base";
import { Namespace } from "../security/namespace.ts";

/**
 * From where paths of control groups are shown (cgroup_namespaces(7)). All tasks are in the root group, so each one
 * shows "/".
 */
export class CgroupNamespace extends Namespace {
  readonly kind = "cgroup";

  static {
    stateClass("CgroupNamespace", this);
  }
}
