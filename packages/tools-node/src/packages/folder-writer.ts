/**
 * Writes a root filesystem into a folder of the host. Owners and device nodes need root's rights; without them (or with
 * `ownership: false`) files belong to the user and devices are left out.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import type { RootMeta, RootWriter } from "@stratos/pkg";
import { failedAt, writeFully } from "@stratos/host-node/files";

export class FolderWriter implements RootWriter {
  readonly #root: string;
  readonly #hasOwnership: boolean;
  readonly #directories: { path: string; meta: RootMeta }[] = [];

  /** @param root  a folder that is there and empty */
  constructor(root: string, options: { ownership?: boolean } = {}) {
    this.#root = root;
    this.#hasOwnership = options.ownership ?? process.getuid?.() === 0;
  }

  directory(path: string, meta: RootMeta): void {
    if (path !== "") mkdirSync(this.#at(path));
    this.#own(path, meta, false);
    chmodSync(this.#at(path), meta.mode);
    this.#directories.push({ path, meta });
  }

  file(path: string, meta: RootMeta, content: Uint8Array): void {
    const at = this.#at(path);
    const fd = openSync(at, "wx");
    try {
      writeFully(fd, content);
    } catch (error) {
      throw failedAt(at.toString(), error);
    } finally {
      closeSync(fd);
    }
    this.#own(path, meta, false);
    // After the owner, whose change takes away set-user-id bits.
    chmodSync(at, meta.mode);
    utimesSync(at, meta.mtime, meta.mtime);
  }

  symlink(path: string, meta: RootMeta, target: string): void {
    const at = this.#at(path);
    symlinkSync(Buffer.from(target, "latin1"), at);
    this.#own(path, meta, true);
    lutimesSync(at, meta.mtime, meta.mtime);
  }

  hardLink(path: string, existing: string): void {
    linkSync(this.#at(existing), this.#at(path));
  }

  device(path: string, meta: RootMeta, device: { kind: "character" | "block"; major: number; minor: number }): void {
    if (!this.#hasOwnership) return;
    // Node has no mknod(2).
    execFileSync("mknod", [
      this.#at(path).toString("latin1"),
      device.kind === "character" ? "c" : "b",
      String(device.major),
      String(device.minor),
    ]);
    this.#finishNode(path, meta);
  }

  fifo(path: string, meta: RootMeta): void {
    execFileSync("mkfifo", [this.#at(path).toString("latin1")]);
    this.#finishNode(path, meta);
  }

  #finishNode(path: string, meta: RootMeta): void {
    this.#own(path, meta, false);
    chmodSync(this.#at(path), meta.mode);
    utimesSync(this.#at(path), meta.mtime, meta.mtime);
  }

  remove(path: string): void {
    unlinkSync(this.#at(path));
  }

  finish(): void {
    for (const { path, meta } of this.#directories.reverse()) utimesSync(this.#at(path), meta.mtime, meta.mtime);
  }

  /** Paths are bytes, and so they reach the host. */
  #at(path: string): Buffer {
    return Buffer.concat([Buffer.from(path === "" ? this.#root : join(this.#root, "/")), Buffer.from(path, "latin1")]);
  }

  #own(path: string, meta: RootMeta, isLink: boolean): void {
    if (this.#hasOwnership) (isLink ? lchownSync : chownSync)(this.#at(path), meta.uid, meta.gid);
  }
}
