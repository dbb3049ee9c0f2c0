/**
 * Files of the host. Node has no calls for extended attributes and for holes, which programs of the host read and set
 * for it, for many files at once.
 */
import {
  chmodSync,
  closeSync,
  fstatSync,
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
  realpathSync,
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
import { readAttributes, trySetAttributes, type AttributedFile } from "@stratos/tools-node/outputs";
import {
  joinPath,
  toText,
  type FileFacts,
  type FileKind,
  type FileReader,
  type FileTree,
  type FileWriter,
} from "./file-tree.ts";

/** From here on a size is told as a bigint. */
const BEYOND = 2n ** 53n;
const NONE: ReadonlyMap<string, Uint8Array> = new Map();

/** Smaller files are read, holes and all, before a program that finds these could start. */
const HOLES_FROM_BYTES = 64 << 20;
/** Prints where data begins and ends in its standard input (SEEK_DATA 3, SEEK_HOLE 4, lseek(2)). */
const FIND_DATA =
  "my $at = 0; while (defined(my $data = sysseek(STDIN, $at, 3))) { $at = sysseek(STDIN, $data, 4) or exit 1; " +
  'printf "%d %d\n", $data, $at } exit($!{ENXIO} ? 0 : 1)';

/** What of the file at a path the host cannot keep, or tell, and why, if that is not plain. */
type LeftOut = (path: string, what: string, why?: string) => void;

/** Attributes of files at and below a place, by their paths. */
interface FoundAttributes {
  readonly place: string;
  readonly files: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export class HostTree implements FileTree {
  readonly keepsChannels = true;
  readonly #onLeftOut: LeftOut;
  readonly #found: FoundAttributes[] = [];
  #waiting: (AttributedFile & { readonly mode: number })[] = [];
  #isUnread = false;

  constructor(onLeftOut: LeftOut = () => {}) {
    this.#onLeftOut = onLeftOut;
  }

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
    let data: readonly DataRange[] | undefined;
    let next = 0;
    return {
      read: (offset, bytes, length) => this.#try(path, () => readSync(fd, bytes, 0, length, offset)),
      nextData: (offset) => {
        data ??= dataOf(fd);
        while (next < data.length && data[next]!.end <= offset) next++;
        if (next === data.length) return fstatSync(fd).size;
        return Math.max(data[next]!.start, Number(offset));
      },
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

  makeSpecial(path: string, facts: FileFacts): boolean {
    if (facts.kind === "socket") {
      // The name of a process that no longer runs; only a process that listens at it could make it.
      this.#onLeftOut(path, "a socket");
      return false;
    }
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
    return true;
  }

  hardLink(path: string, existing: string): void {
    this.#try(path, () => linkSync(bytesOf(existing), bytesOf(path)));
  }

  remove(path: string): void {
    this.#try(path, () => unlinkSync(bytesOf(path)));
  }

  expectAttributes(path: string, follow: boolean): void {
    if (this.#foundFor(path) !== undefined || this.#isUnread) return;
    try {
      const place = follow ? realpathSync(bytesOf(path), { encoding: "buffer" }) : bytesOf(path);
      const files = readAttributes(place);
      if (files !== undefined) this.#found.push({ place: path, files });
      else {
        this.#isUnread = true;
        this.#onLeftOut(
          path,
          "extended attributes, if there are any",
          "getfattr is not there (on Debian: apt-get install attr)",
        );
      }
    } catch (error) {
      this.#onLeftOut(path, "extended attributes, if there are any", hostReason(error));
    }
  }

  attributes(path: string): ReadonlyMap<string, Uint8Array> {
    const found = this.#foundFor(path);
    const own = found?.files.get(path.slice(found.place.length).replace(/^\/+/, ""));
    if (own === undefined || own.size === 0) return NONE;
    return new Map([...own].map(([name, value]) => [name, bytesOf(value)]));
  }

  #foundFor(path: string): FoundAttributes | undefined {
    return this.#found.find(({ place }) => path === place || path.startsWith(joinPath(place, "")));
  }

  settle(): void {
    const files = this.#waiting;
    this.#waiting = [];
    if (files.length === 0) return;
    // Whoever is not root sets attributes of what he may write alone.
    const closed = process.getuid?.() === 0 ? [] : files.filter(({ mode, isLink }) => !isLink && (mode & 0o200) === 0);
    let refused: string[];
    try {
      for (const { path, mode } of closed) chmodSync(path, mode | 0o200);
      refused = trySetAttributes(files);
    } catch (error) {
      refused = [hostReason(error)];
    } finally {
      for (const { path, mode } of closed) chmodSync(path, mode);
    }
    if (refused.length === 0) return;
    const [said] = refused as [string];
    const start = ({ path }: AttributedFile): string => `setfattr: ${path.toString("utf8")}: `;
    const first = files.find((file) => said.startsWith(start(file)));
    const reason = first === undefined ? said : said.slice(start(first).length);
    this.#onLeftOut(
      (first ?? files[0]!).path.toString("latin1"),
      refused.length === 1
        ? "an extended attribute"
        : `an extended attribute, and ${refused.length - 1} more, of others too`,
      reason,
    );
  }

  setFacts(path: string, facts: FileFacts, attributes: ReadonlyMap<string, Uint8Array>, all: boolean): void {
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
    // An access list is also permissions, which may not let the rest be set.
    const isList = (name: string): number => (name.startsWith("system.posix_acl_") ? 1 : 0);
    const xattrs = new Map([...attributes].sort(([one], [other]) => isList(one) - isList(other)));
    if (attributes.size > 0)
      this.#waiting.push({ path: bytes, xattrs, isLink: facts.kind === "symlink", mode: facts.mode });
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

interface DataRange {
  readonly start: number;
  readonly end: number;
}

/** Where a file with holes has data; all of it where the host has no program that tells. */
function dataOf(fd: number): readonly DataRange[] {
  const { size } = fstatSync(fd);
  const whole = [{ start: 0, end: size }];
  if (size < HOLES_FROM_BYTES) return whole;
  const { status, stdout } = spawnSync("perl", ["-MErrno", "-e", FIND_DATA], {
    stdio: [fd, "pipe", "ignore"],
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) return whole;
  const ranges = stdout.split("\n").filter((line) => line !== "");
  return ranges.map((line) => {
    const [start, end] = line.split(" ");
    return { start: Number(start), end: Number(end) };
  });
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
