/**
 * A mounted volume beside its peers, by turns (systems.ts). Each row's figure is the median of the rounds.
 *
 *     npm run bench -- --only fuse|durable|small [--rounds N] [--backing tmpfs|disk] [--memfs-ll PROGRAM]
 *     npm run bench -- --only fuse-stat,fuse-untar     single rows; rows.ts has their keys
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { median } from "../statistics.ts";
import { MOUNT_ROWS, ratioTo, type MountRow } from "./rows.ts";
import {
  dropNames,
  kernelThreads,
  kernelThreadsUs,
  messagesTo,
  must,
  processorUs,
  SYSTEM_NAMES,
  syncMount,
  Workbench,
  type Backing,
  type Done,
  type System,
  type SystemName,
  type WorkbenchOptions,
} from "./systems.ts";

interface MountResult {
  readonly key: string;
  readonly row: string;
  readonly backing: Backing;
  readonly unit: string;
  readonly rounds: number;
  /** Processes that ran or waited to, beside our own: /proc/loadavg at the end. */
  readonly load: string;
  /** Medians by system. */
  readonly figures: Readonly<Record<string, number>>;
  /**
   * Time on a processor that the server took for each thing done (each MiB, each archive), in microseconds: medians. On
   * a busy machine it says more than time.
   */
  readonly serverUs: Readonly<Record<string, number>>;
  /**
   * Time on processors of the caller, the server, and the kernel's threads where there is no server, for each thing
   * done, in microseconds: the least of the rounds, for nobody else's work is wanted in it.
   */
  readonly workUs: Readonly<Record<string, number>>;
  /** What the kernel asked our server for each thing done: the least of the rounds. */
  readonly messages: Readonly<Record<string, number>>;
  readonly ratios: readonly { readonly to: string; readonly ratio: number | null; readonly goal: number }[];
}

/** The rows that `--only` names: groups, or single ones, separated by commas. */
export function chosenMountRows(only: string): readonly MountRow[] {
  const names = only.split(",");
  return MOUNT_ROWS.filter(({ group, key }) => names.includes(group) || names.includes(`${group}-${key}`));
}

/** @throws Error in words when this host cannot mount */
export function measureMounts(
  rows: readonly MountRow[],
  rounds: number,
  options: WorkbenchOptions,
  onResult: (result: MountResult) => void,
  print: (line: string) => void,
): void {
  const bench = new Workbench(options);
  try {
    const unusable = new Set<SystemName>();
    const isUsable = (name: SystemName): boolean => {
      if (unusable.has(name)) return false;
      try {
        bench.system(name);
        return true;
      } catch (error) {
        unusable.add(name);
        print(`  without ${name}: ${(error as Error).message}`);
        return false;
      }
    };
    const needed = SYSTEM_NAMES.filter((name) => rows.some((row) => namesOf(row).includes(name)));
    const usable = needed.filter(isUsable);
    for (const row of rows) {
      const result = measureRow(
        bench,
        row,
        usable.filter((name) => namesOf(row).includes(name)),
        rounds,
      );
      onResult(result);
      lines(row, result).forEach(print);
    }
  } finally {
    bench.close();
  }
}

function namesOf(row: MountRow): readonly SystemName[] {
  return [...row.own, ...row.against.flatMap(({ peers }) => peers)];
}

const WARM_UP_MS = 1500;

function measureRow(bench: Workbench, row: MountRow, names: readonly SystemName[], rounds: number): MountResult {
  const figures: Record<string, number[]> = {};
  const cpu: Record<string, number[]> = {};
  const work: Record<string, number> = {};
  const asked: Record<string, number> = {};
  const once = (name: SystemName): Turn =>
    row.what.startsWith("mount") ? measureMounting(bench, row, name) : measure(bench, row, bench.system(name));
  // Servers live long: what they do in their first seconds, while ours is not translated yet, is no measure.
  for (const name of names)
    for (const end = Date.now() + (name !== "aegisfs library" && name.startsWith("aegisfs") ? WARM_UP_MS : 0); ;) {
      once(name);
      if (Date.now() >= end) break;
    }
  for (let round = 0; round < rounds; round++) {
    // Each other round the other way round: nobody always comes after the same.
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const { figure, serverUs, workUs, messages } = once(name);
      (figures[name] ??= []).push(figure);
      if (serverUs !== null) (cpu[name] ??= []).push(serverUs);
      if (workUs !== null) work[name] = Math.min(work[name] ?? Infinity, workUs);
      if (messages !== null) asked[name] = Math.min(asked[name] ?? Infinity, messages);
    }
  }
  const medians = (by: Record<string, number[]>): Record<string, number> =>
    Object.fromEntries(Object.entries(by).map(([name, values]) => [name, median(values)]));
  const result = { figures: medians(figures), serverUs: medians(cpu), workUs: work, messages: asked };
  const ratios = row.against.map((against) => ({
    to: against.peers.join(", "),
    ratio: ratioTo(row, against, result.figures),
    goal: against.goal,
  }));
  return {
    key: `${row.group}-${row.key}`,
    row: row.name,
    backing: bench.backing,
    unit: row.unit,
    rounds,
    load: readFileSync("/proc/loadavg", "utf8").trim(),
    ...result,
    ratios,
  };
}

function lines(row: MountRow, result: MountResult): string[] {
  const figures = Object.entries(result.figures).map(([name, figure]) => {
    const us = result.serverUs[name];
    const work = result.workUs[name];
    const messages = result.messages[name];
    return (
      `${name} ${show(figure, row.unit)}${us === undefined ? "" : ` (server ${us.toFixed(1)} µs)`}` +
      `${work === undefined ? "" : ` [${work.toFixed(1)} µs of processors]`}` +
      `${messages === undefined ? "" : ` {${messages.toFixed(messages < 100 ? 2 : 0)} messages}`}`
    );
  });
  const ratios = result.ratios.map(
    ({ to, ratio, goal }) =>
      `${ratio === null ? "-" : `${ratio.toFixed(2)} ×`} ${to}${goal === 0 ? "" : ` (goal ${goal})`}`,
  );
  return [`${result.key}: ${row.name}: ${ratios.join("; ")}`, `    ${figures.join(", ")}`];
}

interface Turn {
  readonly figure: number;
  readonly serverUs: number | null;
  readonly workUs: number | null;
  readonly messages: number | null;
}

/** One run of one row; what it needs is made before, what it leaves is removed. */
function measure(bench: Workbench, row: MountRow, { folder: at, pid, name }: System): Turn {
  if (name === "aegisfs library") {
    const { ns, count } = bench.runLibrary(row.what, at);
    return { figure: figureOf(row, ns, count), serverUs: null, workUs: null, messages: null };
  }
  const isOurs = name.startsWith("aegisfs");
  const target = join(at, "untar");
  if (row.what === "untar") mkdirSync(target);
  const files = row.files ?? (row.what === "snapshot" ? 10_000 : 2000);
  if (row.needs === "create") bench.run("create", at, files);
  if (row.needs === "big" && !existsSync(join(at, "big"))) bench.run("seq-write", at);
  if (row.needs === "text" && !existsSync(join(at, "text"))) bench.run("text-write", at);
  // What was prepared must not be written while the clock runs.
  if (row.group === "durable") syncMount(at);
  if (row.forgotten === true) dropNames();
  const before = processorUs(pid);
  const kernelBefore = pid === null ? kernelThreads() : null;
  const start = process.hrtime.bigint();
  const messagesBefore = isOurs ? messagesTo(at) : 0;
  let done: Done;
  if (row.what === "untar") {
    done = bench.runCommand("tar", "-xf", bench.archive, "-C", target);
    if (row.synced === true) {
      // A mount of ours is durable when its server says so: sync(2) does not reach it, fsync of a folder with all of
      // the volume's changes does.
      isOurs ? syncServer(at) : syncMount(at);
      done = { ...done, ns: Number(process.hrtime.bigint() - start) };
    }
  } else if (row.what === "find") done = bench.runCommand("find", at);
  else done = bench.run(row.what, at, files, row.synced);
  const { ns, count, callerUs } = done;
  const messages = isOurs ? (messagesTo(at) - messagesBefore) / count : null;
  const othersUs = kernelBefore !== null ? kernelThreadsUs(kernelBefore) : processorUs(pid) - before;
  const serverUs = pid === null ? null : othersUs / count;
  const workUs = (callerUs + othersUs) / count;
  if (row.what === "untar") must("rm", ["-rf", target]);
  if (row.what === "create" || (row.needs === "create" && row.what !== "unlink")) bench.run("unlink", at, files);
  return { figure: figureOf(row, ns, count), serverUs, workUs, messages };
}

function figureOf({ unit }: MountRow, ns: number, count: number): number {
  switch (unit) {
    case "s":
      return ns / 1e9;
    case "ms":
      return ns / 1e6 / count;
    case "MB/s":
      return (count * 1048.576e6) / ns;
    case "/s":
      return (count * 1e9) / ns;
  }
}

/** Waits until all that the server of a mount has is on its image: a snapshot that is taken and removed commits. */
function syncServer(at: string): void {
  const snapshot = join(at, ".snapshots/of-the-bench");
  mkdirSync(snapshot);
  must("rmdir", [snapshot]);
}

/** Mounts an image with 40,000 files: after unmounting it, or a copy of it that was taken while they were written. */
function measureMounting(bench: Workbench, row: MountRow, name: SystemName): Turn {
  const system = bench.system(name);
  const crashed = bench.image(`${name} crashed`);
  bench.run("create", system.folder, 40_000);
  const isCrashed = row.what === "mount-crashed";
  if (isCrashed) must("cp", ["--sparse=always", system.image!, crashed]);
  else syncMount(system.folder);
  bench.drop(name, isCrashed ? null : crashed);
  const at = bench.folder("mounting");
  try {
    if (name.startsWith("aegisfs")) {
      const program = join(import.meta.dirname, "mount-once.ts");
      return {
        figure: Number(must(process.execPath, ["--disable-warning=ExperimentalWarning", program, crashed])),
        serverUs: null,
        workUs: null,
        messages: null,
      };
    }
    const start = process.hrtime.bigint();
    must("mount", ["-o", "loop", crashed, at]);
    const figure = Number(process.hrtime.bigint() - start) / 1e6;
    must("umount", [at]);
    return { figure, serverUs: null, workUs: null, messages: null };
  } finally {
    rmSync(crashed, { force: true });
  }
}

function show(figure: number, unit: string): string {
  return unit === "s"
    ? `${figure.toFixed(2)} s`
    : unit === "ms"
      ? `${figure.toFixed(2)} ms`
      : `${Math.round(figure).toLocaleString("en")} ${unit}`;
}

/** Keeps a result for who writes of it: those of other rows stay. */
export function storeMountResult(root: string, result: MountResult): void {
  mkdirSync(join(root, "bench/results"), { recursive: true });
  const path = join(root, "bench/results/fuse.json");
  const key = ({ key: name, backing }: MountResult): string => `${name} ${backing}`;
  const all = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as { results: MountResult[] }).results : [];
  const kept = all.filter((stored) => stored.key !== undefined && key(stored) !== key(result));
  writeFileSync(
    path,
    JSON.stringify(
      { node: process.versions.node, results: [...kept, result].sort((a, b) => (key(a) < key(b) ? -1 : 1)) },
      null,
      2,
    ) + "\n",
  );
}
