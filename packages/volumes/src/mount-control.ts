/**
 * How a command reaches the process that has its volume mounted: a socket beside the volume's lock, which only its
 * owner may use. Lines of JSON: the caller sends a `MountedCall`, later perhaps an interrupt; the answer is what the
 * command prints, then its exit status. Or it sends a hold: as long as the connection lasts, nothing is overwritten of
 * what was durable when it was answered, so that the caller can read the volume's devices.
 */
import { spawnSync } from "node:child_process";
import { existsSync, realpathSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { mountControlPath } from "@stratos/host-node";
import { withSocketPath } from "@stratos/host-node/files";
import { AEGISFS_TYPE, readMountTable } from "@stratos/host-node/mounts";
import { type FuseMount, type MountedCall } from "@stratos/tools-node/fuse";
import { OperationError } from "@stratos/operation";
import { contextForServer } from "./call-context.ts";
import { InputSocket } from "./input-socket.ts";
import { HOLD_WORD, LET_GO_WORD } from "./mounted-hold.ts";

interface Interrupt {
  readonly interrupt: true;
}
interface Hold {
  readonly hold: true;
}
type Answer = { readonly stdout: string } | { readonly stderr: string } | { readonly status: number | null };

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

async function answer(
  socket: Socket,
  mount: FuseMount,
  onDone: (args: readonly string[], status: number) => void,
): Promise<void> {
  let isRunning = false;
  let isHolding = false;
  let isClosed = false;
  const internal = (word: string): Promise<number | null> => mount.run({ ...NO_CALL, args: [word] }, () => {});
  const say = (message: Answer): void => void (socket.writable && socket.write(`${JSON.stringify(message)}\n`));
  socket.on("error", () => {});
  socket.on("close", () => {
    isClosed = true;
    if (isRunning) mount.interrupt();
    if (isHolding) void internal(LET_GO_WORD);
  });
  for await (const line of createInterface({ input: socket })) {
    const message = parse(line);
    if (message === null) break;
    if ("interrupt" in message) {
      if (isRunning) mount.interrupt();
      continue;
    }
    if (isRunning || isHolding) break;
    if ("hold" in message) {
      const status = await internal(HOLD_WORD);
      // It may have gone meanwhile: its end is told once.
      if (status === 0 && isClosed) await internal(LET_GO_WORD);
      else isHolding = status === 0;
      say({ status });
      continue;
    }
    isRunning = true;
    mount
      .run(message, (stream, text) => say(stream === "stdout" ? { stdout: text } : { stderr: text }))
      .then(
        (status) => {
          isRunning = false;
          if (status !== null) onDone(message.args, status);
          say({ status });
          socket.end();
        },
        () => socket.destroy(),
      );
  }
}

const NO_CALL: Omit<MountedCall, "args"> = {
  cwd: "/",
  isTerminal: false,
  columns: 80,
  volumes: [],
  input: null,
  passphrases: { present: null, fresh: null },
};

function parse(line: string): MountedCall | Interrupt | Hold | null {
  try {
    const message = JSON.parse(line) as Partial<MountedCall & Interrupt & Hold>;
    if (message.interrupt === true) return { interrupt: true };
    if (message.hold === true) return { hold: true };
    const { args, cwd, isTerminal, columns, volumes = [], input = null, passphrases = NO_CALL.passphrases } = message;
    if (
      !Array.isArray(args) ||
      !args.every((arg) => typeof arg === "string") ||
      typeof cwd !== "string" ||
      args[0] === HOLD_WORD ||
      args[0] === LET_GO_WORD
    )
      return null;
    return {
      args,
      cwd,
      isTerminal: isTerminal === true,
      columns: typeof columns === "number" ? columns : 80,
      volumes,
      input,
      passphrases,
    };
  } catch {
    return null;
  }
}

/** Whose command it is. */
export interface CommandCaller {
  stdout(text: string): void;
  stderr(text: string): void;
  /** What the command is to read. */
  readonly stdin?: Readable;
  /** Where progress may be drawn. */
  readonly terminal?: { readonly columns: number };
  /** Ends the command. */
  readonly signal?: AbortSignal;
}

/**
 * Has the process that serves `volume` run a command line.
 *
 * @param volume  the device that its mount names as its source
 * @returns its exit status; null when nobody does, or it is no command for a mounted volume
 */
export async function runWhereMounted(
  volume: string,
  args: readonly string[],
  caller: CommandCaller,
): Promise<number | null> {
  let source: string;
  try {
    source = realpathSync(volume);
  } catch {
    // Its file was deleted while it is mounted.
    return null;
  }
  if (!existsSync(mountControlPath(source))) return null;
  // The kernel may still keep what programs have written: that belongs to a snapshot taken now.
  const mount = readMountTable().findLast((entry) => entry.type === AEGISFS_TYPE && entry.source === source);
  if (mount !== undefined) spawnSync("sync", ["-f", "--", mount.mountPoint], { stdio: "ignore", timeout: SYNC_MS });
  const socket = await reach(source);
  if (socket === null) return null;
  const { stdin, terminal, signal } = caller;
  const input = stdin === undefined ? null : new InputSocket(stdin);
  const interrupt = (): void => void socket.write(`${JSON.stringify({ interrupt: true } satisfies Interrupt)}\n`);
  signal?.addEventListener("abort", interrupt);
  try {
    const call: MountedCall = {
      args,
      cwd: process.cwd(),
      isTerminal: terminal !== undefined,
      columns: terminal?.columns ?? 80,
      ...contextForServer(),
      input: (await input?.listen()) ?? null,
    };
    socket.write(`${JSON.stringify(call)}\n`);
    // It may have come before anybody listened.
    if (signal?.aborted === true) interrupt();
    for await (const line of createInterface({ input: socket })) {
      const message = JSON.parse(line) as Answer;
      if ("stdout" in message) caller.stdout(message.stdout);
      else if ("stderr" in message) caller.stderr(message.stderr);
      else return message.status;
    }
    throw new OperationError(
      "volume",
      volume,
      "the process that has it mounted ended in the middle of the command; the volume is as its last commit left it",
    );
  } finally {
    signal?.removeEventListener("abort", interrupt);
    socket.destroy();
    input?.close();
  }
}

const SYNC_MS = 60_000;

/** Null where nobody listens (it was killed), or it is another user's. */
async function reach(source: string): Promise<Socket | null> {
  const socket = withSocketPath(mountControlPath(source), (path) => connect(path));
  try {
    await new Promise<void>((done, fail) => socket.once("connect", done).once("error", fail));
    return socket;
  } catch (error) {
    socket.destroy();
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ECONNREFUSED" || code === "ENOENT" || code === "EACCES" || code === "EPERM") return null;
    throw error;
  }
}

/** Does somebody listen who has the volume mounted? */
export async function isServed(source: string): Promise<boolean> {
  if (!existsSync(mountControlPath(source))) return false;
  const socket = await reach(source);
  socket?.destroy();
  return socket !== null;
}

/** What is durable stays readable in a mounted volume's devices, while others go on changing it. */
export interface HeldVolume {
  letGo(): void;
}

/** @returns null where nobody serves it, or who does can't be reached or doesn't know how */
export async function holdWhereMounted(source: string): Promise<HeldVolume | null> {
  if (!existsSync(mountControlPath(source))) return null;
  const socket = await reach(source);
  if (socket === null) return null;
  socket.on("error", () => {});
  socket.write(`${JSON.stringify({ hold: true } satisfies Hold)}\n`);
  const answered = await new Promise<string>((done) => {
    let said = "";
    socket.on("data", (bytes: Buffer) => {
      said += bytes.toString("utf8");
      if (said.includes("\n")) done(said);
    });
    socket.on("close", () => done(said));
  });
  // It doesn't keep this process alive.
  socket.unref();
  if (/^\{"status":0\}/.test(answered)) return { letGo: () => socket.destroy() };
  socket.destroy();
  return null;
}
