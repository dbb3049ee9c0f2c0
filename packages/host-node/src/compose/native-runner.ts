/**
 * Runs a script in a tree on the host's own kernel: as root, or in a user namespace with the user's subordinate ids (subuid(5)).
 *
 * All happens in namespaces of its own, on a tmpfs that only they see: the tree goes in as a tar archive, what has changed comes out as
 * one. The first process of the pid namespace is all there is to undo: when it ends or is killed, its mounts and processes are gone.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { createHash } from "node:crypto";
import { ScriptError, type ScriptJob, type ScriptRunner, type TreeChanges } from "@stratos/compose";
import { archiveTree, comparePaths, fileEntry, MemoryBlob, TarReader, TarType, type FileEntry, type FileTree, type TarEntry } from "@stratos/formats";

/** Debian's names for what the host's processor runs by itself. */
const HOST_ARCHITECTURES: Readonly<Record<string, readonly string[]>> = { x64: ["amd64", "i386"], arm64: ["arm64"], riscv64: ["riscv64"], s390x: ["s390x"], ppc64: ["ppc64el"] };

export function isNativeArchitecture(architecture: string): boolean {
  return HOST_ARCHITECTURES[process.arch]?.includes(architecture) ?? false;
}

/** Why scripts cannot be run natively here, or undefined. */
export function nativeObstacle(): string | undefined {
  if (process.platform !== "linux") return "only Linux runs Linux programs natively";
  const missing = missingPrograms(["unshare", "setpriv", "tar", "find", "sort", "mount", "chroot"]);
  if (missing !== "") return `the host lacks ${missing}`;
  if (process.getuid?.() === 0) return undefined;
  const name = userInfo().username;
  for (const file of ["/etc/subuid", "/etc/subgid"]) {
    if (!readLines(file).some((line) => line.startsWith(`${name}:`) || line.startsWith(`${userInfo().uid}:`))) return `${name} is not root and has no subordinate ids in ${file}`;
  }
  return missingPrograms(["newuidmap"]) === "" ? undefined : "the host lacks newuidmap (package uidmap)";
}

function missingPrograms(names: readonly string[]): string {
  return spawnSync("sh", ["-c", 'for name; do command -v "$name" >/dev/null || printf "%s " "$name"; done', "sh", ...names], { env: ENVIRONMENT, encoding: "utf8" }).stdout.trim().replaceAll(" ", ", ");
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}

const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
/** Mounted over within the namespace; what is below is not the tree's. */
const MOUNTED = ["dev", "proc", "sys"];
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

/**
 * $1: an empty folder; $2: the host name; then the environment and command for chroot. Standard input: the tree. Descriptor 3: the archive
 * of what is new; 4: the paths that are there, ended by NUL. A file system's clock ticks some hundred times a second, so a tick is let
 * pass on both sides of the mark that new times are compared with (find -newercm: changed since).
 */
const INSIDE = `set -eu
work=$1 name=$2; shift 2
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$work"
cd "$work"
mkdir root
tar -x -p --same-owner --numeric-owner --xattrs --xattrs-include='*' -f - -C root
exec </dev/null
mkdir -p root/dev root/proc root/sys
mount -t tmpfs -o mode=0755 tmpfs root/dev
for device in ${DEVICES.join(" ")}; do : >"root/dev/$device"; mount --bind "/dev/$device" "root/dev/$device"; done
mkdir -m 1777 root/dev/shm; mkdir root/dev/pts
ln -s /proc/self/fd root/dev/fd; ln -s fd/0 root/dev/stdin; ln -s fd/1 root/dev/stdout; ln -s fd/2 root/dev/stderr
mount -t proc proc root/proc
mount -t tmpfs -o mode=0555 tmpfs root/sys
hostname "$name" 2>/dev/null || :
sleep 0.02
: >mark
sleep 0.02
status=0
chroot root /usr/bin/env -i "$@" 3>&- 4>&- || status=$?
[ $status -eq 0 ] || exit $status
cd root
find . -xdev -print0 >&4
find . -xdev -newercm ../mark ! -path ./dev ! -path ./proc ! -path ./sys -print0 | sort -z | tar -c --no-recursion --null --numeric-owner --xattrs --xattrs-include='*' --format=pax -T - -f - >&3
`;

export class NativeRunner implements ScriptRunner {
  readonly id = "native";

  async run(job: ScriptJob): Promise<TreeChanges> {
    const obstacle = nativeObstacle();
    if (obstacle !== undefined) throw new ScriptError(obstacle);
    const work = mkdtempSync(join(tmpdir(), "stratos-compose-"));
    try {
      return await runInside(job, work);
    } finally {
      // The tmpfs over it went with its namespace.
      rmSync(work, { recursive: true, force: true });
    }
  }
}

/** What is left to do when a process is asked to end: the kernel kills the whole namespace with its first process. */
const END_WITH = "SIGKILL";

async function runInside(job: ScriptJob, work: string): Promise<TreeChanges> {
  job.signal.throwIfAborted();
  const isRoot = process.getuid?.() === 0;
  const environment = { ...ENVIRONMENT, HOME: "/root", LC_ALL: "C.UTF-8", ...job.environment };
  const child = spawn("setpriv", [
    // Whatever becomes of this process, nothing of it goes on.
    "--pdeathsig", "KILL", "--", "unshare", ...(isRoot ? [] : ["--user", "--map-root-user", "--map-auto"]), "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=SIGKILL", ...(job.hasNetwork ? [] : ["--net"]),
    "sh", "-c", INSIDE, "sh", work, job.hostname, ...Object.entries(environment).map(([name, value]) => `${name}=${value}`), "/bin/sh", `/${job.script}`,
  ], { stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"], env: ENVIRONMENT, cwd: "/" });
  const onAbort = (): void => { child.kill(END_WITH); };
  job.signal.addEventListener("abort", onAbort, { once: true });
  try {
    const reader = new ChangeReader();
    const paths: Buffer[] = [];
    const last: string[] = [];
    const onLine = (line: string): void => {
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
      job.onLine(line);
    };
    const ends = [
      lines(child.stdout!, onLine), lines(child.stderr!, onLine),
      drain(child.stdio[3] as Readable, (piece) => reader.push(piece)), drain(child.stdio[4] as Readable, (piece) => { paths.push(piece); }),
    ];
    const [status] = await Promise.all([ended(child), feed(child.stdin!, job.tree), ...ends]);
    job.signal.throwIfAborted();
    if (status !== 0) throw new ScriptError(failure(status, job, last));
    return reader.finish(job.tree, Buffer.concat(paths).toString("latin1").split("\0"));
  } finally {
    job.signal.removeEventListener("abort", onAbort);
    if (child.exitCode === null && child.signalCode === null) child.kill(END_WITH);
  }
}

const LAST_LINES = 20;
/** Of a shell that cannot execute what it found: a program of another architecture. */
const NOT_EXECUTABLE = 126;

function failure(status: number, job: ScriptJob, last: readonly string[]): string {
  const isForeign = status === NOT_EXECUTABLE || last.some((line) => line.includes("Exec format error"));
  if (isForeign && !isNativeArchitecture(job.architecture)) return `this host cannot run programs of ${job.architecture}; qemu-user with binfmt_misc would let it, and for riscv64 the runner stratos needs nothing`;
  return `/${job.script} ended with status ${status}${last.length === 0 ? "" : `\n${last.map((line) => `  ${line}`).join("\n")}`}`;
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

/** Device nodes stay outside: a user namespace cannot make them, and scripts get the host's. */
async function feed(stream: Writable, tree: FileTree): Promise<void> {
  // A script that has ended early has broken the pipe; its status says why.
  let isBroken = false;
  stream.on("error", () => { isBroken = true; });
  const withoutDevices: FileTree = {
    *entries() {
      for (const entry of tree.entries()) if (!entry.path.startsWith("dev/") && entry.kind !== "character" && entry.kind !== "block") yield entry;
    },
  };
  for (const piece of archiveTree(withoutDevices)) {
    if (isBroken) break;
    // The archive's buffer is used again, so each piece must have left before the next is asked for.
    await new Promise<void>((resolve) => void stream.write(piece, () => resolve()));
  }
  stream.end();
}

function drain(stream: Readable, onPiece: (piece: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on("data", onPiece);
    stream.on("error", reject);
    stream.on("close", () => resolve());
  });
}

function lines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  return drain(stream, (piece) => {
    const parts = (rest + piece.toString("utf8")).split("\n");
    rest = parts.pop()!;
    for (const line of parts) onLine(line);
  }).then(() => { if (rest !== "") onLine(rest); });
}

/** Takes the archive of what is new. */
class ChangeReader {
  readonly #entries: { entry: TarEntry; content: Uint8Array | null }[] = [];
  #pieces: Buffer[] = [];
  #current: TarEntry | undefined;
  readonly #reader = new TarReader({
    entry: (entry) => { this.#current = entry; this.#pieces = []; },
    data: (bytes) => { this.#pieces.push(Buffer.from(bytes)); },
    end: () => { this.#entries.push({ entry: this.#current!, content: this.#current!.type === TarType.file ? Buffer.concat(this.#pieces) : null }); },
  });

  push(piece: Uint8Array): void {
    const error = this.#reader.push(piece);
    if (error !== undefined) throw new ScriptError(`what has changed cannot be read (tar: ${error})`);
  }

  finish(tree: FileTree, present: readonly string[]): TreeChanges {
    const error = this.#reader.finish();
    if (error !== undefined) throw new ScriptError(`what has changed cannot be read (tar: ${error})`);
    const there = new Set(present.map(relative));
    const removed: string[] = [];
    for (const { path } of tree.entries()) if (!there.has(path) && !isMounted(path) && !removed.some((one) => path.startsWith(`${one}/`))) removed.push(path);
    const changed = this.#entries.map(({ entry, content }) => toEntry(entry, content)).filter((entry) => !isMounted(entry.path));
    return { removed: removed.filter((path) => !isDeviceOf(tree, path)), changed: orderLinks(changed) };
  }
}

/** Device nodes anywhere were not handed in, so that they are missing says nothing. */
function isDeviceOf(tree: FileTree, path: string): boolean {
  for (const entry of tree.entries()) if (entry.path === path) return entry.kind === "character" || entry.kind === "block";
  return false;
}

/** A hard link's file may come behind it in the order of paths; files go first. */
function orderLinks(entries: FileEntry[]): FileEntry[] {
  const sorted = entries.sort((left, right) => comparePaths(left.path, right.path));
  return [...sorted.filter(({ kind }) => kind !== "hardLink"), ...sorted.filter(({ kind }) => kind === "hardLink")];
}

function isMounted(path: string): boolean {
  return MOUNTED.some((name) => path === name || path.startsWith(`${name}/`));
}

function relative(path: string): string {
  return path === "." ? "" : path.replace(/^\.\//, "");
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function toEntry(entry: TarEntry, content: Uint8Array | null): FileEntry {
  const path = relative(entry.path);
  const { mode, uid, gid, mtime, xattrs } = entry;
  const fields = { mode, uid, gid, mtime: Math.floor(mtime), xattrs };
  switch (entry.type) {
    case TarType.file: return fileEntry(path, "file", { ...fields, content: new MemoryBlob(content!, sha256) });
    case TarType.directory: return fileEntry(path, "directory", fields);
    case TarType.symbolicLink: return fileEntry(path, "symlink", { ...fields, target: entry.linkPath });
    case TarType.hardLink: return fileEntry(path, "hardLink", { ...fields, target: relative(entry.linkPath) });
    case TarType.fifo: return fileEntry(path, "fifo", fields);
    case TarType.characterDevice: return fileEntry(path, "character", { ...fields, deviceMajor: entry.deviceMajor, deviceMinor: entry.deviceMinor });
    case TarType.blockDevice: return fileEntry(path, "block", { ...fields, deviceMajor: entry.deviceMajor, deviceMinor: entry.deviceMinor });
  }
}
