import { stateClass } from "@stratos/base";
import type { Dentry } from "./dentry.ts";
import type { Mount } from "./mount.ts";

/**
 * A place in the tree: a directory entry seen through a mount. Holders retain it, so that a mount in use is known to be
 * busy.
 */
export class Path {
  readonly mount: Mount;
  readonly dentry: Dentry;

  constructor(mount: Mount, dentry: Dentry) {
    this.mount = mount;
    this.dentry = dentry;
  }

  retain(): this {
    this.mount.users++;
    this.dentry.retain();
    return this;
  }

  release(): void {
    this.dentry.release();
    const { mount } = this;
    if (--mount.users === 0 && mount.lingers !== null) mount.lingers.unused();
  }

  equals(other: Path): boolean {
    return this.mount === other.mount && this.dentry === other.dentry;
  }

  static {
    stateClass("Path", this);
  }
}
