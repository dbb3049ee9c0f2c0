import { stateClass } from "@stratos/base";
import type { MountNamespace } from "./mount-namespace.ts";
import type { Path } from "./path.ts";

/** Root, working directory and umask of a process (CLONE_FS shares it). */
export class FsContext {
  namespace: MountNamespace;
  root: Path;
  cwd: Path;
  umask: number;
  users = 1;
  identity = 0;

  constructor(namespace: MountNamespace, root: Path, cwd: Path, umask: number) {
    this.namespace = namespace.retain();
    this.root = root.retain();
    this.cwd = cwd.retain();
    this.umask = umask;
  }

  copy(): FsContext {
    return new FsContext(this.namespace, this.root, this.cwd, this.umask);
  }

  setRoot(path: Path): void {
    path.retain();
    this.root.release();
    this.root = path;
  }

  setCwd(path: Path): void {
    path.retain();
    this.cwd.release();
    this.cwd = path;
  }

  release(): void {
    if (--this.users > 0) return;
    this.root.release();
    this.cwd.release();
    this.namespace.release();
  }

  static {
    stateClass("FsContext", this);
  }
}
