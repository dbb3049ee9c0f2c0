/**
 * Runs a script in a tree on the host's own kernel: as root, or in a user namespace with the user's subordinate ids
 * (subuid(5)).
 *
 * All happens in namespaces of its own, on a tmpfs that only they see: the tree goes in as a tar archive, unless it is
 * served or a folder has it, which an overlay leaves as they are; what has changed comes out as an archive. The first
 * process of the pid namespace is all there is to undo: when it ends or is killed, its mounts and processes are gone.
 * The script itself runs a namespace further in, where the host's files are not (`enter-root.ts`).
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { ScriptError, type ScriptJob, type ScriptRunner, type TreeChanges } from "@stratos/compose";
import type { FileTree } from "@stratos/formats";
import { endOfProcess, findProgram, killChild, ownUser } from "@stratos/host-node/home";
import { isRunning } from "@stratos/host-node/files";
import { ENTER_ROOT, firstProcess, LEAVE_VOLUMES } from "./enter-root.ts";
import { DEVICE_NAMES, INSIDE_OVERLAY, insideOverlay, MOUNTED_NOTE, queriesOf } from "./overlay-inside.ts";
import { feedArchive, withoutDevices } from "./root-archive.ts";
import { isInitialUserNamespace, RootServer } from "./root-server.ts";
import { ChangeReader } from "./script-changes.ts";

/** Debian's names for what the host's processor runs by itself. */
const HOST_ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  x64: ["amd64", "i386"],
  arm64: ["arm64"],
  riscv64: ["riscv64"],
  s390x: ["s390x"],
  ppc64: ["ppc64el"],
};

export function isNativeArchitecture(architecture: string): boolean {
  return HOST_ARCHITECTURES[process.arch]?.includes(architecture) ?? false;
}

/**
 * Debian's name of what the host's processor runs, where maintainer scripts can be run natively; undefined elsewhere.
 */
export function nativeArchitecture(): string | undefined {
  return nativeObstacle() === undefined ? HOST_ARCHITECTURES[process.arch]?.[0] : undefined;
}

/** Why scripts cannot be run natively here, or undefined. */
export function nativeObstacle(): string | undefined {
  if (process.platform !== "linux") return "only Linux runs Linux programs natively";
  const missing = missingPrograms(["sh", "unshare", "setpriv", "tar", "find", "sort", "mount", "chroot", "cp"]);
  if (missing !== "") return `the host lacks ${missing}`;
  if (process.getuid?.() === 0) return undefined;
  const { name, uid } = ownUser();
  for (const file of ["/etc/subuid", "/etc/subgid"]) {
    if (!readLines(file).some((line) => line.startsWith(`${name}:`) || line.startsWith(`${uid}:`)))
      return `${name} is not root and has no subordinate ids in ${file}`;
  }
  return missingPrograms(["newuidmap"]) === "" ? undefined : "the host lacks newuidmap (package uidmap)";
}

function missingPrograms(names: readonly string[]): string {
  return names.filter((name) => findProgram(name, ENVIRONMENT.PATH) === undefined).join(", ");
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}

const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

/**
 * What a root needs that is not of the tree. Nodes of devices are one process where they can be made and used, which is
 * for root alone; elsewhere each is a mount.
 */
export const MOUNT_DEVICES = `[ -d root/dev ] && [ -d root/proc ] && [ -d root/sys ] ||
mkdir -p root/dev root/proc root/sys
mount -t tmpfs -o mode=0755 tmpfs root/dev
bind_devices() {
  for device in ${DEVICE_NAMES.join(" ")}; do
    : >"root/dev/$device"; mount --bind "/dev/$device" "root/dev/$device"
  done
  ln -s /proc/self/fd root/dev/fd; ln -s fd/0 root/dev/stdin; ln -s fd/1 root/dev/stdout; ln -s fd/2 root/dev/stderr
}
if cp -a ${[...DEVICE_NAMES, "fd", "stdin", "stdout", "stderr"].map((name) => `/dev/${name}`).join(" ")} root/dev \
2>/dev/null && { true >root/dev/null; } 2>/dev/null; then :; else rm -rf root/dev/*; bind_devices; fi
mkdir -m 1777 root/dev/shm; mkdir root/dev/pts
mount -t tmpfs -o mode=0555 tmpfs root/sys
hostname "$name" 2>/dev/null || :`;

/**
 * $1: an empty folder; $2: the host name; then the environment and command for chroot. Standard input: the tree.
 * Descriptor 3: the archive of what is new; 4: the paths that are there, ended by NUL. A file system's clock ticks some
 * hundred times a second, so a tick is let pass on both sides of the mark that new times are compared with (find
 * -newercm: changed since).
 */
const INSIDE = `set -eu
work=$1 name=$2; shift 2
${LEAVE_VOLUMES}
mount -t tmpfs -o mode=0755 tmpfs "$work"
cd "$work"
mkdir root
mount -t tmpfs -o mode=0755 tmpfs root
tar -x -p --same-owner --numeric-owner --xattrs --xattrs-include='*' -f - -C root
exec </dev/null
${MOUNT_DEVICES}
sleep 0.02
: >mark
sleep 0.02
${ENTER_ROOT}
cd root
find . -xdev -print0 >&4
find . -xdev -newercm ../mark ! -path ./dev ! -path ./proc ! -path ./sys -print0 | sort -z | tar -c --no-recursion \
--null --numeric-owner --xattrs --xattrs-include='*' --format=pax -T - -f - >&3
`;

export class NativeRunner implements ScriptRunner {
  readonly id = "native";
  readonly #storeFolder: string | undefined;
  readonly #roomBytes: number | undefined;

  /**
   * @param storeFolder  where the packs of trees are; without it trees are always handed over as archives
   * @param options.roomBytes  how much a script may have written, as for {@link ChangeReader}
   */
  constructor(storeFolder?: string, options: { roomBytes?: number } = {}) {
    this.#storeFolder = storeFolder;
    this.#roomBytes = options.roomBytes;
  }

  async run(job: ScriptJob): Promise<TreeChanges> {
    const obstacle = nativeObstacle();
    if (obstacle !== undefined) throw new ScriptError(obstacle);
    removeForgotten();
    const work = mkdtempSync(join(tmpdir(), `${WORK_PREFIX}${process.pid}-`));
    try {
      return (
        (await this.#runOverFolder(job, work)) ??
        (await this.#runOverServed(job, work)) ??
        (await runInside(job, work, this.#roomBytes))
      );
    } finally {
      // The tmpfs over it went with its namespace.
      rmSync(work, { recursive: true, force: true });
    }
  }

  /**
   * Over a folder of the host, which an overlay leaves as it is: what is done costs what it changes, however large the
   * folder is. undefined: not here, or not with what this script has done
   */
  async #runOverFolder(job: ScriptJob, work: string): Promise<TreeChanges | undefined> {
    // The host's own root is in use; and only the host's root may lay an overlay over others' files.
    if (job.place === undefined || job.place.folder === "/" || process.getuid?.() !== 0 || !isInitialUserNamespace())
      return undefined;
    const { reader, notes } = await runInNamespaces(
      job,
      work,
      {
        script: INSIDE_OVERLAY,
        input: insideOverlay(job.place, work),
        below: job.place.folder,
        roomBytes: this.#roomBytes,
      },
      (status, written) => status === 0 || written.startsWith(MOUNTED_NOTE),
    );
    return notes.startsWith(MOUNTED_NOTE) ? reader.finishUpper(job.tree, undefined) : undefined;
  }

  /** undefined: not here, or not with what this script has done */
  async #runOverServed(job: ScriptJob, work: string): Promise<TreeChanges | undefined> {
    if (!job.isObserved || this.#storeFolder === undefined) return undefined;
    const server = RootServer.open(job.tree, this.#storeFolder);
    if (server === undefined) return undefined;
    try {
      const { reader, notes } = await runInNamespaces(
        job,
        work,
        { script: INSIDE_OVERLAY, input: insideOverlay(job.tree, work), fuseFd: server.fd, roomBytes: this.#roomBytes },
        (status, written) => status === 0 || written.startsWith(MOUNTED_NOTE),
      );
      if (!notes.startsWith(MOUNTED_NOTE)) return undefined;
      const seen = await server.ended();
      return reader.finishUpper(
        job.tree,
        seen === undefined ? undefined : { ...seen, queries: queriesOf(job.tree, notes.slice(MOUNTED_NOTE.length)) },
      );
    } finally {
      await server.close();
    }
  }
}

const WORK_PREFIX = "stratos-compose-";
/** A compose in another container that shares the folder is not to be taken for a dead one. */
const FORGOTTEN_MS = 24 * 3600 * 1000;

/** Empty folders of composes that were killed: their mounts went with them, the place where these were did not. */
function removeForgotten(): void {
  const folder = tmpdir();
  for (const name of readdirSync(folder)) {
    const pid = new RegExp(`^${WORK_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    try {
      if (statSync(join(folder, name)).mtimeMs < Date.now() - FORGOTTEN_MS) rmdirSync(join(folder, name));
    } catch {
      // Another has removed it, or something is in it: it is not ours then.
    }
  }
}

/** What is left to do when a process is asked to end: the kernel kills the whole namespace with its first process. */
const END_WITH = "SIGKILL";

async function runInside(job: ScriptJob, work: string, roomBytes: number | undefined): Promise<TreeChanges> {
  const { reader, notes } = await runInNamespaces(
    job,
    work,
    { script: INSIDE, input: withoutDevices(job.tree), roomBytes },
    () => true,
  );
  return reader.finish(job.tree, notes.split("\0"));
}

/**
 * @param isOurs  whether a script that has ended with this status, and has written this to descriptor 4, is one that
 *   has run at all
 */
async function runInNamespaces(
  job: ScriptJob,
  work: string,
  inside: { script: string; input: FileTree; fuseFd?: number; below?: string; roomBytes: number | undefined },
  isOurs: (status: number, written: string) => boolean,
): Promise<{ reader: ChangeReader; notes: string }> {
  job.signal.throwIfAborted();
  const isRoot = process.getuid?.() === 0;
  const environment = { ...ENVIRONMENT, HOME: "/root", LC_ALL: "C.UTF-8", ...job.environment };
  const { fuseFd } = inside;
  const child = spawn(
    "setpriv",
    [
      // Whatever becomes of this process, nothing of it goes on.
      "--pdeathsig",
      "KILL",
      "--",
      "unshare",
      ...(isRoot ? [] : ["--user", "--map-root-user", "--map-auto"]),
      "--mount",
      // What the host unmounts meanwhile goes here, too, where its mounts are shared; nothing goes back.
      "--propagation",
      "slave",
      "--pid",
      "--ipc",
      "--uts",
      "--fork",
      "--kill-child=SIGKILL",
      ...(job.hasNetwork ? [] : ["--net"]),
      "sh",
      "-c",
      inside.script,
      "sh",
      work,
      job.hostname,
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      ...firstProcess(job.script),
    ],
    {
      stdio: ["pipe", "pipe", "pipe", "pipe", "pipe", ...(fuseFd === undefined ? [] : [fuseFd])],
      env: inside.below === undefined ? ENVIRONMENT : { ...ENVIRONMENT, STRATOS_BELOW: inside.below },
      cwd: "/",
    },
  );
  const onAbort = (): void => {
    killChild(child, END_WITH);
  };
  job.signal.addEventListener("abort", onAbort, { once: true });
  try {
    const reader = new ChangeReader(inside.roomBytes);
    const written: Buffer[] = [];
    const last: string[] = [];
    const onLine = (line: string): void => {
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
      job.onLine(line);
    };
    const ends = [
      lines(child.stdout!, onLine),
      lines(child.stderr!, onLine),
      drain(child.stdio[3] as Readable, (piece) => reader.push(piece)),
      drain(child.stdio[4] as Readable, (piece) => {
        written.push(piece);
      }),
    ];
    const [status] = await Promise.all([endOfProcess(child), feedArchive(child.stdin!, inside.input), ...ends]);
    job.signal.throwIfAborted();
    const notes = Buffer.concat(written).toString("latin1");
    if (status !== 0 && isOurs(status, notes)) throw new ScriptError(failure(status, job, last));
    return { reader, notes };
  } finally {
    job.signal.removeEventListener("abort", onAbort);
    if (child.exitCode === null && child.signalCode === null) killChild(child, END_WITH);
  }
}

const LAST_LINES = 20;
const LINE_LENGTH_MAX = 1 << 24;
const SHOWN_LENGTH_MAX = 500;
/** Of a shell that cannot execute what it found: a program of another architecture. */
const NOT_EXECUTABLE = 126;

function failure(status: number, job: ScriptJob, last: readonly string[]): string {
  const isForeign = status === NOT_EXECUTABLE || last.some((line) => line.includes("Exec format error"));
  if (isForeign && !isNativeArchitecture(job.architecture))
    return (
      `this host cannot run programs of ${job.architecture}; qemu-user with binfmt_misc would let it, and for ` +
      "riscv64 the runner stratos needs nothing"
    );
  return (
    `/${job.script} ended with status ${status}` +
    (last.length === 0
      ? ""
      : "\n" +
        last
          .map((line) => `  ${line.length > SHOWN_LENGTH_MAX ? `${line.slice(0, SHOWN_LENGTH_MAX)} …` : line}`)
          .join("\n"))
  );
}

function drain(stream: Readable, onPiece: (piece: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on("data", (piece: Buffer) => {
      try {
        onPiece(piece);
      } catch (error) {
        // Thrown from here it would end the process; what writes is ended by who waits.
        stream.destroy(error as Error);
      }
    });
    stream.on("error", reject);
    stream.on("close", () => resolve());
  });
}

function lines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  return drain(stream, (piece) => {
    // What was read before holds no line's end.
    const parts = piece.toString("utf8").split("\n");
    parts[0] = rest + parts[0]!;
    rest = parts.pop()!;
    for (const line of parts) onLine(line);
    // A script that ends no line is not to fill memory: it gets one now and then.
    if (rest.length > LINE_LENGTH_MAX) {
      onLine(rest);
      rest = "";
    }
  }).then(() => {
    if (rest !== "") onLine(rest);
  });
}
