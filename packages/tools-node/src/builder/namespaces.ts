/**
 * Shell scripts in namespaces of their own: as root, or in a user namespace with the user's subordinate ids. When the
 * first process there ends or is killed, by whatever (also with this process), the kernel ends all others and undoes
 * each mount: nothing is left to be undone.
 */
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { nativeObstacle } from "../compose/native-runner.ts";

const HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Rights over what belongs to the ids of layers. */
const OWN_USERS = ["--user", "--map-root-user", "--map-auto"];

interface InsideOptions {
  readonly stdio: StdioOptions;
  readonly hasNetwork?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

/** @param args  of the script, from `$1` on */
export function spawnInside(script: string, args: readonly string[], options: InsideOptions): ChildProcess {
  return spawn(
    "setpriv",
    [
      "--pdeathsig",
      "KILL",
      "--",
      "unshare",
      ...(isRoot() ? [] : OWN_USERS),
      "--mount",
      "--propagation",
      "slave",
      "--pid",
      "--ipc",
      "--uts",
      "--fork",
      "--kill-child=SIGKILL",
      ...(options.hasNetwork === true ? [] : ["--net"]),
      "sh",
      "-c",
      script,
      "sh",
      ...args,
    ],
    { stdio: options.stdio, env: { PATH: HOST_PATH, LC_ALL: "C", ...options.environment }, cwd: "/" },
  );
}

/** For files alone: root needs no namespace for these. */
export function spawnForFiles(script: string, args: readonly string[], stdio: StdioOptions): ChildProcess {
  const shell = ["sh", "-c", script, "sh", ...args];
  const command = isRoot() ? shell : ["unshare", ...OWN_USERS, ...shell];
  return spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], {
    stdio,
    env: { PATH: HOST_PATH, LC_ALL: "C" },
    cwd: "/",
  });
}

/** Why builds cannot be run natively here, or undefined. */
export function buildObstacle(): string | undefined {
  return nativeObstacle();
}

/** The end of what a child writes. */
export function tailOf(child: ChildProcess, lengthMax = 4096): () => string {
  let tail = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-lengthMax);
    });
  return () => tail.trim();
}
