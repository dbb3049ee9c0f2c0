/**
 * A mounted volume beside its peers, by turns: bindfs over tmpfs, a C server over libfuse that stores nothing (memory-fs.c), and ext4 by the kernel
 * itself. All have their backing on one tmpfs. Each row's figure is the median of the rounds; ratios are to the better of the FUSE peers,
 * or to ext4 where the kernel's caches answer.
 *
 *     npm run bench -- --only fuse [--rounds N]
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "@stratos/base";
import { median } from "../statistics.ts";

interface MountRow {
  readonly name: string;
  /** Of files.c, or "untar". */
  readonly what: string;
  /** Things done in a second, or bytes. */
  readonly unit: "/s" | "MB/s" | "s";
  readonly against: "fuse" | "ext4";
  readonly goal: number;
  /** Asks about files that the kernel is to have forgotten. */
  readonly isCold?: true;
}

const ROWS: readonly MountRow[] = [
  { name: "create, write 4 KiB", what: "create", unit: "/s", against: "fuse", goal: 1.2 },
  { name: "stat", what: "stat", unit: "/s", against: "fuse", goal: 0.9, isCold: true },
  { name: "open, read 4 KiB, close", what: "read-files", unit: "/s", against: "fuse", goal: 0.9, isCold: true },
  { name: "unlink", what: "unlink", unit: "/s", against: "fuse", goal: 1.2 },
  { name: "untar of 6,600 files", what: "untar", unit: "s", against: "fuse", goal: 1.2 },
  { name: "write 256 MiB by 1 MiB, direct", what: "seq-write", unit: "MB/s", against: "fuse", goal: 0.9 },
  { name: "read 256 MiB by 1 MiB, direct", what: "seq-read", unit: "MB/s", against: "fuse", goal: 0.9 },
  { name: "read 4 KiB at random, direct", what: "rand-read", unit: "/s", against: "fuse", goal: 0.9 },
  { name: "read 4 KiB at random, warm", what: "warm-read", unit: "/s", against: "ext4", goal: 0.8 },
  { name: "write 4 KiB at random, buffered", what: "buffered-write", unit: "/s", against: "ext4", goal: 0.5 },
  { name: "write 4 KiB, fdatasync", what: "fsync", unit: "/s", against: "ext4", goal: 0.5 },
];

interface System {
  readonly name: string;
  /** Its server; null: the kernel itself. */
  readonly pid: number | null;
  readonly folder: string;
  readonly unmount: () => void;
}

export interface MountResult {
  readonly row: string;
  readonly unit: string;
  /** Medians by system. */
  readonly figures: Readonly<Record<string, number>>;
  /** Time on a processor that the server took for each thing done (each MiB, each archive), in microseconds: medians. On a busy machine it says more than time. */
  readonly serverUs: Readonly<Record<string, number>>;
  /** Above 1: we are faster. */
  readonly ratio: number | null;
  readonly goal: number;
}

/** @throws Error in words when this host cannot mount */
export function measureMounts(launcher: readonly string[], rounds: number, print: (line: string) => void): MountResult[] {
  const base = mkdtempSync(join(tmpdir(), "stratos-bench-fuse-"));
  const systems: System[] = [];
  try {
    const files = compile(base, "files", []);
    must("mount", ["-t", "tmpfs", "-o", "size=8G", "tmpfs", folder(base, "ram")]);
    const archive = makeArchive(base);
    systems.push(ours(launcher, base, "aegisfs", "rw"), ours(launcher, base, "aegisfs writeback", "writeback"));
    for (const make of [bindfs, memoryFs, ext4]) {
      try {
        systems.push(make(base));
      } catch (error) {
        print(`  without ${make.name}: ${(error as Error).message}`);
      }
    }
    print(`  ${"".padEnd(32)} ${systems.map(({ name }) => name.padStart(18)).join(" ")}`);
    // Servers live long: what they do in their first second is no measure.
    for (const { folder: at } of systems) for (const what of ["create", "unlink"]) must(files, [what, at]);
    const results: MountResult[] = [];
    for (const row of ROWS) {
      const seen: Record<string, number[]> = {};
      const cpu: Record<string, number[]> = {};
      for (let round = 0; round < rounds; round++) {
        for (const { name, pid, folder: at } of systems) {
          const { figure, serverUs } = measure(row, files, archive, at, pid);
          (seen[name] ??= []).push(figure);
          if (pid !== null) (cpu[name] ??= []).push(serverUs);
        }
      }
      const medians = (by: Record<string, number[]>): Record<string, number> => Object.fromEntries(Object.entries(by).map(([name, values]) => [name, median(values)]));
      const figures = medians(seen);
      const result = { row: row.name, unit: row.unit, figures, serverUs: medians(cpu), ratio: ratioOf(row, figures), goal: row.goal };
      results.push(result);
      print(`  ${row.name.padEnd(32)} ${systems.map(({ name }) => show(figures[name]!, row.unit).padStart(18)).join(" ")}  ${result.ratio === null ? "-" : `${result.ratio.toFixed(2)} ×`} (goal ${row.goal})`);
      print(`  ${"    server, µs each".padEnd(32)} ${systems.map(({ name }) => (result.serverUs[name]?.toFixed(1) ?? "-").padStart(18)).join(" ")}`);
    }
    return results;
  } finally {
    for (const system of systems) system.unmount();
    spawnSync("umount", ["-l", join(base, "ram")]);
    rmSync(base, { recursive: true, force: true });
  }
}

/** One run of one row; what it needs is made before, what it leaves is removed. */
function measure(row: MountRow, files: string, archive: string, at: string, pid: number | null): { figure: number; serverUs: number } {
  const run = (what: string): { ns: number; count: number } => {
    const [ns, count] = must(files, [what, at]).trim().split(" ").map(Number);
    return { ns: ns!, count: count! };
  };
  const ofFiles = ["stat", "read-files", "unlink"].includes(row.what);
  const ofBig = ["seq-read", "rand-read", "warm-read", "buffered-write"].includes(row.what);
  const target = join(at, "untar");
  if (row.what === "untar") mkdirSync(target);
  if (ofFiles) run("create");
  if (ofBig && !existsSync(join(at, "big"))) run("seq-write");
  if (row.isCold === true) writeFileSync("/proc/sys/vm/drop_caches", "2");
  const before = processorUs(pid);
  const start = process.hrtime.bigint();
  if (row.what === "untar") must("tar", ["-xf", archive, "-C", target]);
  const { ns, count } = row.what === "untar" ? { ns: Number(process.hrtime.bigint() - start), count: 1 } : run(row.what);
  const serverUs = (processorUs(pid) - before) / count;
  if (row.what === "untar") must("rm", ["-rf", target]);
  if (row.what === "create" || (ofFiles && row.what !== "unlink")) run("unlink");
  return { figure: row.unit === "s" ? ns / 1e9 : row.unit === "MB/s" ? (count * 1048.576e6) / ns : (count * 1e9) / ns, serverUs };
}

/** Time that a process has had on a processor: proc_pid_stat(5), utime and stime, in ticks of 10 ms. */
function processorUs(pid: number | null): number {
  if (pid === null) return 0;
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** The process that serves a mount, by the end of its command line. */
function serverOf(at: string): number {
  return Number(must("pgrep", ["-n", "-f", `(bindfs|memory-fs-program) .*${at}$|(bindfs|memory-fs-program) ${at}$`]).trim());
}

/** Of our default mount, to the best of its peers. */
function ratioOf(row: MountRow, figures: Readonly<Record<string, number>>): number | null {
  const peers = (row.against === "ext4" ? ["ext4"] : ["bindfs", "memory-fs"]).map((name) => figures[name]).filter((figure) => figure !== undefined);
  if (peers.length === 0) return null;
  const own = figures["aegisfs"]!;
  return row.unit === "s" ? Math.min(...peers) / own : own / Math.max(...peers);
}

function show(figure: number, unit: string): string {
  return unit === "s" ? `${figure.toFixed(2)} s` : `${Math.round(figure).toLocaleString("en")} ${unit}`;
}

function ours(launcher: readonly string[], base: string, name: string, options: string): System {
  const volume = join(base, "ram", `${name.replace(" ", "-")}.volume`);
  const at = folder(base, name.replace(" ", "-"));
  const [program, ...args] = launcher;
  must(program!, [...args, "fs", "format", volume, "--size", "3G"]);
  must(program!, [...args, "fs", "mount", "-o", options, volume, at]);
  return { name, pid: Number.parseInt(readFileSync(`${volume}.lock`, "latin1"), 10), folder: at, unmount: () => void spawnSync(program!, [...args, "fs", "umount", "-l", at]) };
}

function bindfs(base: string): System {
  const at = folder(base, "bindfs");
  must("bindfs", [folder(base, "ram/bindfs"), at]);
  return { name: "bindfs", pid: serverOf(at), folder: at, unmount: () => void spawnSync("umount", ["-l", at]) };
}

function memoryFs(base: string): System {
  const at = folder(base, "memory-fs");
  const flags = must("pkg-config", ["--cflags", "--libs", "fuse3"]).trim().split(/\s+/);
  must(compile(base, "memory-fs", flags), [at]);
  return { name: "memory-fs", pid: serverOf(at), folder: at, unmount: () => void spawnSync("umount", ["-l", at]) };
}

function ext4(base: string): System {
  const at = folder(base, "ext4");
  const image = join(base, "ram/ext4.image");
  must("truncate", ["-s", "2G", image]);
  must("mkfs.ext4", ["-q", image]);
  must("mount", ["-o", "loop", image, at]);
  return { name: "ext4", pid: null, folder: at, unmount: () => void spawnSync("umount", ["-l", at]) };
}

function compile(base: string, name: string, flags: readonly string[]): string {
  const program = join(base, `${name}-program`);
  must("gcc", ["-O2", "-o", program, join(import.meta.dirname, `${name}.c`), ...flags]);
  return program;
}

/** 6,600 files of 13 KiB on average in 330 folders, 86 MB, the same in each run. */
function makeArchive(base: string): string {
  const random = new SeededRandom(6600);
  const source = folder(base, "ram/source");
  const bytes = Buffer.alloc(1 << 16);
  random.fill(bytes);
  for (let file = 0; file < 6600; file++) {
    const at = join(source, `folder${file % 330}`);
    if (file < 330) mkdirSync(at);
    writeFileSync(join(at, `file-number-${file}.txt`), bytes.subarray(0, random.below(random.below(4) === 0 ? 65536 : 12000)));
  }
  const archive = join(base, "ram/archive.tar");
  must("tar", ["-cf", archive, "-C", source, "."]);
  rmSync(source, { recursive: true });
  return archive;
}

function folder(base: string, name: string): string {
  const path = join(base, name);
  mkdirSync(path, { recursive: true });
  return path;
}

function must(program: string, args: readonly string[]): string {
  const result = spawnSync(program, args, { encoding: "utf8", timeout: 300_000 });
  if (result.error !== undefined) throw new Error(`${program} cannot be run (${(result.error as NodeJS.ErrnoException).code})`);
  if (result.status !== 0) throw new Error(`${program}: ${(result.stderr || result.stdout).trim().split("\n").at(-1)}`);
  return result.stdout;
}

/** Keeps the results for who writes of them. */
export function storeMountResults(root: string, results: readonly MountResult[], rounds: number): void {
  mkdirSync(join(root, "bench/results"), { recursive: true });
  const load = readFileSync("/proc/loadavg", "utf8").trim();
  writeFileSync(join(root, "bench/results/fuse.json"), `${JSON.stringify({ rounds, node: process.versions.node, load, results }, null, 2)}\n`);
}
