/**
 * A mount from the side of the process that owns it: starts the serving thread, mounts, keeps time, and unmounts on request.
 *
 *     opening ──► mounted ──► (stopping) ──► ended
 *
 * The serving thread sleeps in the kernel while nobody asks anything. What it must do by the clock (commits) it does on the next
 * request; so when there are none, a shell that this side starts asks for the mount's free space now and then.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, statSync, write, writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { connectionOf, mountAsRoot, MountFailure, readFurtherAhead, unmount, type MountRequest } from "./mount-point.ts";
import { GatheringKeeper } from "./gathering-keeper.ts";
import { findMount } from "./mount-table.ts";
import { GATHERING, NOT_GATHERING, type MountedCall, type ServedVolumeOptions, type ThreadMessage, type ThreadStart } from "./served-volume.ts";

/** Beside this file: as source, or as the bundler leaves it. */
const THREAD_URL = new URL(import.meta.url.endsWith(".ts") ? "./fuse-thread.ts" : "./fuse-thread.mjs", import.meta.url);

export interface FuseMountOptions {
  readonly volume: ServedVolumeOptions;
  readonly mount: Omit<MountRequest, "readOnly">;
  /** A descriptor of /dev/fuse that fusermount3 has mounted already. */
  readonly mountedFd: number | null;
}

export class FuseMount {
  /** Does the volume say which snapshots are taken by the clock? */
  readonly hasSchedule: boolean;
  /** It could not be mounted for writing, and shows its files read-only. */
  readonly isWriteProtected: boolean;
  /** Does the kernel hand sync(2) on, and wait for the last commit when it unmounts? When not, why, in words. */
  readonly withoutDevice: string | null;
  readonly #options: FuseMountOptions;
  readonly #ended: Promise<ThreadMessage>;
  readonly #thread: Worker;
  readonly #calls = new Int32Array(new SharedArrayBuffer(8));
  /** Where what the running command says goes to. */
  #output: (stream: "stdout" | "stderr", text: string) => void = () => {};
  #called: (status: number | null) => void = () => {};
  /** One command at a time. */
  #lastCall: Promise<unknown> = Promise.resolve();
  #timeKeeper: ChildProcess | undefined;
  #connection: number | null = null;
  #gathering: GatheringKeeper | null = null;

  private constructor(options: FuseMountOptions, thread: Worker, ended: Promise<ThreadMessage>, facts: Pick<FuseMount, "hasSchedule" | "isWriteProtected" | "withoutDevice">) {
    this.#thread = thread;
    this.hasSchedule = facts.hasSchedule;
    this.isWriteProtected = facts.isWriteProtected;
    this.withoutDevice = facts.withoutDevice;
    this.#options = options;
    this.#ended = ended;
  }

  /** Opens the volume and mounts it. @throws MountFailure */
  static async start(options: FuseMountOptions): Promise<FuseMount> {
    const thread = new Worker(THREAD_URL, { workerData: options.volume, resourceLimits: { maxOldGenerationSizeMb: 4096 } });
    let finish: (message: ThreadMessage) => void = () => {};
    const ended = new Promise<ThreadMessage>((resolve) => {
      finish = resolve;
    });
    let fd = -1;
    let mount: FuseMount | null = null;
    const opened = await new Promise<ThreadMessage>((resolve) => {
      thread.on("message", (message: ThreadMessage) => {
        if (message.kind === "notify") void sendAll(fd, message.messages).then(() => {
          Atomics.store(message.sent, 0, 1);
          Atomics.notify(message.sent, 0);
        });
        else if (message.kind === "gather") {
          Atomics.store(message.answer, 0, mount?.gather(message.token) === true ? GATHERING : NOT_GATHERING);
          Atomics.notify(message.answer, 0);
        } else if (message.kind === "ring" || message.kind === "output" || message.kind === "called") mount?.hear(message);
        else if (message.kind === "failed") sayAloud(options.volume.path, message.words);
        else if (message.kind === "ended" || message.kind === "broken") finish(message);
        else resolve(message);
      });
      const broke = (detail: string): void => {
        resolve({ kind: "broken", detail });
        finish({ kind: "broken", detail });
      };
      thread.on("error", (error) => broke(error.stack ?? error.message));
      thread.on("exit", (status) => broke(`the serving thread ended with ${status}`));
    });
    const start = (device: ThreadStart | null): void => thread.postMessage(device);
    if (opened.kind === "refused") throw new MountFailure(opened.reason, "volume");
    if (opened.kind !== "opened") throw new MountFailure(opened.kind === "broken" ? opened.detail : "the serving thread ended");
    try {
      const { mountedFd } = options;
      const mounted = mountedFd === null ? mountAsRoot({ ...options.mount, readOnly: opened.readOnly }, !statSync(options.volume.path).isBlockDevice()) : { fd: mountedFd, withoutDevice: NOT_ROOT };
      ({ fd } = mounted);
      mount = new FuseMount(options, thread, ended, { ...opened, withoutDevice: mounted.withoutDevice });
      const entry = findMount(options.mount.mountPoint);
      mount.#connection = entry === null ? null : connectionOf(entry);
      if (entry !== null) readFurtherAhead(entry);
      start({ fd, calls: mount.#calls, claims: entry?.major === 0 });
    } catch (error) {
      start(null);
      throw error;
    }
    mount.#keepTime();
    return mount;
  }

  /** Resolves when the mount is gone and everything is durable; with the errno of a last commit that failed, or a defect. */
  async ended(): Promise<{ errno: number; defect: string | null }> {
    const message = await this.#ended;
    this.#timeKeeper?.kill();
    this.#gathering?.stop();
    return message.kind === "ended" ? { errno: message.result < 0 ? -message.result : 0, defect: null } : { errno: 0, defect: message.kind === "broken" ? message.detail : "" };
  }

  /**
   * Runs a command of the `commands` module on the mounted volume, behind those that were asked for before.
   *
   * @param onOutput  told what it says
   * @returns its exit status; null when it is no command for a mounted volume, or the mount has ended
   */
  run(call: MountedCall, onOutput: (stream: "stdout" | "stderr", text: string) => void): Promise<number | null> {
    const result = this.#lastCall.then(() => Promise.race([
      new Promise<number | null>((resolve) => {
        this.#output = onOutput;
        this.#called = resolve;
        Atomics.store(this.#calls, 1, 0);
        this.#thread.postMessage(call);
        Atomics.store(this.#calls, 0, 1);
        this.#ring();
      }),
      this.#ended.then(() => null),
    ]));
    this.#lastCall = result;
    return result;
  }

  /** Asks the running command to end, as Ctrl-C does. */
  interrupt(): void {
    Atomics.store(this.#calls, 1, 1);
  }

  /** What the serving thread says while a command runs there. */
  private hear(message: ThreadMessage): void {
    if (message.kind === "ring") this.#ring();
    else if (message.kind === "output") this.#output(message.stream, message.text);
    else if (message.kind === "called") this.#called(message.status);
  }

  /** Has the kernel ask the serving thread for something: from another process, as everything that is asked of the mount. */
  #ring(): void {
    spawn("stat", ["-f", "-c", "", "--", this.#options.mount.mountPoint], { stdio: "ignore", cwd: "/" }).on("error", () => {});
  }

  /**
   * Unmounts; while somebody uses it, the place alone is given back, and the mount ends with its last user.
   *
   * @returns null, or why it lives on
   */
  stop(): string | null {
    const { mountPoint } = this.#options.mount;
    const busy = unmount(mountPoint, { lazy: false });
    if (busy === null) return null;
    this.#sync();
    const failed = unmount(mountPoint, { lazy: true });
    return failed ?? busy;
  }

  /** Cuts the connection: whoever still uses the mount gets ENOTCONN, the volume is committed. */
  abort(): void {
    const path = `/sys/fs/fuse/connections/${this.#connection}/abort`;
    if (existsSync(path)) writeFileSync(path, "1");
    else unmount(this.#options.mount.mountPoint, { lazy: true });
  }

  /**
   * Nothing in this process may ask something of its own mount: the thread would wait for the server and hold the device open, and when both are
   * killed at that moment, nobody answers it ever. So another process asks.
   */
  #sync(): void {
    spawnSync("sync", ["--", this.#options.mount.mountPoint], { stdio: "ignore", timeout: SYNC_MS });
  }

  /** Has the kernel write what it has gathered, in another process. @returns false when the mount is not to be found where it was made */
  gather(token: string): boolean {
    const { mountPoint } = this.#options.mount;
    const entry = findMount(mountPoint);
    if (entry === null || this.#connection !== connectionOf(entry)) return false;
    (this.#gathering ??= new GatheringKeeper(mountPoint)).ask(token);
    return true;
  }

  #keepTime(): void {
    const seconds = (this.#options.volume.serve.commitIntervalMs ?? 5000) / 1000;
    this.#timeKeeper = spawn("sh", ["-c", TIME_KEEPER, "sh", String(process.pid), String(seconds), this.#options.mount.mountPoint], { stdio: "ignore", cwd: "/" });
    // Without it a change is durable with the next request that comes late enough, or when it is unmounted.
    this.#timeKeeper.on("error", () => {});
    this.#timeKeeper.unref();
  }
}

/** To who reads the server's log, and to who reads the host's. */
function sayAloud(path: string, words: string): void {
  process.stderr.write(`stratos: ${path}: ${words}\n`);
  spawn("logger", ["-t", "stratos", "-p", "daemon.err", "--", `${path}: ${words}`], { stdio: "ignore", cwd: "/" }).on("error", () => {});
}

const NOT_ROOT = "fusermount3 mounts no block devices";
const SYNC_MS = 60_000;
/** Ends with the process that it keeps time for, and with the mount. */
const TIME_KEEPER = 'while sleep "$2" && [ -d "/proc/$1" ]; do stat -f -c "" -- "$3" > /dev/null 2>&1 || exit; done';

/** Each message by a write of its own, in the pool's threads: a write may wait for the serving thread. What the kernel does not know (ENOENT) it need not forget. */
async function sendAll(fd: number, messages: Uint8Array): Promise<void> {
  const lengths = new DataView(messages.buffer, messages.byteOffset, messages.length);
  for (let at = 0; at < messages.length; ) {
    const length = lengths.getUint32(at, true);
    await new Promise<void>((done) => write(fd, messages, at, length, null, () => done()));
    at += length;
  }
}
