/**
 * `npm run bench`: Stratos beside qemu-user on the same programs and the same root, in the same run, by turns. Prints a
 * table, writes `bench/results/latest.json` and, with `--page`, docs/benchmarks.md.
 *
 *     npm run bench -- --only compose       composing the minimal system, beside mmdebstrap
 *     npm run bench -- --only compose-each    composing it again after a new version of each of its packages
 *     npm run bench -- --only aegisfs         the file system as a library, beside memfs; long content, plain,
 *     compressed, encrypted
 *     npm run bench -- --only aegisfs-snapshots [--backing tmpfs|disk]   snapshots, clones and rollbacks at 100, 10⁴
 *     and 10⁶ files beside btrfs
 *     npm run bench -- --only aegisfs-scale   how its costs grow with directories, files and volumes, and a picture of
 *     it in docs/aegisfs-scale.svg
 *     npm run bench -- --only aegisfs-memory [--files N]   whether a volume stays within the memory that it was given
 *     npm run bench -- --only board           a second sandbox on the first one's board, and apart
 *     npm run bench -- --only fork            forks of a running python3
 *     npm run bench -- --only embed           these, sandboxes that are made and saved, and recordings
 *     npm run bench -- --only hub             the build hub beside pg-boss and graphile-worker, and by itself
 *     npm run bench -- --only roots           clean roots of the builder, one by one and a hundred at once
 *     npm run bench -- --only lisp|lisp-fib --root FOLDER       r7rs-benchmarks beside Chez and Guile (lisp/rows.ts)
 *     npm run bench -- --only lisp-shell      AstraLisp's shell and utilities in the machine (lisp/shell-rows.ts)
 *     npm run bench -- --only lisp-system     AstraLisp's start, compiler, prompt, recursion, pauses and forks
 *     npm run bench -- --only tab             Debian in a tab of headless Chromium, and its windows
 *     npm run bench -- [--only GROUP|ROW] [--rounds N] [--image NAME] [--root DIR] [--page]
 *     npm run bench -- --beside TREE [--rounds N]   the rows beside those of another checkout of Stratos, built there
 *
 * `--only pkg` measures resolving beside apt, `--only outputs` images beside ostree, umoci, mke2fs and qemu-img,
 * `--only fuse`, `--only durable` and `--only small` (or one row of them, as `fuse-stat`; fuse/rows.ts) a mounted
 * volume beside bindfs, a C server, ext4 and btrfs, with images on a tmpfs or, with `--backing disk`, on the disk; they
 * need no image. `--image` and `--root` take an image of Stratos and a folder with the same files, instead of building
 * them.
 */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stratosHome } from "@stratos/host-node";
import { findMirror } from "@stratos/tools-node/packages";
import { QemuPeer, StratosPeer, type Peer, type Run, type RunStats } from "./peers.ts";
import { BENCH_IMAGE, BENCH_PACKAGES, compileNative, compilePrograms, ensureImage, exportRoot } from "./prepare.ts";
import {
  groupResults,
  markdown,
  rowHead,
  rowLine,
  RUNS,
  type RowResult,
  type RunFigures,
  type SpecialResult,
} from "./report.ts";
import { GROUPS, ROWS, type Row } from "./rows.ts";
import { geometricMean, median } from "./statistics.ts";
import { measureScale, scaleLine, type ScaleRow } from "./aegisfs/scale.ts";
import { plotScale } from "./aegisfs/scale-plot.ts";
import { contentLine, measureContent } from "./aegisfs/content.ts";
import { measureMemory, memoryLine } from "./aegisfs/memory.ts";
import { measureSnapshots, snapshotLine, type SnapshotRow } from "./aegisfs/snapshots.ts";
import { inProcessLine, measureInProcess, type InProcessRow } from "./aegisfs/in-process.ts";
import { chosenMountRows, measureMounts, storeMountResult } from "./fuse/mounts.ts";
import { Workbench, type Backing } from "./fuse/systems.ts";
import { boardLine, measureBoard } from "./board.ts";
import { measureEmbed } from "./embed.ts";
import { forkLines, measureForks } from "./fork.ts";
import { measureCompose, measureEachChange } from "./compose-rows.ts";
import { measureRoots } from "./builder-roots.ts";
import { measureHub } from "./hub/rows.ts";
import { measureImageBuild } from "./image-build.ts";
import { measureLisp } from "./lisp/rows.ts";
import { measureLispShell } from "./lisp/shell-rows.ts";
import { measureLispSystem } from "./lisp/system-rows.ts";
import { measureTab } from "./tab/rows.ts";
import { measureOutputs } from "./output-rows.ts";
import { measurePackages } from "./package-rows.ts";
import { measureIdleMemory, measureSyscalls, measureWholeCommand } from "./special-rows.ts";
import { refuseUnknown } from "../tests/support/known-names.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
    image: { type: "string", default: BENCH_IMAGE },
    root: { type: "string" },
    page: { type: "boolean", default: false },
    backing: { type: "string", default: "tmpfs" },
    "memfs-ll": { type: "string" },
    files: { type: "string" },
    beside: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  const [, head] = /^\/\*\*\n(.*?)\n \*\/$/ms.exec(readFileSync(fileURLToPath(import.meta.url), "utf8"))!;
  print(head!.replace(/^ \* ?/gm, ""));
  process.exit();
}
/** What `--only` means besides the rows; all but the first have ended before those begin. */
const OTHER_GROUPS =
  "special aegisfs aegisfs-memory aegisfs-scale aegisfs-snapshots board compose compose-each durable embed fork fuse " +
  "hub lisp lisp-shell lisp-system outputs pkg roots small tab tab-composing tab-processor tab-prompt " +
  "tab-reload tab-windows";
const rounds = Number(options.rounds);
const only = options.only;
const launcher = launcherOf(root);
if (only === "pkg") {
  for (const result of measurePackages(rounds)) printSpecial(result);
  process.exit();
}
const mountRows = chosenMountRows(only ?? "");
if (mountRows.length > 0) {
  measureMounts(
    mountRows,
    rounds,
    {
      launcher,
      backing: chosenBacking(),
      memfsLl: options["memfs-ll"] ?? null,
    },
    (result) => storeMountResult(root, result),
    print,
  );
  process.exit();
}
if (only === "outputs") {
  for (const result of measureOutputs(launcher, join(stratosHome(), "bench"), options.root ?? null, rounds))
    printSpecial(result);
  process.exit();
}
if (only === "lisp-shell") {
  const scripts = join(root, "bench/lisp");
  measureLispShell(launcher, { cache: join(stratosHome(), "bench"), scripts }, print);
  process.exit();
}
if (only === "lisp-system") {
  const own = (name: string): string[] => [process.execPath, join(root, "bench/lisp", name)];
  const main = join(root, "dist/main.cjs");
  measureLispSystem({ main, launcher, runner: own("run-once.ts"), prompt: own("prompt-once.ts") }, rounds, print);
  process.exit();
}
if (only === "lisp" || only?.startsWith("lisp-") === true) {
  const runner = [process.execPath, join(root, "bench/lisp/run-once.ts")];
  measureLisp(options.root ?? ".", { rounds, only: only === "lisp" ? null : only.slice(5), runner }, print);
  process.exit();
}
const isChosen = (row: Row): boolean => only === undefined || row.group === only || row.name.startsWith(only);
const cache = join(stratosHome(), "bench");
const programs = join(cache, "programs");

if (only === "compose") {
  measureCompose(launcher, cache, rounds, printSpecial);
  process.exit();
}
if (only === "hub") {
  for await (const line of measureHub(cache)) print(line);
  process.exit();
}
if (only === "roots") {
  await measureRoots(launcher, print);
  process.exit();
}
if (only === "tab" || only?.startsWith("tab-") === true) {
  await measureTab(launcher, only, rounds, print);
  process.exit();
}
if (only === "compose-each") {
  measureEachChange(launcher, cache, print);
  process.exit();
}
if (only === "aegisfs-scale") {
  const rows: ScaleRow[] = [];
  for (const row of measureScale({ entriesMax: 10 ** 6, extentsMax: 10 ** 7, filesMax: 10 ** 6 })) {
    rows.push(row);
    print(scaleLine(row));
  }
  writeFileSync(join(root, "bench/results/aegisfs-scale.json"), `${JSON.stringify(rows, null, 1)}\n`);
  writeFileSync(join(root, "docs/aegisfs-scale.svg"), plotScale(rows));
  process.exit(0);
}
if (only === "aegisfs-snapshots") {
  const rows: SnapshotRow[] = [];
  const bench = new Workbench({ launcher, backing: chosenBacking(), memfsLl: null });
  try {
    for (const row of measureSnapshots([100, 10 ** 4, 10 ** 6], bench)) {
      rows.push(row);
      print(snapshotLine(row));
    }
  } finally {
    bench.close();
  }
  mkdirSync(join(root, "bench/results"), { recursive: true });
  writeFileSync(
    join(root, `bench/results/aegisfs-snapshots-${options.backing}.json`),
    JSON.stringify(rows, null, 1) + "\n",
  );
  process.exit(0);
}
if (only === "aegisfs-memory") {
  const bench = new Workbench({ launcher, backing: chosenBacking(), memfsLl: null });
  try {
    for (const row of measureMemory(options.files === undefined ? 10 ** 6 : Number(options.files), bench))
      print(memoryLine(row));
  } finally {
    bench.close();
  }
  process.exit(0);
}
if (only === "board") {
  ensureImage(launcher, options.image, BENCH_PACKAGES);
  for (const row of measureBoard(Math.max(rounds, 5), options.image)) print(boardLine(row));
  process.exit(0);
}
if (only === "embed") {
  ensureImage(launcher, options.image, BENCH_PACKAGES);
  for (const line of forkLines(measureForks(rounds, options.image))) print(line);
  for (const line of measureEmbed(launcher, cache, rounds, options.image)) print(line);
  process.exit(0);
}
if (only === "fork") {
  ensureImage(launcher, options.image, BENCH_PACKAGES);
  for (const line of forkLines(measureForks(Math.max(rounds, 5), options.image))) print(line);
  process.exit(0);
}
if (only === "aegisfs") {
  printInProcess(measureInProcess(Math.max(rounds, 7)));
  for (const row of measureContent(Math.max(rounds, 5))) print(contentLine(row));
  process.exit(0);
}
refuseUnknown(
  only === undefined ? [] : [only],
  [...GROUPS.map(({ name }) => name), ...OTHER_GROUPS.split(" "), ...ROWS.map(({ name }) => name)],
  (name, text) => name === text || ROWS.some(isChosen),
);
compilePrograms(join(root, "bench/programs"), programs);
if (options.image === BENCH_IMAGE) ensureImage(launcher, options.image, BENCH_PACKAGES);
const folders = { programs, work: join(cache, "work") };
mkdirSync(folders.work, { recursive: true });
const ours = new StratosPeer({ launcher, image: options.image, folders });
if (options.beside !== undefined) {
  printBeside(new StratosPeer({ launcher: launcherOf(options.beside), image: options.image, folders }));
  process.exit(0);
}
const qemu = peerOrNull(
  () =>
    new QemuPeer({
      root: options.root ?? exportRoot(launcher, options.image, join(cache, `root-${options.image}`)),
      folders,
    }),
);

print(rowHead());
const results: RowResult[] = [];
for (const group of GROUPS) {
  const rows = ROWS.filter((row) => row.group === group.name && isChosen(row));
  if (rows.length > 0) print(group.title);
  for (const row of rows) {
    const result = measureRow(row, qemu);
    results.push(result);
    print(rowLine(result));
  }
}
for (const { group, run, bar, mean, worst, reached } of groupResults(results)) {
  print(
    `${group.title}, ${run} run: ${mean === null ? "-" : `${mean.toFixed(2)} ×`}, worst ` +
      `${worst === null ? "-" : `${worst.toFixed(2)} ×`} (floor ${bar.floor}, goal ${bar.goal}): ${reached}`,
  );
}
const special: SpecialResult[] = [];
if (only === undefined || only === "special") {
  special.push(
    ...measureSyscalls(
      ours,
      qemu,
      compileNative(join(root, "bench/programs/syscalls.c"), join(cache, "syscalls-native")),
    ),
  );
  special.push(
    measureWholeCommand(launcher, options.image, 5),
    ...(await measureIdleMemory(launcher, options.image)),
    measureImageBuild(launcher, cache, findMirror().uri, rounds),
  );
  if (only === undefined) special.push(...measurePackages(rounds));
  for (const result of special) printSpecial(result);
}

const about =
  `Measured with \`npm run bench\` (${rounds} rounds by turns, medians) on ${cpus().length} × ` +
  `${cpus()[0]?.model ?? "?"}, Node ${process.versions.node}, qemu-user ${qemuVersion()}. Ratio: qemu-user's time ` +
  "÷ ours; above 1 we are faster. A first run finds no translations of earlier ones (`--no-cache`), a later one " +
  "those of one or more.";
mkdirSync(join(root, "bench/results"), { recursive: true });
writeFileSync(join(root, "bench/results/latest.json"), `${JSON.stringify({ about, results, special }, null, 2)}\n`);
if (options.page) {
  const page = join(root, "docs/benchmarks.md");
  const text = readFileSync(page, "utf8");
  const [before, , after] = text.split(/^<!-- (?:begin|end) of figures -->$/m);
  writeFileSync(
    page,
    `${before}<!-- begin of figures -->\n${markdown(results, special, about)}<!-- end of figures -->${after}`,
  );
}

function chosenBacking(): Backing {
  const { backing } = options;
  if (backing !== "tmpfs" && backing !== "disk") throw new Error("--backing takes tmpfs or disk");
  return backing;
}

function printSpecial({ name, ours: own, peer, peerName, unit, failure }: SpecialResult): void {
  const figure = (value: number | null): string =>
    value === null ? "-" : value.toFixed(value < 10 ? 3 : 1) + ` ${unit}`;
  print(
    `  ${name}: ${failure ?? figure(own)}; ${peerName} ${figure(peer)}` +
      (own === null || peer === null ? "" : `; ${(own / peer).toFixed(3)} ×`),
  );
}

/** Each row's ratios (above 1: this tree is faster), and their geometric means, for first and later runs. */
function printBeside(other: Peer): void {
  for (const run of RUNS) {
    print(`${run} run`);
    const ratios: number[] = [];
    for (const row of ROWS.filter(isChosen)) {
      if (run === "later") for (const peer of [ours, other]) peer.train(row);
      const [own, others]: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        own.push(...ours.measure(row, run).ns);
        others.push(...other.measure(row, run).ns);
      }
      const ratio = median(others) / median(own);
      ratios.push(ratio);
      print(`  ${row.name.padEnd(24)} ${ratio.toFixed(3)} ×`);
    }
    print(`geometric mean ${geometricMean(ratios).toFixed(3)}, worst ${Math.min(...ratios).toFixed(3)}`);
  }
}

/** By turns: a first run, a later one, the peer's. A row whose run fails has no figure; the others go on. */
function measureRow(row: Row, peer: Peer | null): RowResult {
  const figures: Record<Run, { ns: number[]; stats: RunStats | null }> = {
    first: { ns: [], stats: null },
    later: { ns: [], stats: null },
  };
  const own: Record<Run, RunFigures> = figures;
  const peerNs: number[] = [];
  try {
    if (peer === null) throw new Error("no qemu-user to compare with");
    ours.train(row);
    for (let round = 0; round < rounds; round++) {
      for (const run of RUNS) {
        const { ns, stats } = ours.measure(row, run);
        figures[run].ns.push(...ns);
        figures[run].stats = stats;
      }
      peerNs.push(...peer.measure(row, "later").ns);
    }
    return { row, ours: own, peerNs, failure: null };
  } catch (error) {
    return { row, ours: own, peerNs, failure: (error as Error).message };
  }
}

function printInProcess(rows: readonly InProcessRow[]): void {
  print(`  ${"row".padEnd(28)} ${"aegisfs/s".padStart(12)} ${"memfs/s".padStart(12)} ${"ratio".padStart(9)}`);
  for (const row of rows) print(inProcessLine(row));
  mkdirSync(join(root, "bench/results"), { recursive: true });
  writeFileSync(join(root, "bench/results/aegisfs.json"), `${JSON.stringify(rows, null, 2)}\n`);
}

function peerOrNull(make: () => Peer): Peer | null {
  try {
    return make();
  } catch (error) {
    print(`qemu-user: ${(error as Error).message}`);
    return null;
  }
}

function qemuVersion(): string {
  const result = spawnSync("qemu-riscv64-static", ["--version"], { encoding: "utf8" });
  return /version ([\d.]+)/.exec(result.stdout ?? "")?.[1] ?? "of unknown version";
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** As a user of the tree calls it; an older tree has no launcher in sh. */
function launcherOf(tree: string): string[] {
  const launcher = join(tree, "stratos");
  return existsSync(launcher) ? [launcher] : [process.execPath, join(tree, "stratos.mjs")];
}
