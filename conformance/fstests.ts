/**
 * Tests of Linux's file system developers (fstests, once xfstests) on mounted AegisFS volumes:
 *
 *     npm run conformance:fstests -- --dir FOLDER [--only PATTERN] [--group NAME] [--size SIZE] [--record]
 *
 * FOLDER is a clone of fstests in which `make` was run (its README says what that takes); nothing of it is in this
 * repository. As root, with /dev/fuse: two volumes are made, and `/sbin/mount.fuse.aegisfs` leads here for as long as
 * the run takes. fstests knows FUSE as a file system that makes and checks nothing by itself; the volumes are checked
 * by `stratos fs check` at the end. The last line is `N passed, N failed`: what FAILING names is expected to fail.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { launcher, repository } from "../tests/support/stratos.ts";
import { recordAllTallies } from "./results.ts";

const HELPER = "/sbin/mount.fuse.aegisfs";
/** What differs, and why. */
const FAILING: Readonly<Record<string, string>> = {
  "generic/003": "reads that the kernel answers from its cache move no access time (`strictatime` in mount --help)",
  "generic/394": "where the run itself may not raise its limits: the test begins by raising that of file sizes",
  "generic/424": "statx(2) shows none of a FUSE server's attributes: STATX_ATTR_COMPRESSED is not to be had",
  "generic/451":
    "after an asynchronous direct write Linux's FUSE drops no cached pages: a buffered read may see old ones",
  "generic/732": "a volume is mounted once: two servers of one volume would not see each other's changes",
};
const ABOUT = {
  title: "fstests on mounted volumes",
  command: "npm run conformance:fstests -- --dir FOLDER --record",
  verdicts: ["passed", "not run", "failed"],
  words: {
    group: "group",
    counted: "tests",
    hasSum: false,
    isSeeded: false,
    meaning:
      `On Linux, through FUSE. \`not run\`: the test itself says what it lacks (most: reflinks through FUSE, fiemap, ` +
      `quotas of the kernel, a file system that fstests can make). Expected to fail: ${describe(FAILING)}.`,
  },
};

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    only: { type: "string" },
    group: { type: "string", default: "quick" },
    size: { type: "string", default: "2G" },
    record: { type: "boolean" },
  },
});
if (values.dir === undefined) usage("--dir FOLDER is missing");
const folder = resolve(values.dir);
if (!existsSync(join(folder, "ltp/fsstress"))) usage(`${folder}: not fstests, or \`make\` was not run there`);
if (process.getuid?.() !== 0 || !existsSync("/dev/fuse")) usage("wants to be root, and /dev/fuse");
const only = values.only === undefined ? null : new RegExp(values.only);
const names = readdirSync(join(folder, "tests/generic"))
  .filter((name) => /^\d+$/.test(name) && isInGroup(name, values.group))
  .map((name) => `generic/${name}`)
  .filter((name) => only === null || only.test(name));
if (names.length === 0) usage("no test is left to run");

const place = mkdtempSync(join(tmpdir(), "stratos-fstests-"));
const counts = { passed: 0, "not run": 0, failed: 0 };
const wrong: string[] = [];
try {
  prepare();
  await run();
  checkVolumes();
} finally {
  rmSync(HELPER, { force: true });
  for (const name of ["test", "scratch"]) unmount(join(place, name));
  rmSync(place, { recursive: true, force: true });
}
if (values.record === true) recordAllTallies("fstests", ABOUT, [{ name: "generic", group: values.group, counts }]);
for (const name of wrong) console.log(`FAILED ${name}`);
console.log(`${counts.passed} passed, ${wrong.length} failed`);
process.exit(wrong.length === 0 ? 0 : 1);

function usage(problem: string): never {
  console.error(
    `conformance:fstests: ${problem}\nusage: npm run conformance:fstests -- --dir FOLDER [--only PATTERN] ` +
      "[--group NAME] [--size SIZE] [--record]",
  );
  process.exit(2);
}

function describe(reasons: Readonly<Record<string, string>>): string {
  return Object.entries(reasons)
    .map(([name, why]) => `${name}, ${why}`)
    .join("; ");
}

function isInGroup(name: string, group: string): boolean {
  const line = /^_begin_fstest (.*)$/m.exec(readFileSync(join(folder, "tests/generic", name), "utf8"));
  return line !== null && line[1]!.split(" ").includes(group);
}

function stratos(...args: string[]): string {
  const [node, ...rest] = launcher;
  return execFileSync(node!, [...rest, ...args], { encoding: "utf8", env: { ...process.env, STRATOS_HOME: home() } });
}

function home(): string {
  return join(place, "home");
}

function volume(name: string): string {
  return join(place, `${name}.aegisfs`);
}

/** Volumes, mount points, and what fstests calls by name. */
function prepare(): void {
  if (existsSync(HELPER)) throw new Error(`${HELPER} is there already`);
  for (const name of ["test", "scratch"]) {
    mkdirSync(join(place, name));
    stratos("fs", "format", "--size", values.size, volume(name));
  }
  symlinkSync(join(repository, "stratos"), HELPER);
  // fstests wants df(1) to say `fuse`, which it does for servers that tell no name of their own.
  mkdirSync(join(place, "bin"));
  const df = join(place, "bin/df");
  writeFileSync(df, "#!/bin/sh\n/bin/df \"$@\" | sed -e 's/fuse\\.aegisfs/fuse/' -e 's/fuseblk\\.aegisfs/fuse/'\n");
  chmodSync(df, 0o755);
}

async function run(): Promise<void> {
  const environment = {
    TEST_DEV: volume("test"),
    TEST_DIR: join(place, "test"),
    SCRATCH_DEV: volume("scratch"),
    SCRATCH_MNT: join(place, "scratch"),
    FSTYP: "fuse",
    FUSE_SUBTYP: ".aegisfs",
    HOST_OPTIONS: join(place, "none"),
    RESULT_BASE: join(place, "results"),
    STRATOS_HOME: home(),
    PATH: `${join(place, "bin")}:${process.env.PATH}`,
  };
  writeFileSync(environment.HOST_OPTIONS, "");
  const check = spawn("./check", names, {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const finished = new Promise((done) => check.on("close", done));
  for await (const line of createInterface({ input: check.stdout })) read(line);
  await finished;
  const told = counts.passed + counts["not run"] + counts.failed;
  if (told < names.length) wrong.push(`${names.length - told} tests said nothing`);
}

/** `generic/001  3s ...  2s`, `generic/009  [not run] why`, `generic/003  - output mismatch (see …)`. */
function read(line: string): void {
  console.log(line);
  const [, name, said = ""] = /^(generic\/\d+)\s+(.*)$/.exec(line) ?? [];
  if (name === undefined) return;
  if (said.includes("[not run]") || said.includes("[expunged]")) counts["not run"]++;
  else if (/^(\d+s \.\.\. )?\s*\d+s$/.test(said)) counts.passed++;
  else {
    counts.failed++;
    if (FAILING[name] === undefined) wrong.push(name);
  }
}

function checkVolumes(): void {
  for (const name of ["test", "scratch"]) {
    unmount(join(place, name));
    const said = stratos("fs", "check", volume(name));
    if (!said.includes(": clean")) wrong.push(`the volume ${name} is not whole: ${said.trim()}`);
  }
}

function unmount(mountPoint: string): void {
  try {
    execFileSync("umount", [mountPoint], { stdio: "ignore" });
  } catch {
    // It was not mounted.
  }
}
