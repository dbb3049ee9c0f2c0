/**
 * `npm test`: everything that must hold before a change is merged, in the order in which failures are cheapest to read:
 * types, tidiness, unit tests of all packages, whole-system tests. The last line is `N passed, N failed`; while it
 * works, at least each ten seconds a line tells at what.
 *
 *     node tools/test.mjs [--only types|tidy|unit|system|changed] [--filter TEXT] [--changed] [--base COMMIT]
 *
 * With --changed the tests that a change since COMMIT can touch go first, the nearest to it before the others; with
 * --only changed the rest is left out. tools/test/changed.ts tells what COMMIT is otherwise.
 *
 * Plain JavaScript for Node 20: it brings the rest of what it needs.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { globSync } from "./glob.mjs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installDependencies } from "./launch/install.mjs";
import { LaunchError } from "./launch/launch-error.mjs";
import { nodeBinary } from "./launch/node-binary.mjs";
import { installSystemPackages } from "./system-packages.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** What makes the next run quicker; nothing depends on it. */
const cache = join(root, "node_modules/.cache/stratos-test");
const PROGRESS_MS = 10_000;
/** Whole-system tests each take a core and some hundred megabytes. */
const LANES = Math.min(2, availableParallelism());
const SLOW_FILES = 10;
const options = parseArguments(process.argv.slice(2));
let passed = 0;
let failed = 0;
let isBundled = false;
const failures = [];
/** Milliseconds by test file: of this run, and of the last one that had it. */
const elapsed = new Map();
const known = readElapsed();

try {
  installDependencies(root);
  await main(nodeBinary(root));
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  count(false, error.message);
}
tellSlowest();
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

async function main(node) {
  const touched = options.changed || options.only === "changed" ? await changes(node) : [];
  await Promise.all([
    wants("tidy") && format(node),
    (async () => {
      if (wants("types"))
        for (const project of ["tsconfig.core.json", "tsconfig.json", "tsconfig.examples.json"])
          await step(`types: ${project}`, node, ["node_modules/typescript/bin/tsc", "-p", project]);
      if (wants("tidy")) await step("tidy", node, ["tools/tidy.ts"]);
    })(),
  ]);
  // Unit tests of the processor have qemu-user as their judge, too.
  if (wants("unit") || wants("system")) await installSystemPackages();
  const kinds = {
    unit: wants("unit") ? globSync(root, ["packages", "tools", "bench"], ".test.ts") : [],
    system: wants("system") ? globSync(root, ["tests"], ".test.ts").filter(canRunHere) : [],
  };
  await testFiles(node, kinds, (files) => touched.filter((file) => files.includes(file)));
  if (options.only !== "changed")
    await testFiles(node, kinds, (files) => longestFirst(files.filter((file) => !touched.includes(file))));
}

/** @param choose  which files of a kind, in which order */
async function testFiles(node, kinds, choose) {
  for (const [kind, files] of Object.entries(kinds)) {
    const chosen = choose(files.filter((file) => options.filter === null || file.includes(options.filter)));
    if (chosen.length === 0) continue;
    // The bundle is what users run; it also starts several times faster than the sources.
    if (kind === "system") await bundle(node);
    await runFiles(kind, node, chosen);
  }
}

async function bundle(node) {
  if (isBundled) return;
  await step("database image", node, ["tools/database-image.ts"]);
  await step("bundle", node, ["tools/bundle.ts"]);
  isBundled = true;
}

/** Prettier remembers by content what it has found well formatted. */
async function format(node) {
  const remembered = ["--cache", "--cache-strategy", "content", "--cache-location", join(cache, "format")];
  const check = ["--check", "--log-level", "warn", ...remembered, "."];
  await step("format", node, ["node_modules/prettier/bin/prettier.cjs", ...check]);
}

/** @returns the test files that the change can touch, the nearest first */
async function changes(node) {
  let found = null;
  const args = ["--disable-warning=ExperimentalWarning", "tools/test/changed.ts"];
  await run(node, options.base === null ? args : [...args, options.base], (message) => (found = message));
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

/** So that no long one is left for the end, when the other lane has nothing more to do. */
function longestFirst(files) {
  return files.toSorted((a, b) => (known[b] ?? 0) - (known[a] ?? 0));
}

/** Runs a check that passes or fails as a whole. */
async function step(name, command, args) {
  const started = Date.now();
  const progress = setInterval(() => console.log(`… ${name}, ${seconds(started)}`), PROGRESS_MS);
  const status = await run(command, args);
  clearInterval(progress);
  count(status === 0, name);
  console.log(`${status === 0 ? "ok" : "FAILED"} ${name} (${seconds(started)})`);
}

/** Runs test files on Node 24 through `tools/test/run-files.ts`, which reports each test on a channel of its own. */
async function runFiles(kind, node, files) {
  const started = Date.now();
  const before = passed + failed;
  const args = ["--disable-warning=ExperimentalWarning", "tools/test/run-files.ts", String(LANES), ...files];
  const status = await run(node, args, (message) => {
    if (message.elapsedMs !== undefined) {
      elapsed.set(message.file, message.elapsedMs);
      writeElapsed();
    } else if (message.skipped) console.log(`SKIPPED ${kind}: ${message.file}: ${message.name}`);
    else if (message.passed) count(true, "");
    else count(false, `${kind}: ${message.file}: ${message.name}`);
  });
  if (status !== 0 && failed === 0) count(false, `${kind}: the runner ended with status ${status}`);
  if (passed + failed === before) count(false, `${kind}: ${files.length} files without a test`);
  console.log(`${kind}: ${passed + failed - before} tests of ${files.length} files (${seconds(started)})`);
}

function run(command, args, onMessage) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      // Half of a small test file's time is stripping types from what it imports and compiling it.
      env: { ...process.env, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(cache, "compile") },
      stdio: ["ignore", "inherit", "inherit", ...(onMessage ? ["ipc"] : [])],
    });
    if (onMessage) child.on("message", onMessage);
    child.on("error", (error) => {
      console.log(`${command}: ${error.message}`);
      resolve(125);
    });
    child.on("close", (code, signal) => resolve(code ?? signal));
  });
}

function count(isPass, name) {
  if (isPass) passed++;
  else {
    failed++;
    failures.push(name);
  }
}

function readElapsed() {
  try {
    return JSON.parse(readFileSync(join(cache, "elapsed.json"), "utf8"));
  } catch {
    return {};
  }
}

function writeElapsed() {
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, "elapsed.json"), JSON.stringify({ ...known, ...Object.fromEntries(elapsed) }));
}

function tellSlowest() {
  const slowest = [...elapsed].sort((a, b) => b[1] - a[1]).slice(0, SLOW_FILES);
  if (elapsed.size > SLOW_FILES)
    console.log(`slowest: ${slowest.map(([file, ms]) => `${file} (${(ms / 1000).toFixed(1)} s)`).join(", ")}`);
}

function seconds(started) {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}

function parseArguments(args) {
  const result = { only: null, filter: null, base: null, changed: false };
  for (let index = 0; index < args.length; index++) {
    const name = args[index].replace(/^--/, "");
    if (name === "changed") result.changed = true;
    else if (name in result && args[index + 1] !== undefined) result[name] = args[++index];
    else {
      console.error(
        "usage: npm test -- [--only types|tidy|unit|system|changed] [--filter TEXT] [--changed] [--base COMMIT]",
      );
      process.exit(2);
    }
  }
  return result;
}
