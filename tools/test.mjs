/**
 * `npm test`: everything that must hold before a change is merged: types, tidiness and format, beside them the unit
 * tests of all packages and the whole-system tests. The last line is `N passed, N failed`; while it works, at least
 * each ten seconds a line tells at what.
 *
 *     node tools/test.mjs [--only types|tidy|unit|system|changed] [--filter TEXT] [--changed] [--base COMMIT]
 *         [--keep-costs] [--limit SECONDS] [--extended]
 *
 * With --changed the tests that a change since COMMIT can touch go first, the nearest to it before the others; with
 * --only changed the rest is left out. tools/test/changed.ts tells what COMMIT is otherwise. With --extended those run,
 * too, that are otherwise left out (packages/base/src/testing/extended-test.ts). With --keep-costs what the files took
 * is written down in tools/test/costs.json, for machines that have run none yet: to be done on a machine that does
 * nothing else. A file that has not ended after eight minutes and eight times what it is known to take (or --limit) is
 * taken for one that hangs: what runs of it is shown and ended. What fails or hangs is tried once more.
 *
 * Plain JavaScript for Node 20: it brings the rest of what it needs.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { globSync } from "./glob.mjs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { COMPILER_ENVIRONMENT, compilerArguments } from "./type-compiler.mjs";
import { installDependencies } from "./launch/install.mjs";
import { LaunchError } from "./launch/launch-error.mjs";
import { nodeEnvironment } from "../packages/engine-node/src/node-flags.mjs";
import { nodeBinary } from "./launch/node-binary.mjs";
import { describeProcesses, endMarkedProcesses, markedProcesses } from "./test/marked-processes.mjs";
import { installSystemPackages } from "./system-packages.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** What makes the next run quicker; nothing depends on it. */
const cache = join(root, "node_modules/.cache/stratos-test");
const PROGRESS_MS = 10_000;
/** Whole-system tests each take a core and some hundred megabytes. */
const CORES = Math.min(2, availableParallelism());
const SLOW_FILES = 10;
const SLOW_TESTS = 20;
/** Carried by all that this run starts. */
const MARK = "STRATOS_TEST_RUN";
const mark = String(process.pid);
/** What takes longer hangs: it is shown and ended, so that the run always comes to its last line. */
const STEP_SECONDS = 600;
/** Each file has a limit of its own, so that this one is for a runner that hangs: a slow host takes its time. */
const FILES_SECONDS = 3 * 3600;
/** A check that hangs says nothing about the code; one that hangs again does. */
const ATTEMPTS = 2;
/** Of a test file of which nothing is told: most of the packages' are over before they are loaded. */
const UNKNOWN_COST = { unit: { seconds: 0.3, cpuSeconds: 0.3 }, system: { seconds: 3, cpuSeconds: 2 } };
/** What others are told of: files that take longer. */
const TOLD_COSTS = join(root, "tools/test/costs.json");
const TOLD_SECONDS = 3;
const options = parseArguments(process.argv.slice(2));
let passed = 0;
let failed = 0;
const failures = [];
/** Where it was made: commands of unit tests start from it, too (packages/cli/src/testing/command-line.ts). */
let bundle = "";
/** What test files cost (`Cost` of tools/test/lanes.ts), by path: in this run; before, or on another machine. */
const costs = new Map();
/** Seconds that each test took, by file and name. */
const testSeconds = new Map();
const known = { ...readCosts(TOLD_COSTS), ...readCosts(join(cache, "costs.json")) };

try {
  installDependencies(root);
  await main(nodeBinary(root));
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  count(false, error.message);
}
tellSlowest();
if (options.keepCosts) keepCosts();
endLeftovers();
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

async function main(node) {
  const touched = options.changed || options.only === "changed" ? await changes(node) : [];
  const files = [
    ...(wants("unit") ? globSync(root, ["packages", "tools", "bench"], ".test.ts") : []),
    ...(wants("system") ? globSync(root, ["tests"], ".test.ts").filter(canRunHere) : []),
  ]
    .filter((file) => options.filter === null || file.includes(options.filter))
    .filter((file) => options.only !== "changed" || touched.includes(file));
  await Promise.all([wants("tidy") && format(node), check(node), runTests(node, files, touched)]);
}

async function check(node) {
  if (wants("types"))
    for (const project of ["tsconfig.core.json", "tsconfig.json", "tsconfig.examples.json"])
      await step(`types: ${project}`, node, compilerArguments(project), COMPILER_ENVIRONMENT);
  if (wants("tidy")) await step("tidy", node, ["tools/tidy.ts"]);
}

/** @param touched  of `files`, those that go first */
async function runTests(node, files, touched) {
  if (files.length === 0) return;
  // Unit tests of the processor have qemu-user as their judge, too.
  await Promise.all([installSystemPackages(), buildFor(node, files)]);
  await runFiles(
    node,
    touched.filter((file) => files.includes(file)),
    true,
  );
  await runFiles(
    node,
    files.filter((file) => !touched.includes(file)),
    false,
  );
}

async function buildFor(node, files) {
  if (files.some((file) => file.startsWith("packages/hub/") || kindOf(file) === "system"))
    await step("database image", node, ["tools/database-image.ts"]);
  // The bundle is what users run; it also starts several times faster than the sources.
  if (!files.some((file) => kindOf(file) === "system")) return;
  await step("bundle", node, ["tools/bundle.ts"], COMPILER_ENVIRONMENT);
  bundle = join(root, "dist/main.cjs");
}

async function format(node) {
  await step("format", node, ["node_modules/oxfmt/bin/oxfmt", "--list-different"]);
}

/** @returns the test files that the change can touch, the nearest first */
async function changes(node) {
  let found = null;
  const args = ["--disable-warning=ExperimentalWarning", "tools/test/changed.ts"];
  await run(node, options.base === null ? args : [...args, options.base], STEP_SECONDS, (message) => (found = message));
  if (found === null) throw new LaunchError("--changed: git cannot say what is changed here");
  const { base, changed, touched } = found;
  console.log(`changed since ${base}: ${changed.length} files, which can touch ${touched.length} test files`);
  return touched;
}

/** Volumes are mounted through the host's kernel; where it has no FUSE the tests of mounts are named, not passed. */
function canRunHere(file) {
  if (!/\/fuse[^/]*\.test\.ts$/.test(file) || existsSync("/dev/fuse")) return true;
  console.log(`SKIPPED system: ${file}: this host has no /dev/fuse`);
  return false;
}

function wants(name) {
  return options.only === null || options.only === "changed" || options.only === name;
}

function kindOf(file) {
  return file.startsWith("tests/") ? "system" : "unit";
}

/** Runs a check that passes or fails as a whole. */
async function step(name, command, args, environment = {}) {
  const started = Date.now();
  const progress = setInterval(() => console.log(`… ${name}, ${seconds(started)}`), PROGRESS_MS);
  let status = null;
  for (let attempt = 0; status === null && attempt < ATTEMPTS; attempt++)
    status = await run(command, args, STEP_SECONDS, undefined, environment);
  clearInterval(progress);
  count(status === 0, name);
  console.log(`${status === 0 ? "ok" : "FAILED"} ${name} (${seconds(started)})`);
}

/**
 * Runs test files on Node 24 through `tools/test/run-files.ts`, which reports each test on a channel of its own.
 *
 * @param isOrdered  in the order in which they are given
 */
async function runFiles(node, files, isOrdered) {
  if (files.length === 0) return;
  const started = Date.now();
  const tests = { unit: 0, system: 0 };
  let hasFailed = false;
  const planned = files.map((path) => ({ path, ...(known[path] ?? UNKNOWN_COST[kindOf(path)]) }));
  const plan = JSON.stringify({
    cores: CORES,
    files: planned,
    isOrdered,
    isNested: false,
    isShared: false,
    limitSeconds: options.limit,
  });
  const args = ["--disable-warning=ExperimentalWarning", "tools/test/run-files.ts", plan];
  const status = await run(node, args, FILES_SECONDS, (message) => {
    const kind = kindOf(message.file);
    if (message.cost !== undefined) {
      costs.set(message.file, message.cost);
      writeCosts();
    } else if (message.skipped) console.log(`SKIPPED ${kind}: ${message.file}: ${message.name}`);
    else {
      tests[kind]++;
      hasFailed ||= !message.passed;
      testSeconds.set(`${message.file}: ${message.name}`, message.seconds ?? 0);
      count(message.passed, `${kind}: ${message.file}: ${message.name}`);
    }
  });
  if (status === null) count(false, `the tests do not end within ${FILES_SECONDS} s`);
  else if (status !== 0 && !hasFailed) count(false, `the runner ended with status ${status}`);
  else if (tests.unit + tests.system === 0) count(false, `${files.length} files without a test`);
  const cpu = files.reduce((sum, file) => sum + (costs.get(file)?.cpuSeconds ?? 0), 0);
  console.log(
    `${tests.unit} unit and ${tests.system} system tests of ${files.length} files ` +
      `(${seconds(started)}, ${cpu.toFixed(1)} s of processor time)`,
  );
}

/** @returns {Promise<number | string | null>} exit status, or the signal that ended it; null: it hung and was ended */
function run(command, args, limitSeconds, onMessage, environment = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      // Half of a small test file's time is stripping types from what it imports and compiling it.
      env: {
        ...nodeEnvironment(process.env),
        [MARK]: mark,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(cache, "compile"),
        STRATOS_EXTENDED_TESTS: options.extended ? "1" : "",
        STRATOS_TEST_BUNDLE: bundle,
        ...environment,
      },
      stdio: ["ignore", "inherit", "inherit", ...(onMessage ? ["ipc"] : [])],
    });
    const watch = setTimeout(() => {
      console.log(`HUNG ${args[0]}: not ended within ${limitSeconds} s; these run:`);
      for (const line of describeProcesses(markedProcesses(MARK, mark))) console.log(`  ${line}`);
      // Checks run beside the tests: only what belongs to this one is ended.
      if (onMessage) endMarkedProcesses(MARK, mark);
      child.kill("SIGKILL");
      resolve(null);
    }, limitSeconds * 1000);
    if (onMessage) child.on("message", onMessage);
    child.on("error", (error) => {
      clearTimeout(watch);
      console.log(`${command}: ${error.message}`);
      resolve(125);
    });
    child.on("close", (code, signal) => {
      clearTimeout(watch);
      resolve(code ?? signal);
    });
  });
}

/** They would hold our output open, and whoever reads it would wait for them. */
function endLeftovers() {
  for (const line of describeProcesses(markedProcesses(MARK, mark))) console.log(`left running: ${line}`);
  endMarkedProcesses(MARK, mark);
}

function count(isPass, name) {
  if (isPass) passed++;
  else {
    failed++;
    failures.push(name);
  }
}

function readCosts(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return {};
  }
}

function writeCosts() {
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, "costs.json"), JSON.stringify({ ...known, ...Object.fromEntries(costs) }));
}

/** Files that are not in this run keep what was told of them. */
function keepCosts() {
  const told = Object.entries({ ...readCosts(TOLD_COSTS), ...Object.fromEntries(costs) })
    .filter(
      ([path, { seconds }]) => path.endsWith(".test.ts") && seconds >= TOLD_SECONDS && existsSync(join(root, path)),
    )
    .sort((a, b) => b[1].seconds - a[1].seconds);
  const lines = told.map(
    ([path, { seconds, cpuSeconds }]) => `  "${path}": { "seconds": ${seconds}, "cpuSeconds": ${cpuSeconds} }`,
  );
  writeFileSync(TOLD_COSTS, `{\n${lines.join(",\n")}\n}\n`);
}

function tellSlowest() {
  const slowest = [...costs].sort((a, b) => b[1].seconds - a[1].seconds).slice(0, SLOW_FILES);
  const told = slowest.map(([file, cost]) => `${file} (${cost.seconds} s, ${cost.cpuSeconds} s of processor time)`);
  if (costs.size <= SLOW_FILES) return;
  console.log(`slowest files: ${told.join(", ")}`);
  console.log("slowest tests:");
  const tests = [...testSeconds].sort((a, b) => b[1] - a[1]).slice(0, SLOW_TESTS);
  for (const [name, seconds] of tests) console.log(`  ${seconds.toFixed(1)} s ${name}`);
}

function seconds(started) {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}

function parseArguments(args) {
  const result = {
    only: null,
    filter: null,
    base: null,
    limit: null,
    changed: false,
    keepCosts: false,
    extended: false,
  };
  for (let index = 0; index < args.length; index++) {
    const name = args[index].replace(/^--/, "");
    if (name === "changed") result.changed = true;
    else if (name === "keep-costs") result.keepCosts = true;
    else if (name === "extended") result.extended = true;
    else if (name === "limit" && Number(args[index + 1]) > 0) result.limit = Number(args[++index]);
    else if (name !== "limit" && name in result && args[index + 1] !== undefined) result[name] = args[++index];
    else {
      console.error(
        "usage: npm test -- [--only types|tidy|unit|system|changed] [--filter TEXT] [--changed] [--base COMMIT] " +
          "[--keep-costs] [--limit SECONDS] [--extended]",
      );
      process.exit(2);
    }
  }
  return result;
}
