/**
 * The way to the supervisor of the user's named systems, which is started when there is none. It is a process of its
 * own, in a session of its own: it stays when the terminal closes.
 */
import { spawn } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
} from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { lockOwner } from "@stratos/host-node/file-lock";
import { withSocketPath } from "@stratos/host-node/files";
import { EngineClient, type EngineChannel, StratosError } from "@stratos/sdk/client";
import { environmentOfEngine, nodeBinary } from "@stratos/engine-node/node-binary";
import { NODE_FLAGS } from "@stratos/engine-node/node-flags";
import { packageScript } from "@stratos/engine-node/package-script";
import { type Hello, PROTOCOL, strangers, type SupervisorClient } from "@stratos/sdk/systems";
import { controlPath, openSystemsFolder, supervisorLogPath } from "./systems-folder.ts";

/** Far beyond what a start takes on a busy host. */
const START_MS = 60_000;
const RETRY_MS = 25;
/** Who looks on wants to hear of it by then. */
const SILENT_MS = 5_000;

/**
 * @param home  STRATOS_HOME
 * @param version  of this program
 * @param onSilent  a supervisor is there and has not answered for a while, as one that is stopped: who it is. Answers
 *   are waited for all the same
 * @throws StratosError of kind file (systems-folder.ts) or engine: it cannot be started, or is of another version
 */
export async function openSupervisor(
  home: string,
  version: string,
  onSilent: (words: string) => void = () => {},
): Promise<SupervisorClient> {
  const folder = openSystemsFolder(home);
  const deadline = performance.now() + START_MS;
  let started: Starting | null = null;
  for (;;) {
    const socket = await reach(folder);
    if (socket !== null) {
      const client: SupervisorClient = new EngineClient(new SocketChannel(socket));
      // One that was about to end does not answer.
      const timer = setTimeout(() => onSilent(silentWords(folder)), SILENT_MS);
      try {
        if (await greet(client, version)) return client;
      } finally {
        clearTimeout(timer);
      }
      client.close();
    } else if (started === null || started.state() === "ended") started = startSupervisor(folder, home, version);
    if (started?.state() === "failed" || performance.now() > deadline) throw unreachable(supervisorLogPath(folder));
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/**
 * Who asks makes neither their folder nor a supervisor, for which a home that is full or may not be written has no
 * place. What is no folder of this user's is for openSupervisor to refuse.
 *
 * @throws Node's error
 */
export function hasSystems(home: string): boolean {
  const folder = join(home, "systems");
  const status = lstatSync(folder, { throwIfNoEntry: false });
  if (status === undefined) return false;
  if (!status.isDirectory() || (status.mode & 0o077) !== 0 || existsSync(controlPath(folder))) return true;
  try {
    return readdirSync(folder, { withFileTypes: true }).some((one) => one.isDirectory() && !one.name.startsWith("."));
  } catch {
    return true;
  }
}

function silentWords(folder: string): string {
  const owner = lockOwner(join(folder, "supervisor"));
  const who = owner === null ? "" : `, process ${owner},`;
  return `the supervisor of named systems${who} does not answer; waiting for it`;
}

function unreachable(logPath: string): Error {
  const log = readFileSync(logPath, { encoding: "utf8", flag: "a+" }).trim();
  const full = log === "" ? faultOfWriting(logPath) : null;
  if (full !== null) return full;
  const said = log === "" ? "" : `: ${log.split("\n")[0]!}`;
  return new StratosError("engine", `the supervisor of named systems cannot be started${said}`, {
    exitCode: null,
    signal: null,
    log,
  });
}

/** One that ended without a word may have had no place for it: a full disk, a used-up quota. */
function faultOfWriting(path: string): Error | null {
  try {
    appendFileSync(path, "\n");
    return null;
  } catch (error) {
    return Object.assign(error as NodeJS.ErrnoException, { path });
  }
}

/** Null: nobody listens. */
async function reach(folder: string): Promise<Socket | null> {
  const socket = withSocketPath(controlPath(folder), (path) => connect(path));
  try {
    await new Promise<void>((done, fail) => socket.once("connect", done).once("error", fail));
    return socket;
  } catch (error) {
    socket.destroy();
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ECONNREFUSED" || code === "ENOENT" || code === "ECONNRESET") return null;
    throw error;
  }
}

/** @returns false: it was gone before it answered. @throws StratosError of kind engine when it speaks otherwise */
async function greet(client: SupervisorClient, version: string): Promise<boolean> {
  try {
    const { value } = await client.call("hello", { protocol: PROTOCOL, version }).answer;
    const { protocol, version: its } = value as Hello;
    if (protocol === PROTOCOL) return true;
    throw new StratosError("engine", strangers({ protocol: PROTOCOL, version }, { protocol, version: its }), {
      exitCode: null,
      signal: null,
      log: "",
    });
  } catch (error) {
    const isGone = error instanceof StratosError && error.kind === "engine" && client.isGone;
    if (isGone) return false;
    throw error;
  }
}

interface Starting {
  /** `ended`: it was not the first, and has left the place to that one. */
  state(): "under way" | "ended" | "failed";
}

function startSupervisor(folder: string, home: string, version: string): Starting {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_NOFOLLOW } = constants;
  const log = openSync(supervisorLogPath(folder), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, 0o600);
  try {
    const child = spawn(
      nodeBinary(),
      [...NODE_FLAGS, packageScript("supervisor-process.mjs", import.meta.url), home, version],
      {
        stdio: ["ignore", log, log],
        detached: true,
        cwd: "/",
        env: environmentOfEngine(),
      },
    );
    let state: ReturnType<Starting["state"]> = "under way";
    child.on("error", () => void (state = "failed"));
    child.on("exit", (code) => void (state = code === 0 ? "ended" : "failed"));
    child.unref();
    return { state: () => state };
  } finally {
    closeSync(log);
  }
}

class SocketChannel implements EngineChannel {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
  }

  send(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  onBytes(listener: (bytes: Uint8Array) => void): void {
    this.#socket.on("data", listener);
  }

  onGone(listener: (why: { exitCode: null; signal: null; log: string }) => void): void {
    this.#socket.on("close", () => listener({ exitCode: null, signal: null, log: "" }));
  }

  hold(isHeld: boolean): void {
    if (isHeld) this.#socket.ref();
    else this.#socket.unref();
  }

  callLater(milliseconds: number, act: () => void): () => void {
    const timer = setTimeout(act, milliseconds);
    return () => clearTimeout(timer);
  }

  /** After what was sent: it may take back what is on its way here. */
  close(): void {
    this.#socket.destroySoon();
  }
}
