import { stateClass } from "@stratos/base";
import { Namespace, type NamespaceOrigin } from "../security/namespace.ts";

/** What is added to two clocks for those inside (time_namespaces(7)), in nanoseconds. */
export class TimeNamespace extends Namespace {
  readonly kind = "time";
  monotonicNs = 0;
  boottimeNs = 0;
  /** A task is in it: offsets stay as they are. */
  isFrozen = false;

  constructor(origin: NamespaceOrigin, from: TimeNamespace | null = null) {
    super(origin);
    if (from === null) return;
    this.monotonicNs = from.monotonicNs;
    this.boottimeNs = from.boottimeNs;
  }

  get hasOffsets(): boolean {
    return this.monotonicNs !== 0 || this.boottimeNs !== 0;
  }

  static {
    stateClass("TimeNamespace", this);
  }
}
