/**
 * A root filesystem in a folder of the host, to be changed in place. Without root's rights, files belong to the user
 * and devices are refused by the host.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import type { DeviceNumber, RootFiles, RootMeta, RootNode } from "@stratos/pkg";
import { readAll, writeFully } from "@stratos/host-node/files";

export class FolderRoot implements RootFiles {
  readonly #root: string;
  readonly #hasOwnership: boolean;

  constructor(root: string, options: { ownership?: boolean } = {}) {
    this.#root = root.replace(/\/+$/, "");
    this.#hasOwnership = options.ownership ?? process.getuid?.() === 0;
  }

  /** The folder on the host. */
  get folder(): string {
    return this.#root === "" ? "/" : this.#root;
  }

  look(path: string): RootNode | undefined {
    let stat: fs.Stats;
    try {
      stat = fs.lstatSync(this.#at(path));
    } catch (error) {
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
      throw error;
    }
    // Without root's rights all files are the user's, who is root in the root's own user namespace.
    const isOwn = !this.#hasOwnership && stat.uid === process.getuid?.();
    const meta: RootMeta = {
      uid: isOwn ? 0 : stat.uid,
      gid: isOwn ? 0 : stat.gid,
      mode: stat.mode & 0o7777,
      mtime: Math.floor(stat.mtimeMs / 1000),
    };
    if (stat.isDirectory()) return { kind: "directory", meta };
    if (stat.isFile()) return { kind: "file", meta, sizeBytes: stat.size };
    if (stat.isSymbolicLink()) return { kind: "symlink", meta, target: fs.readlinkSync(this.#at(path), "latin1") };
    return { kind: "special", meta };
  }

  list(path: string): string[] {
    try {
      return fs.readdirSync(this.#at(path), "latin1").sort();
    } catch (error) {
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return [];
      throw error;
    }
  }

  read(path: string): Uint8Array {
    // A file of the root that is a link to elsewhere is none of ours to read.
    const handle = fs.openSync(this.#at(path), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
    try {
      return readAll(handle);
    } finally {
      fs.closeSync(handle);
    }
  }

  directory(path: string, meta: RootMeta): void {
    fs.mkdirSync(this.#at(path));
    this.setMeta(path, meta);
  }

  file(path: string, meta: RootMeta, content: Uint8Array): void {
    const handle = fs.openSync(this.#at(path), "wx", 0o600);
    try {
      writeFully(handle, content);
      this.#applyXattrs(path, meta);
      if (this.#hasOwnership) fs.fchownSync(handle, meta.uid, meta.gid);
      // After the owner, whose change takes away set-user-id bits.
      fs.fchmodSync(handle, meta.mode);
      fs.futimesSync(handle, meta.mtime, meta.mtime);
    } catch (error) {
      // A failure by descriptor names no file.
      if (error instanceof Error)
        (error as NodeJS.ErrnoException).path ??= `${this.folder === "/" ? "" : this.folder}/${path}`;
      throw error;
    } finally {
      fs.closeSync(handle);
    }
  }

  symlink(path: string, meta: RootMeta, target: string): void {
    fs.symlinkSync(Buffer.from(target, "latin1"), this.#at(path));
    this.setMeta(path, meta);
  }

  hardLink(path: string, existing: string): void {
    fs.linkSync(this.#at(existing), this.#at(path));
  }

  device(path: string, meta: RootMeta, device: DeviceNumber): void {
    // Node has no mknod(2).
    execFileSync("mknod", [
      this.#at(path).toString("latin1"),
      device.kind === "character" ? "c" : "b",
      String(device.major),
      String(device.minor),
    ]);
    this.setMeta(path, meta);
  }

  fifo(path: string, meta: RootMeta): void {
    execFileSync("mkfifo", [this.#at(path).toString("latin1")]);
    this.setMeta(path, meta);
  }

  setMeta(path: string, meta: RootMeta): void {
    const at = this.#at(path);
    const isLink = fs.lstatSync(at).isSymbolicLink();
    if (this.#hasOwnership) fs.lchownSync(at, meta.uid, meta.gid);
    if (isLink) {
      fs.lutimesSync(at, meta.mtime, meta.mtime);
      return;
    }
    fs.chmodSync(at, meta.mode);
    fs.utimesSync(at, meta.mtime, meta.mtime);
  }

  rename(from: string, to: string): void {
    try {
      fs.renameSync(this.#at(from), this.#at(to));
    } catch (error) {
      if (codeOf(error) !== "EXDEV") throw error;
      // Another file system is mounted there (/boot): a copy beside it is renamed, so that what is seen is whole.
      const beside = `${to}.stratos-new`;
      if (this.look(beside) !== undefined) this.remove(beside);
      const node = this.look(from);
      if (node?.kind === "file") this.file(beside, node.meta, this.read(from));
      else if (node?.kind === "symlink") this.symlink(beside, node.meta, node.target);
      else throw error;
      fs.renameSync(this.#at(beside), this.#at(to));
      fs.unlinkSync(this.#at(from));
    }
  }

  remove(path: string): void {
    fs.unlinkSync(this.#at(path));
  }

  removeDirectory(path: string): boolean {
    try {
      fs.rmdirSync(this.#at(path));
      return true;
    } catch (error) {
      if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST" || codeOf(error) === "EBUSY") return false;
      throw error;
    }
  }

  sync(): void {
    // Node has no syncfs(2); sync(1) with a path is that, from coreutils 8.24 on.
    execFileSync("sync", ["-f", this.folder]);
  }

  /** Node has no setxattr(2); capabilities are the attribute that packages bring. */
  #applyXattrs(path: string, meta: RootMeta): void {
    if (meta.xattrs === undefined || !this.#hasOwnership) return;
    for (const [name, value] of meta.xattrs) {
      execFileSync(
        "setfattr",
        [
          "-n",
          name,
          "-v",
          `0x${Buffer.from(value, "latin1").toString("hex")}`,
          "--",
          this.#at(path).toString("latin1"),
        ],
        { stdio: "ignore" },
      );
    }
  }

  /** Paths are bytes, and so they reach the host. */
  #at(path: string): Buffer {
    return Buffer.concat([Buffer.from(`${this.#root}/`), Buffer.from(path, "latin1")]);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
