/**
 * `npm test`: everything that must hold before a change is merged, in the order in which failures are cheapest to read:
 * types, tidiness, unit tests of all packages, whole-system tests. The last line is `N passed, N failed`.
 *
 *     node tools/test.mjs [--only types|tidy|unit|system] [--filter TEXT]
 *
 * Plain JavaScript for Node 20: it brings the rest of what it needs.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { globSync } from "./glob.mjs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { installDependencies } from "./launch/install.mjs";
import { LaunchError } from "./launch/launch-error.mjs";
import { nodeBinary } from "./launch/node-binary.mjs";
import { installSystemPackages } from "./system-packages.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const options = parseArguments(process.argv.slice(2));
let passed = 0;
let failed = 0;
const failures = [];

try {
  installDependencies(root);
  await main(nodeBinary(root));
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  count(false, error.message);
}
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

async function main(node) {
  if (wants("types")) {
    for (const project of ["tsconfig.core.json", "tsconfig.json", "tsconfig.examples.json"])
      await step(`types: ${project}`, node, ["node_modules/typescript/bin/tsc", "-p", project]);
  }
  if (wants("tidy")) {
    await step("tidy", node, ["tools/tidy.ts"]);
    await step("format", node, ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."]);
  }
  // Unit tests of the processor have qemu-user as their judge, too.
  if (wants("unit") || wants("system")) await installSystemPackages();
  if (wants("unit")) await testFiles("unit", node, globSync(root, ["packages", "tools", "bench"], ".test.ts"));
  if (wants("system")) {
    // The bundle is what users run; it also starts several times faster than the sources.
    await step("bundle", node, ["tools/bundle.ts"]);
    await testFiles("system", node, globSync(root, ["tests"], ".test.ts").filter(canRunHere));
  }
}

/** Volumes are mounted through the host's kernel; where it has no FUSE the tests of mounts are named, not passed. */
function canRunHere(file) {
  if (!/\/fuse[^/]*\.test\.ts$/.test(file) || existsSync("/dev/fuse")) return true;
  console.log(`SKIPPED system: ${file}: this host has no /dev/fuse`);
  return false;
}

function wants(name) {
  return options.only === null || options.only === name;
}

/** Runs a check that passes or fails as a whole. */
async function step(name, command, args) {
  const started = Date.now();
  const status = await run(command, args);
  count(status === 0, name);
  console.log(`${status === 0 ? "ok" : "FAILED"} ${name} (${seconds(started)})`);
}

/** Runs test files on Node 24 through `tools/run-tests.ts`, which reports each test on a channel of its own. */
async function testFiles(kind, node, files) {
  const chosen = options.filter === null ? files : files.filter((file) => file.includes(options.filter));
  if (chosen.length === 0) {
    if (options.filter === null) count(false, `${kind}: no test files`);
    return;
  }
  const started = Date.now();
  const before = passed + failed;
  // Whole-system runs each take a core and some hundred megabytes; unit tests share two.
  const status = await run(
    node,
    ["--disable-warning=ExperimentalWarning", "tools/run-tests.ts", kind === "unit" ? "2" : "1", ...chosen],
    (message) => {
      if (message.skipped) console.log(`SKIPPED ${kind}: ${message.file}: ${message.name}`);
      else if (message.passed) count(true, "");
      else count(false, `${kind}: ${message.file}: ${message.name}`);
    },
  );
  if (status !== 0 && failed === 0) count(false, `${kind}: the runner ended with status ${status}`);
  console.log(`${kind}: ${passed + failed - before} tests of ${chosen.length} files (${seconds(started)})`);
}

function run(command, args, onMessage) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
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

function seconds(started) {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}

function parseArguments(args) {
  const result = { only: null, filter: null };
  for (let index = 0; index < args.length; index += 2) {
    const name = args[index]?.replace(/^--/, "");
    if (!(name in result) || args[index + 1] === undefined) {
      console.error("usage: npm test -- [--only types|tidy|unit|system] [--filter TEXT]");
      process.exit(2);
    }
    result[name] = args[index + 1];
  }
  return result;
}
