/**
 * How a command reaches the process that has its volume mounted: a socket beside the volume's lock, which only its owner may use. Lines of JSON: the caller sends a
 * `MountedCall`, later perhaps an interrupt; the answer is what the command prints, then its exit status.
 */
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, realpathSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { basename, dirname } from "node:path";
import { createInterface } from "node:readline";
import { mountControlPath } from "@stratos/host-node";
import { AEGISFS_TYPE, readMountTable, type FuseMount, type MountedCall } from "@stratos/host-node/fuse";
import { CommandError } from "../command-error.ts";

interface Interrupt { readonly interrupt: true }
type Answer = { readonly stdout: string } | { readonly stderr: string } | { readonly status: number | null };

/** sockaddr_un(7) has room for 107 bytes; a descriptor of the folder makes any path short. */
const SOCKET_PATH_MAX = 100;

function withSocketPath<T>(path: string, use: (short: string) => T): T {
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX) return use(path);
  const folder = openSync(dirname(path), "r");
  try {
    return use(`/proc/self/fd/${folder}/${basename(path)}`);
  } finally {
    closeSync(folder);
  }
}

/** The serving side. */
export class MountControl {
  readonly #server: Server;
  readonly #path: string;

  /** @param onDone  told of each command that has ended */
  constructor(volume: string, mount: FuseMount, onDone: (args: readonly string[], status: number) => void) {
    this.#path = mountControlPath(volume);
    this.#server = createServer((socket) => void answer(socket, mount, onDone));
    // Where no socket can be made, the mount does without.
    this.#server.on("error", () => {});
    this.#server.unref();
    removeFile(this.#path);
    const umask = process.umask(0o077);
    try {
      withSocketPath(this.#path, (path) => this.#server.listen(path));
    } finally {
      process.umask(umask);
    }
  }

  close(): void {
    this.#server.close();
    removeFile(this.#path);
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was not there.
  }
}

async function answer(socket: Socket, mount: FuseMount, onDone: (args: readonly string[], status: number) => void): Promise<void> {
  let isRunning = false;
  const say = (message: Answer): void => void (socket.writable && socket.write(`${JSON.stringify(message)}\n`));
  socket.on("error", () => {});
  socket.on("close", () => void (isRunning && mount.interrupt()));
  for await (const line of createInterface({ input: socket })) {
    const message = parse(line);
    if (message === null) break;
    if ("interrupt" in message) {
      if (isRunning) mount.interrupt();
      continue;
    }
    if (isRunning) break;
    isRunning = true;
    mount.run(message, (stream, text) => say(stream === "stdout" ? { stdout: text } : { stderr: text })).then((status) => {
      isRunning = false;
      if (status !== null) onDone(message.args, status);
      say({ status });
      socket.end();
    }, () => socket.destroy());
  }
}

function parse(line: string): MountedCall | Interrupt | null {
  try {
    const message = JSON.parse(line) as Partial<MountedCall & Interrupt>;
    if (message.interrupt === true) return { interrupt: true };
    const { args, cwd, isTerminal, columns } = message;
    if (!Array.isArray(args) || !args.every((arg) => typeof arg === "string") || typeof cwd !== "string") return null;
    return { args, cwd, isTerminal: isTerminal === true, columns: typeof columns === "number" ? columns : 80 };
  } catch {
    return null;
  }
}

/**
 * Has the process that serves `volume` run a command line.
 *
 * @returns its exit status; null when nobody does, or it is no command for a mounted volume
 */
export async function runWhereMounted(volume: string, args: readonly string[]): Promise<number | null> {
  const source = realpathSync(volume);
  if (!existsSync(mountControlPath(source))) return null;
  // The kernel may still keep what programs have written: that belongs to a snapshot taken now.
  const mount = readMountTable().findLast((entry) => entry.type === AEGISFS_TYPE && entry.source === source);
  if (mount !== undefined) spawnSync("sync", ["-f", "--", mount.mountPoint], { stdio: "ignore", timeout: SYNC_MS });
  const socket = withSocketPath(mountControlPath(source), (path) => connect(path));
  const interrupt = (): void => void socket.write(`${JSON.stringify({ interrupt: true } satisfies Interrupt)}\n`);
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    const call: MountedCall = { args, cwd: process.cwd(), isTerminal: process.stderr.isTTY === true, columns: process.stderr.columns ?? 80 };
    await new Promise<void>((done, fail) => socket.once("connect", done).once("error", fail));
    socket.write(`${JSON.stringify(call)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const message = JSON.parse(line) as Answer;
      if ("stdout" in message) process.stdout.write(message.stdout);
      else if ("stderr" in message) process.stderr.write(message.stderr);
      else return message.status;
    }
    throw new CommandError(volume, "the process that has it mounted ended in the middle of the command; the volume is as its last commit left it");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Nobody listens (it was killed), or it is another user's.
    if (code === "ECONNREFUSED" || code === "ENOENT" || code === "EACCES" || code === "EPERM") return null;
    throw error;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    socket.destroy();
  }
}

const SYNC_MS = 60_000;
