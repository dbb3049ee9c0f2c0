/**
 * What the mount rows compare: AegisFS as `stratos fs mount` mounts it, bindfs over ext4, libfuse's own example of a
 * file system in memory (memfs_ll, where its program is given: Debian does not have it), a plainer one in C that is
 * quicker (memory-fs.c), and the kernel's own ext4 and btrfs. Each has its image in a file of its own on the same
 * backing: a tmpfs, or the disk that holds the temporary folder.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "@stratos/base";

export const SYSTEM_NAMES = [
  "aegisfs",
  "aegisfs library",
  "aegisfs writethrough",
  "aegisfs zstd",
  "bindfs",
  "memfs_ll",
  "memory-fs",
  "ext4",
  "btrfs",
  "btrfs zstd",
] as const;
export type SystemName = (typeof SYSTEM_NAMES)[number];
export type Backing = "tmpfs" | "disk";

export interface System {
  readonly name: SystemName;
  /** Its server; null: the kernel itself. */
  readonly pid: number | null;
  readonly folder: string;
  /** The file that holds it; null for what holds nothing. */
  readonly image: string | null;
  readonly unmount: () => void;
}

/** What a program of callers did, in how much time on the clock and on a processor. */
export interface Done {
  readonly ns: number;
  readonly count: number;
  readonly callerUs: number;
}

export interface WorkbenchOptions {
  /** The command `stratos`. */
  readonly launcher: readonly string[];
  readonly backing: Backing;
  /** The program of libfuse's example/memfs_ll.cc. */
  readonly memfsLl: string | null;
}

/** Room of an image. */
const SIZE = "3G";

/** A folder for one run: programs, images, places of mounts. */
export class Workbench {
  readonly base: string;
  readonly backing: Backing;
  /** `files ROW FOLDER`. */
  readonly files: string;
  readonly #launcher: readonly string[];
  readonly #memfsLl: string | null;
  readonly #systems = new Map<SystemName, System>();
  #archive: string | null = null;

  /** @throws Error in words when this host cannot mount or compile */
  constructor({ launcher, backing, memfsLl }: WorkbenchOptions) {
    this.#launcher = launcher;
    this.backing = backing;
    this.#memfsLl = memfsLl;
    this.base = mkdtempSync(join(tmpdir(), "stratos-bench-fuse-"));
    if (backing === "tmpfs") must("mount", ["-t", "tmpfs", "-o", "size=12G", "tmpfs", this.folder("images")]);
    else this.folder("images");
    this.files = this.compile("files", ["-pthread"]);
  }

  /** The system of that name, mounted; a reason where it cannot be. */
  system(name: SystemName): System {
    let system = this.#systems.get(name);
    if (system === undefined) {
      system = this.#make(name);
      this.#systems.set(name, system);
    }
    return system;
  }

  /** Gives a system up: the next one of that name is fresh. Its image is moved, or removed. */
  drop(name: SystemName, imageTo: string | null): void {
    const system = this.#systems.get(name);
    if (system === undefined) return;
    this.#systems.delete(name);
    system.unmount();
    if (system.image === null) return;
    if (imageTo !== null) renameSync(system.image, imageTo);
    else rmSync(system.image, { force: true });
  }

  close(): void {
    // bindfs stands on ext4.
    for (const system of [...this.#systems.values()].reverse()) system.unmount();
    if (this.backing === "tmpfs") spawnSync("umount", ["-l", join(this.base, "images")]);
    rmSync(this.base, { recursive: true, force: true });
  }

  /** 6,600 files of 13 KiB on average in 330 folders, 86 MB, the same in each run. */
  get archive(): string {
    return (this.#archive ??= this.#makeArchive());
  }

  /** @param isSynced  the clock stops when all of it is on the device (syncfs(2)) */
  run(what: string, at: string, files = 2000, isSynced = false): Done {
    return this.#done([what, at, String(files), ...(isSynced ? ["sync"] : [])]);
  }

  /** A program in place of a row: one thing done. */
  runCommand(...command: readonly string[]): Done {
    return this.#done(["command", ...command]);
  }

  #done(args: readonly string[]): Done {
    const [ns, count, callerUs] = must(this.files, args).trim().split(" ").map(Number);
    return { ns: ns!, count: count!, callerUs: callerUs! };
  }

  /** The same by the library. */
  runLibrary(what: string, image: string): { ns: number; count: number } {
    const program = join(import.meta.dirname, "library-durable.ts");
    const [ns, count] = must(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      program,
      what,
      image,
      this.archive,
    ])
      .trim()
      .split(" ")
      .map(Number);
    return { ns: ns!, count: count! };
  }

  folder(name: string): string {
    const path = join(this.base, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  image(name: string): string {
    return join(this.base, "images", `${name.replace(" ", "-")}.image`);
  }

  stratos(...args: string[]): string {
    const [program, ...first] = this.#launcher;
    return must(program!, [...first, ...args]);
  }

  compile(name: string, flags: readonly string[], source: string = join(import.meta.dirname, `${name}.c`)): string {
    const program = join(this.base, `${name}-program`);
    must("gcc", ["-O2", "-o", program, source, ...flags]);
    return program;
  }

  #make(name: SystemName): System {
    switch (name) {
      case "aegisfs":
        return this.#ours(name, [], "rw");
      case "aegisfs library":
        return this.#library(name);
      case "aegisfs writethrough":
        return this.#ours(name, [], "writethrough");
      case "aegisfs zstd":
        return this.#ours(name, ["--compress", "zstd:1"], "rw");
      case "bindfs":
        return this.#bindfs();
      case "memfs_ll":
        return this.#server(
          name,
          this.#memfsLl ?? missing("libfuse's example/memfs_ll.cc, built, is given with --memfs-ll"),
        );
      case "memory-fs":
        return this.#server(
          name,
          this.compile("memory-fs", must("pkg-config", ["--cflags", "--libs", "fuse3"]).trim().split(/\s+/)),
        );
      case "ext4":
        return this.#kernels(name, ["mkfs.ext4", "-q"], "loop");
      case "btrfs":
        return this.#kernels(name, ["mkfs.btrfs", "-q"], "loop");
      case "btrfs zstd":
        return this.#kernels(name, ["mkfs.btrfs", "-q"], "loop,compress=zstd:1");
    }
  }

  #ours(name: SystemName, format: readonly string[], options: string): System {
    const image = this.image(name);
    const at = this.folder(name.replace(" ", "-"));
    this.stratos("fs", "format", image, "--size", SIZE, ...format);
    this.stratos("fs", "mount", "-o", options, image, at);
    return {
      name,
      pid: Number.parseInt(readFileSync(`${image}.lock`, "latin1"), 10),
      folder: at,
      image,
      unmount: () => void this.stratos("fs", "umount", at),
    };
  }

  /** A volume that nobody mounts: the library works on its file. */
  #library(name: SystemName): System {
    const image = this.image(name);
    this.stratos("fs", "format", image, "--size", SIZE);
    return { name, pid: null, folder: image, image, unmount: () => {} };
  }

  #bindfs(): System {
    const at = this.folder("bindfs");
    const source = join(this.system("ext4").folder, "bindfs");
    mkdirSync(source);
    must("bindfs", [source, at]);
    return { name: "bindfs", pid: serverOf(at), folder: at, image: null, unmount: () => unmount(at) };
  }

  #server(name: SystemName, program: string): System {
    const at = this.folder(name);
    must(program, [at]);
    return { name, pid: serverOf(at), folder: at, image: null, unmount: () => unmount(at) };
  }

  #kernels(name: SystemName, [program, ...args]: readonly string[], options: string): System {
    const image = this.image(name);
    const at = this.folder(name.replace(" ", "-"));
    must("truncate", ["-s", SIZE, image]);
    must(program!, [...args, image]);
    must("mount", ["-o", options, image, at]);
    return { name, pid: null, folder: at, image, unmount: () => unmount(at) };
  }

  #makeArchive(): string {
    const at = this.folder("archive");
    must("mount", ["-t", "tmpfs", "-o", "size=1G", "tmpfs", at]);
    try {
      const random = new SeededRandom(6600);
      const source = this.folder("archive/source");
      const bytes = Buffer.alloc(1 << 16);
      random.fill(bytes);
      for (let file = 0; file < 6600; file++) {
        const folder = join(source, `folder${file % 330}`);
        if (file < 330) mkdirSync(folder);
        writeFileSync(
          join(folder, `file-number-${file}.txt`),
          bytes.subarray(0, random.below(random.below(4) === 0 ? 65536 : 12000)),
        );
      }
      const archive = join(this.folder("images"), "archive.tar");
      must("tar", ["-cf", archive, "-C", source, "."]);
      return archive;
    } finally {
      unmount(at);
    }
  }
}

/**
 * Time that a process's threads have had on a processor, in microseconds: the first number of
 * /proc/PID/task/TID/schedstat.
 */
export function processorUs(pid: number | null): number {
  if (pid === null) return 0;
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).reduce(
    (sum, task) => sum + Number.parseInt(readFileSync(join(tasks, task, "schedstat"), "latin1"), 10) / 1000,
    0,
  );
}

/** Messages that the kernel has sent to the server of a mount of ours, by `.aegisfs` in its root. */
export function messagesTo(at: string): number {
  const { requests } = JSON.parse(readFileSync(join(at, ".aegisfs"), "utf8")) as { requests: Record<string, number> };
  return Object.values(requests).reduce((sum, count) => sum + count, 0);
}

/**
 * The same of each of the kernel's own threads that do a file system's work: those of btrfs, of loop devices, and
 * workers of everybody.
 */
export function kernelThreads(): Map<string, number> {
  const threads = new Map<string, number>();
  for (const pid of readdirSync("/proc")) {
    try {
      if (/^\d+$/.test(pid) && /^(?:kworker|btrfs|loop|jbd2)/.test(readFileSync(`/proc/${pid}/comm`, "latin1")))
        threads.set(pid, Number.parseInt(readFileSync(`/proc/${pid}/schedstat`, "latin1"), 10) / 1000);
    } catch {
      // It ended between the two looks.
    }
  }
  return threads;
}

/** What they have had since `before`; workers come and go, and what one that is gone did is not known. */
export function kernelThreadsUs(before: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [pid, us] of kernelThreads()) sum += us - (before.get(pid) ?? 0);
  return sum;
}

/** Makes the kernel forget names and inodes that it need not know. */
export function dropNames(): void {
  writeFileSync("/proc/sys/vm/drop_caches", "2");
}

/** All that one mount has gathered goes to its image. `sync -f` asks that mount alone. */
export function syncMount(at: string): void {
  must("sync", ["-f", at]);
}

function unmount(at: string): void {
  if (spawnSync("umount", [at]).status !== 0) spawnSync("umount", ["-l", at]);
}

/** The process that serves a mount, by the end of its command line. */
function serverOf(at: string): number {
  return Number(must("pgrep", ["-n", "-f", `${at}$`]).trim());
}

function missing(what: string): never {
  throw new Error(what);
}

export function must(program: string, args: readonly string[], timeoutMs = 300_000): string {
  const result = spawnSync(program, args, { encoding: "utf8", timeout: timeoutMs });
  if (result.error !== undefined)
    throw new Error(`${program} cannot be run (${(result.error as NodeJS.ErrnoException).code})`);
  if (result.status !== 0) throw new Error(`${program}: ${(result.stderr || result.stdout).trim().split("\n").at(-1)}`);
  return result.stdout;
}
