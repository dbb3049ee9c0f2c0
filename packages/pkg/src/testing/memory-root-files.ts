/**
 * A root in memory that is strict about what it is asked, and that can stop dead at its N-th change, as a killed
 * process does.
 */
import type { RootMeta } from "../root/root-writer.ts";
import type { DeviceNumber, RootFiles, RootNode } from "../root/root-files.ts";

/** The process is gone; nothing after it happens. */
export class Crash extends Error {
  override name = "Crash";
}

interface MemoryNode {
  node: RootNode;
  content: Uint8Array;
}

export class MemoryRootFiles implements RootFiles {
  #nodes = new Map<string, MemoryNode>([
    ["", { node: { kind: "directory", meta: { uid: 0, gid: 0, mode: 0o755, mtime: 0 } }, content: new Uint8Array(0) }],
  ]);
  /** changes until the crash; negative for never */
  crashAfter = -1;
  /** changes so far */
  changes = 0;

  look(path: string): RootNode | undefined {
    const found = this.#nodes.get(path);
    return found === undefined ? undefined : structuredClone(found.node);
  }

  list(path: string): string[] {
    const prefix = path === "" ? "" : `${path}/`;
    return [...this.#nodes.keys()]
      .filter((one) => one !== "" && one.startsWith(prefix) && !one.slice(prefix.length).includes("/"))
      .map((one) => one.slice(prefix.length))
      .sort();
  }

  read(path: string): Uint8Array {
    const found = this.#nodes.get(path);
    if (found?.node.kind !== "file") throw new Error(`no file: ${path}`);
    return found.content.slice();
  }

  directory(path: string, meta: RootMeta): void {
    this.#put(path, { node: { kind: "directory", meta: { ...meta } }, content: new Uint8Array(0) });
  }
  file(path: string, meta: RootMeta, content: Uint8Array): void {
    this.#put(path, { node: { kind: "file", meta: { ...meta }, sizeBytes: content.length }, content: content.slice() });
  }
  symlink(path: string, meta: RootMeta, target: string): void {
    this.#put(path, { node: { kind: "symlink", meta: { ...meta }, target }, content: new Uint8Array(0) });
  }
  device(path: string, meta: RootMeta, _device: DeviceNumber): void {
    this.#put(path, { node: { kind: "special", meta: { ...meta } }, content: new Uint8Array(0) });
  }
  fifo(path: string, meta: RootMeta): void {
    this.#put(path, { node: { kind: "special", meta: { ...meta } }, content: new Uint8Array(0) });
  }

  hardLink(path: string, existing: string): void {
    const found = this.#nodes.get(existing);
    if (found === undefined || found.node.kind === "directory") throw new Error(`nothing to link to: ${existing}`);
    this.#put(path, found);
  }

  setMeta(path: string, meta: RootMeta): void {
    const found = this.#nodes.get(path);
    if (found === undefined) throw new Error(`nothing there: ${path}`);
    this.#change();
    found.node.meta = { ...meta };
  }

  rename(from: string, to: string): void {
    const found = this.#nodes.get(from);
    if (found === undefined) throw new Error(`nothing to rename: ${from}`);
    const there = this.#nodes.get(to);
    if (there !== undefined && (there.node.kind === "directory" || found.node.kind === "directory"))
      throw new Error(`is in the way: ${to}`);
    this.#checkParent(to);
    this.#change();
    if (found === there) return; // rename(2): two links to one file stay as they are
    this.#nodes.delete(from);
    this.#nodes.set(to, found);
    if (found.node.kind !== "directory") return;
    for (const [path, inner] of [...this.#nodes]) {
      if (!path.startsWith(`${from}/`)) continue;
      this.#nodes.delete(path);
      this.#nodes.set(to + path.slice(from.length), inner);
    }
  }

  remove(path: string): void {
    const found = this.#nodes.get(path);
    if (found === undefined || found.node.kind === "directory") throw new Error(`nothing to remove: ${path}`);
    this.#change();
    this.#nodes.delete(path);
  }

  removeDirectory(path: string): boolean {
    if (this.#nodes.get(path)?.node.kind !== "directory") throw new Error(`no directory: ${path}`);
    if (this.list(path).length > 0) return false;
    this.#change();
    this.#nodes.delete(path);
    return true;
  }

  sync(): void {}

  /** One line for each thing outside of `except`, to compare states with. */
  snapshot(except: string): string[] {
    const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
    return [...this.#nodes]
      .filter(([path]) => path !== "" && path !== except && !path.startsWith(`${except}/`))
      .map(
        ([path, { node, content }]) =>
          `${path} ${node.kind} ${node.meta.mode.toString(8)} ` +
          `${node.kind === "symlink" ? node.target : latin1(content)}`,
      )
      .sort();
  }

  copy(): MemoryRootFiles {
    const copied = new MemoryRootFiles();
    copied.#nodes = structuredClone(this.#nodes);
    return copied;
  }

  #put(path: string, node: MemoryNode): void {
    if (this.#nodes.has(path)) throw new Error(`is there already: ${path}`);
    this.#checkParent(path);
    this.#change();
    this.#nodes.set(path, node);
  }

  #checkParent(path: string): void {
    const slash = path.lastIndexOf("/");
    if (this.#nodes.get(slash < 0 ? "" : path.slice(0, slash))?.node.kind !== "directory")
      throw new Error(`no folder for ${path}`);
  }

  #change(): void {
    if (this.crashAfter >= 0 && this.changes >= this.crashAfter) throw new Crash(`at change ${this.changes}`);
    this.changes++;
  }
}
