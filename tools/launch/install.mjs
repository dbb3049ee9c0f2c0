/**
 * Brings `node_modules` in line with `package-lock.json`, by `npm ci`, only when they differ.
 *
 * Two starts at once must not both install: a lock folder beside `node_modules` admits one, the other waits for it.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LaunchError } from "./launch-error.mjs";

const STAMP = "node_modules/.stratos-installed";
const LOCK = ".install-lock";
const LOCK_WAIT_MS = 10 * 60_000;
const NPM_MS = 20 * 60_000;

/** @param {string} root  the clone */
export function installDependencies(root) {
  if (isInstalled(root)) return;
  const release = takeLock(root);
  try {
    if (!isInstalled(root)) runNpm(root);
  } finally {
    release();
  }
}

/** True when what is installed is what the lock file asks for. */
function isInstalled(root) {
  const lockText = readFileSync(join(root, "package-lock.json"));
  const digest = createHash("sha256").update(lockText).digest("hex");
  const stamp = join(root, STAMP);
  try {
    if (readFileSync(stamp, "utf8") === digest) return true;
  } catch {
    // No stamp: npm was run by hand, or never.
  }
  if (!lockIsSatisfied(root, JSON.parse(lockText.toString("utf8")))) return false;
  try {
    writeFileSync(stamp, digest);
  } catch {
    // A clone that belongs to someone else: the slower comparison stands in for the stamp.
  }
  return true;
}

/**
 * npm records what it installed in a lock file of its own; optional packages of other platforms are rightly absent from
 * it.
 */
function lockIsSatisfied(root, wanted) {
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(root, "node_modules/.package-lock.json"), "utf8"));
  } catch {
    return false;
  }
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (!path.includes("node_modules/")) continue;
    const present = installed.packages[path];
    if (present === undefined) {
      if (entry.optional !== true || suitsThisMachine(entry)) return false;
    } else if (present.version !== entry.version || (entry.link === true) !== (present.link === true)) return false;
  }
  return true;
}

function suitsThisMachine(entry) {
  return (
    (entry.os === undefined || entry.os.includes(process.platform)) &&
    (entry.cpu === undefined || entry.cpu.includes(process.arch)) &&
    entry.libc === undefined
  );
}

function runNpm(root) {
  const progress = process.stderr.isTTY ? "Installing dependencies (once) …" : "";
  if (progress !== "") process.stderr.write(progress);
  // npm start puts its own settings (loglevel=silent) into the environment: ask for errors here.
  const result = spawnSync("npm", ["ci", "--include=optional", "--include=dev", "--loglevel=error", "--no-progress"], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: NPM_MS,
    killSignal: "SIGKILL",
  });
  if (progress !== "") process.stderr.write("\r\u001b[K");
  if (result.error !== undefined) {
    const why =
      result.error.code === "ETIMEDOUT"
        ? `\`npm ci\` in ${root} has not ended within ${NPM_MS / 60_000} minutes`
        : result.error.code === "ENOENT"
          ? "npm is not installed (on Debian: apt-get install npm, or Node 20 or later from its own packages, which " +
            "carries npm)"
          : result.error.message;
    throw new LaunchError(`cannot install the dependencies: ${why}`);
  }
  if (result.status !== 0) {
    const detail = (result.stderr || result.stdout).trim().split("\n").slice(0, 12).join("\n  ");
    throw new LaunchError(
      `cannot install the dependencies: \`npm ci\` in ${root} ended with status ${result.status ?? result.signal}` +
        `\n  ${detail}`,
    );
  }
  if (!isInstalled(root))
    throw new LaunchError(
      `cannot install the dependencies: \`npm ci\` succeeded, but node_modules still differs from package-lock.json`,
    );
}

/** @returns {() => void} releases the lock */
function takeLock(root) {
  const path = join(root, LOCK);
  const owner = join(path, "pid");
  const deadline = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      mkdirSync(path);
      writeFileSync(owner, String(process.pid));
      return () => rmSync(path, { recursive: true, force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw new LaunchError(`cannot install the dependencies: ${root}: ${error.message}`);
    }
    if (!ownerLives(owner)) rmSync(path, { recursive: true, force: true });
    else if (Date.now() > deadline)
      throw new LaunchError(`cannot install the dependencies: another start has held ${path} for ten minutes`);
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

function ownerLives(owner) {
  if (!existsSync(owner)) {
    // Between mkdir and writing the pid: give its owner a moment.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    if (!existsSync(owner)) return false;
  }
  try {
    process.kill(Number(readFileSync(owner, "utf8")), 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
