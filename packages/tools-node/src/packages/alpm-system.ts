/** A root folder of the host as ALPM needs it: its files, pacman's lock, and programs run in it. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { constants as zlib, gzip, zstdCompress } from "node:zlib";
import type { AlpmPorts, AlpmSystem, Compression, RootRunner } from "@stratos/pkg";
import { FolderRoot } from "./folder-root.ts";
import { nodePackagePorts, type NodePackagePorts } from "./node-package-ports.ts";
import { isRunning, startOfProcess } from "@stratos/host-node/files";
import { endOfProcess } from "@stratos/host-node/home";

export interface NodeAlpmSystem extends AlpmSystem {
  readonly files: FolderRoot;
}

/** @param folder  the root; `/` is the host itself */
export function nodeAlpmSystem(folder: string): NodeAlpmSystem {
  const files = new FolderRoot(folder);
  return { files, runner: new ChrootRunner(files.folder), lock: (path) => takeLock(join(files.folder, path)) };
}

export function nodeAlpmPorts(downloads: string): AlpmPorts & NodePackagePorts {
  return {
    // The proxy of apt is for packages of Debian, often a cache of these alone.
    ...nodePackagePorts(downloads, () => undefined),
    compress: compressOnNode,
    digest: (algorithm, bytes) =>
      createHash(algorithm === "b2" ? "blake2b512" : algorithm)
        .update(bytes)
        .digest("hex"),
  };
}

const gzipAsync = promisify(gzip),
  zstdAsync = promisify(zstdCompress);

async function compressOnNode(compression: Compression, bytes: Uint8Array): Promise<Uint8Array> {
  switch (compression) {
    case "none":
      return bytes;
    case "gzip":
      return gzipAsync(bytes, { level: 9 });
    // The checksum costs nothing and finds damage that no signature covers.
    case "zstd":
      return zstdAsync(bytes, { params: { [zlib.ZSTD_c_checksumFlag]: 1 } });
    case "xz":
      throw new Error("xz is read here, not written: use zstd");
  }
}

/**
 * Runs programs with the folder as their root: in a mount and process namespace of their own where the host allows it,
 * so that what they leave running ends with them. Without root's rights that takes a user namespace.
 */
export class ChrootRunner implements RootRunner {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  run(command: readonly string[], options: { input?: Uint8Array; onOutput(text: string): void }): Promise<number> {
    const isHost = this.#folder === "/",
      isRoot = process.getuid?.() === 0;
    if (!isHost && !fs.existsSync(join(this.#folder, "bin/sh")) && !existsInRoot(this.#folder, command[0]!))
      return Promise.resolve(127);
    if (isHost && !isRoot) {
      options.onOutput(`${command[0]!}: not run: only root may change this computer\n`);
      return Promise.resolve(126);
    }
    // Without root's rights a user namespace gives them, over the files of the root and nothing else.
    const rights = isRoot ? [] : ["--user", "--map-root-user"];
    const inside = isHost
      ? [...command]
      : [
          "unshare",
          ...rights,
          "--mount",
          // What the host unmounts meanwhile is not kept in use, where its mounts are shared.
          "--propagation",
          "slave",
          "--pid",
          "--fork",
          "--kill-child",
          "sh",
          "-c",
          ENTER_ROOT,
          "enter",
          this.#folder,
          ...command,
        ];
    return new Promise((resolve) => {
      const child = spawn(inside[0]!, inside.slice(1), {
        stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
        cwd: "/",
        env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", HOME: "/root" },
      });
      child.stdout!.setEncoding("utf8").on("data", (text: string) => options.onOutput(text));
      child.stderr!.setEncoding("utf8").on("data", (text: string) => options.onOutput(text));
      endOfProcess(child).then(resolve, () => resolve(127));
      if (options.input !== undefined) {
        // Who needs no targets may end before it has read them.
        child.stdin!.on("error", () => {});
        child.stdin!.end(options.input);
      }
    });
  }
}

/**
 * What many programs expect is mounted where the root has a folder for it; all of it goes with the namespace. Of the
 * host's devices only those that hold nothing.
 */
const ENTER_ROOT = `root=$1; shift
[ -d "$root/proc" ] && mount -t proc proc "$root/proc" 2>/dev/null
if [ -d "$root/dev" ] && mount -t tmpfs -o mode=755,size=1m tmpfs "$root/dev" 2>/dev/null; then
  for node in null zero full random urandom tty; do : > "$root/dev/$node"; mount --bind "/dev/$node" \
"$root/dev/$node" 2>/dev/null; done
  ln -s /proc/self/fd "$root/dev/fd"; ln -s fd/0 "$root/dev/stdin"; ln -s fd/1 "$root/dev/stdout"; ln -s fd/2 \
"$root/dev/stderr"
  mkdir -m 1777 "$root/dev/shm"
fi
exec chroot "$root" "$@"`;

function existsInRoot(folder: string, program: string): boolean {
  try {
    fs.lstatSync(join(folder, program));
    return true;
  } catch {
    return false;
  }
}

/**
 * pacman's lock is a file that must not exist before; ours says whose it is, so that one that was left behind is known.
 */
function takeLock(path: string): (() => void) | string {
  makeFolder(dirname(path));
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      fs.writeFileSync(path, `stratos ${process.pid} ${startOfProcess(process.pid) ?? ""}\n`, { flag: "wx" });
      return () => fs.rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = /^stratos ([0-9]+) ([0-9]*)\n/.exec(readOr(path, ""));
    if (holder === null) return `${path} is there: pacman is at work on this system; when it is not, remove that file`;
    const pid = Number(holder[1]);
    // Where either side has no /proc, the number alone must do.
    const started = startOfProcess(pid) ?? "";
    if (isRunning(pid) && (holder[2] === "" || started === "" || holder[2] === started))
      return `${path} is held by process ${pid}`;
    // Its holder was killed; what it left is mended by whoever comes next.
    fs.rmSync(path, { force: true });
  }
  return `${path} was taken by another process`;
}

/** One by one: mkdir(2) of several at once says of a read-only file system that there is no such folder. */
function makeFolder(path: string): void {
  if (fs.existsSync(path)) return;
  makeFolder(dirname(path));
  fs.mkdirSync(path);
}

function readOr(path: string, standard: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return standard;
  }
}
