/**
 * Where a root filesystem is written: a host folder, memory, an AegisFS volume. Paths are byte strings relative to the
 * root, without slashes at their ends; "" is the root itself. The caller sees to it that a parent exists, that no
 * component is a symbolic link, and that a path is not given twice without {@link RootWriter.remove} between.
 */
export interface RootMeta {
  uid: number;
  gid: number;
  /** permission bits, 0 … 0o7777 */
  mode: number;
  /** seconds since 1970 */
  mtime: number;
  /** extended attributes, such as `security.capability`; values are byte strings */
  xattrs?: ReadonlyMap<string, string>;
}

export interface RootWriter {
  /** Makes a directory; for "" it sets the root's own attributes. */
  directory(path: string, meta: RootMeta): void;
  /** `content` may be reused after the call. */
  file(path: string, meta: RootMeta, content: Uint8Array): void;
  symlink(path: string, meta: RootMeta, target: string): void;
  hardLink(path: string, existing: string): void;
  device(path: string, meta: RootMeta, device: { kind: "character" | "block"; major: number; minor: number }): void;
  fifo(path: string, meta: RootMeta): void;
  /** Removes what is no directory. */
  remove(path: string): void;
  /** All is written; what had to wait (directories' times) is done now. */
  finish(): void;
}

export type MemoryNode =
  | { kind: "directory"; meta: RootMeta }
  | { kind: "file"; meta: RootMeta; content: Uint8Array }
  | { kind: "symlink"; meta: RootMeta; target: string }
  | { kind: "device"; meta: RootMeta; device: { kind: "character" | "block"; major: number; minor: number } }
  | { kind: "fifo"; meta: RootMeta };

/** A root in memory. Hard links share their node. */
export class MemoryRoot implements RootWriter {
  readonly nodes = new Map<string, MemoryNode>();

  directory(path: string, meta: RootMeta): void {
    this.#put(path, { kind: "directory", meta });
  }
  file(path: string, meta: RootMeta, content: Uint8Array): void {
    this.#put(path, { kind: "file", meta, content: new Uint8Array(content) });
  }
  symlink(path: string, meta: RootMeta, target: string): void {
    this.#put(path, { kind: "symlink", meta, target });
  }
  fifo(path: string, meta: RootMeta): void {
    this.#put(path, { kind: "fifo", meta });
  }

  device(path: string, meta: RootMeta, device: { kind: "character" | "block"; major: number; minor: number }): void {
    this.#put(path, { kind: "device", meta, device });
  }

  hardLink(path: string, existing: string): void {
    const node = this.nodes.get(existing);
    if (node === undefined || node.kind === "directory") throw new Error(`no file to link to: ${existing}`);
    this.#put(path, node);
  }

  remove(path: string): void {
    const node = this.nodes.get(path);
    if (node === undefined || node.kind === "directory") throw new Error(`nothing to remove: ${path}`);
    this.nodes.delete(path);
  }

  finish(): void {}

  #put(path: string, node: MemoryNode): void {
    if (path !== "" && this.nodes.has(path)) throw new Error(`given twice: ${path}`);
    const slash = path.lastIndexOf("/");
    const parent = path === "" ? undefined : this.nodes.get(path.slice(0, Math.max(slash, 0)));
    if (path !== "" && parent?.kind !== "directory") throw new Error(`no parent directory: ${path}`);
    this.nodes.set(path, node);
  }
}
