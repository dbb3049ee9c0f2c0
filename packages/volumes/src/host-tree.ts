/** Files of the host. Node reads no extended attributes, so they stay behind. */
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeSync,
  type BigIntStats,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { addOffsets, type FileOffset } from "@stratos/aegisfs";
import { hostTime } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { toText, type FileFacts, type FileKind, type FileReader, type FileTree, type FileWriter } from "./file-tree.ts";

/** From here on a size is told as a bigint. */
const BEYOND = 2n ** 53n;
const NONE: ReadonlyMap<string, Uint8Array> = new Map();

export class HostTree implements FileTree {
  readonly keepsChannels = true;

  shown(path: string): string {
    return toText(path);
  }

  facts(path: string, follow = false): FileFacts | null {
    let stat: BigIntStats;
    try {
      stat = (follow ? statSync : lstatSync)(bytesOf(path), { bigint: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return null;
      throw this.#failure(path, error);
    }
    return {
      kind: kindOf(stat),
      mode: Number(stat.mode & 0o7777n),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      rdev: Number(stat.rdev),
      size: stat.size < BEYOND ? Number(stat.size) : stat.size,
      nlink: Number(stat.nlink),
      identity: `${stat.dev}:${stat.ino}`,
      isSparse: stat.isFile() && stat.blocks * 512n < stat.size,
      atime: timeOf(stat.atimeNs),
      mtime: timeOf(stat.mtimeNs),
    };
  }

  names(path: string): string[] {
    return this.#try(path, () =>
      readdirSync(bytesOf(path), { encoding: "buffer" })
        .map((name) => name.toString("latin1"))
        .sort(),
    );
  }

  linkTarget(path: string): string {
    return this.#try(path, () => readlinkSync(bytesOf(path), { encoding: "buffer" }).toString("latin1"));
  }

  openFile(path: string): FileReader {
    // Such a file is nearly all hole, which Node does not see (it has no lseek): it would read for years.
    if (this.#try(path, () => statSync(bytesOf(path), { bigint: true })).size >= BEYOND)
      throw new OperationError(
        "volume",
        this.shown(path),
        "is larger than 2^53 bytes, whose holes Node cannot see: mount the volume and copy it with cp",
      );
    const fd = this.#try(path, () => openSync(bytesOf(path), "r"));
    return {
      read: (offset, bytes, length) => this.#try(path, () => readSync(fd, bytes, 0, length, offset)),
      nextData: (offset) => offset,
      close: () => closeSync(fd),
    };
  }

  createFile(path: string): FileWriter {
    const fd = this.#try(path, () => openSync(bytesOf(path), "w", 0o644));
    return {
      write: (offset, bytes, length) => {
        const start = this.#near(path, addOffsets(offset, length)) - length;
        this.#try(path, () => {
          for (let done = 0; done < length;) done += writeSync(fd, bytes, done, length - done, start + done);
        });
      },
      setSize: (size) => {
        const near = this.#near(path, size);
        this.#try(path, () => ftruncateSync(fd, near));
      },
      close: () => closeSync(fd),
    };
  }

  /** Node writes to places below 2^53 alone. */
  #near(path: string, offset: FileOffset): number {
    if (typeof offset === "bigint")
      throw new OperationError(
        "volume",
        this.shown(path),
        "is larger than 2^53 bytes, which Node cannot write: mount the volume and copy it with cp",
      );
    return offset;
  }

  makeDirectory(path: string): void {
    this.#try(path, () => mkdirSync(bytesOf(path), 0o755));
  }

  makeLink(path: string, target: string): void {
    this.#try(path, () => symlinkSync(bytesOf(target), bytesOf(path)));
  }

  makeSpecial(path: string, facts: FileFacts): void {
    if (facts.kind === "socket") return; // A name for a process that no longer runs.
    const device =
      facts.kind === "fifo"
        ? ["p"]
        : [
            facts.kind === "block" ? "b" : "c",
            String((facts.rdev >>> 8) & 0xfff),
            String((facts.rdev & 0xff) | ((facts.rdev >>> 12) & 0xfff00)),
          ];
    const result = spawnSync("mknod", ["--", toText(path), ...device], { encoding: "utf8" });
    if (result.status !== 0)
      throw new OperationError("volume", this.shown(path), `mknod: ${(result.stderr ?? "").trim() || "not found"}`);
  }

  hardLink(path: string, existing: string): void {
    this.#try(path, () => linkSync(bytesOf(existing), bytesOf(path)));
  }

  remove(path: string): void {
    this.#try(path, () => unlinkSync(bytesOf(path)));
  }

  attributes(): ReadonlyMap<string, Uint8Array> {
    return NONE;
  }

  setFacts(path: string, facts: FileFacts, _attributes: ReadonlyMap<string, Uint8Array>, all: boolean): void {
    const bytes = bytesOf(path);
    this.#try(path, () => {
      // Owner first: chown(2) clears the set-id bits.
      if (all && process.getuid?.() === 0) lchownSync(bytes, facts.uid, facts.gid);
      if (facts.kind !== "symlink") chmodSync(bytes, all ? facts.mode : facts.mode & 0o777);
      if (all)
        lutimesSync(
          bytes,
          hostTime(facts.atime.seconds + facts.atime.nanoseconds / 1e9),
          hostTime(facts.mtime.seconds + facts.mtime.nanoseconds / 1e9),
        );
    });
  }

  #try<T>(path: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#failure(path, error);
    }
  }

  #failure(path: string, error: unknown): OperationError {
    return new OperationError("volume", this.shown(path), hostReason(error), { cause: error });
  }
}

function bytesOf(path: string): Buffer {
  return Buffer.from(path, "latin1");
}

function timeOf(nanoseconds: bigint): { seconds: number; nanoseconds: number } {
  const seconds = nanoseconds / 1_000_000_000n - (nanoseconds % 1_000_000_000n < 0n ? 1n : 0n);
  return { seconds: Number(seconds), nanoseconds: Number(nanoseconds - seconds * 1_000_000_000n) };
}

function kindOf(stat: BigIntStats): FileKind {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isFIFO()) return "fifo";
  if (stat.isSocket()) return "socket";
  return stat.isBlockDevice() ? "block" : "character";
}
