/**
 * A mount from the side of the process that owns it: starts the serving thread, mounts, keeps time, and unmounts on
 * request.
 *
 *     opening ──► mounted ──► (stopping) ──► ended
 *
 * The serving thread sleeps in the kernel while nobody asks anything. What it must do by the clock (commits) it does on
 * the next request; so when there are none, a shell that this side starts asks for the mount's free space now and then.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, statSync, write, writeFileSync } from "node:fs";
import { release } from "node:os";
import { Worker } from "node:worker_threads";
import { processWords } from "@stratos/host-node/files";
import {
  connectionOf,
  mountAsRoot,
  MountFailure,
  readFurtherAhead,
  unmount,
  type MountRequest,
} from "./mount-point.ts";
import { GatheringKeeper } from "./gathering-keeper.ts";
import { MountBell } from "./mount-bell.ts";
import { findMountElsewhere, AEGISFS_TYPE, findMount, type MountEntry } from "@stratos/host-node/mounts";
import {
  GATHERING,
  NOT_GATHERING,
  type MountedCall,
  type ServedVolumeOptions,
  type ThreadMessage,
  type ThreadStart,
} from "./served-volume.ts";

/** Beside this file: as source, or as the bundler leaves it. */
const EXTENSION = import.meta.url.endsWith(".ts") ? "ts" : "mjs";
const THREAD_URL = new URL(`./fuse-thread.${EXTENSION}`, import.meta.url);
const POLLER_URL = new URL(`./halt-poll-thread.${EXTENSION}`, import.meta.url);

export interface FuseMountOptions {
  readonly volume: ServedVolumeOptions;
  readonly mount: Omit<MountRequest, "readOnly">;
  /** Until a change is durable without being asked; null: as the mount needs it. */
  readonly commitSeconds: number | null;
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
  /** The thread has the call, and is done with it. */
  #taken: () => void = () => {};
  #called: (status: number | null) => void = () => {};
  /** One command at a time. */
  #lastCall: Promise<unknown> = Promise.resolve();
  #timeKeeper: ChildProcess | undefined;
  #connection: number | null = null;
  #deviceNumber = 0;
  #hasEnded = false;
  #isElsewhereTold = false;
  readonly #bell = new MountBell();
  #gathering: GatheringKeeper | null = null;
  #poller: Worker | null = null;

  private constructor(
    options: FuseMountOptions,
    thread: Worker,
    ended: Promise<ThreadMessage>,
    facts: Pick<FuseMount, "hasSchedule" | "isWriteProtected" | "withoutDevice">,
  ) {
    this.#thread = thread;
    this.hasSchedule = facts.hasSchedule;
    this.isWriteProtected = facts.isWriteProtected;
    this.withoutDevice = facts.withoutDevice;
    this.#options = options;
    this.#ended = ended;
  }

  /** Opens the volume and mounts it. @throws MountFailure */
  static async start(options: FuseMountOptions): Promise<FuseMount> {
    const thread = new Worker(THREAD_URL, {
      workerData: options.volume,
      resourceLimits: { maxOldGenerationSizeMb: 4096 },
    });
    let finish: (message: ThreadMessage) => void = () => {};
    const ended = new Promise<ThreadMessage>((resolve) => {
      finish = resolve;
    });
    let fd = -1;
    let mount: FuseMount | null = null;
    const opened = await new Promise<ThreadMessage>((resolve) => {
      thread.on("message", (message: ThreadMessage) => {
        if (message.kind === "notify")
          void sendAll(fd, message.messages).then(() => {
            Atomics.store(message.sent, 0, 1);
            Atomics.notify(message.sent, 0);
          });
        else if (message.kind === "gather") {
          Atomics.store(message.answer, 0, mount?.gather(message.token) === true ? GATHERING : NOT_GATHERING);
          Atomics.notify(message.answer, 0);
        } else if (
          message.kind === "poll" ||
          message.kind === "ring" ||
          message.kind === "taken" ||
          message.kind === "output" ||
          message.kind === "called"
        )
          mount?.hear(message);
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
    if (opened.kind !== "opened")
      throw new MountFailure(opened.kind === "broken" ? opened.detail : "the serving thread ended");
    try {
      const { mountedFd } = options;
      const mounted =
        mountedFd === null
          ? mountAsRoot({ ...options.mount, readOnly: opened.readOnly }, !statSync(options.volume.path).isBlockDevice())
          : { fd: mountedFd, withoutDevice: NOT_ROOT };
      ({ fd } = mounted);
      mount = new FuseMount(options, thread, ended, { ...opened, withoutDevice: mounted.withoutDevice });
      const entry = findMount(options.mount.mountPoint);
      mount.#connection = entry === null ? null : connectionOf(entry);
      if (entry !== null) {
        mount.#deviceNumber = deviceNumber(entry);
        readFurtherAhead(entry);
      }
      const commitSeconds =
        options.commitSeconds ??
        (mounted.withoutDevice === null && entry?.major !== 0 && handsSyncOn()
          ? COMMIT_SECONDS
          : COMMIT_SECONDS_UNASKED);
      start({ fd, calls: mount.#calls, claims: entry?.major === 0, commitIntervalMs: commitSeconds * 1000 });
      mount.#keepTime(commitSeconds);
    } catch (error) {
      start(null);
      throw error;
    }
    return mount;
  }

  /**
   * Resolves when the mount is gone and everything is durable; with the errno of a last commit that failed, or a
   * defect.
   */
  async ended(): Promise<{ errno: number; defect: string | null }> {
    const message = await this.#ended;
    this.#hasEnded = true;
    this.#timeKeeper?.kill();
    this.#gathering?.stop();
    this.#taken();
    this.#bell.stop();
    void this.#poller?.terminate();
    return message.kind === "ended"
      ? { errno: message.result < 0 ? -message.result : 0, defect: null }
      : { errno: 0, defect: message.kind === "broken" ? message.detail : "" };
  }

  /**
   * Runs a command of the `commands` module on the mounted volume, behind those that were asked for before.
   *
   * @param onOutput  told what it says
   * @returns its exit status; null when it is no command for a mounted volume, or the mount has ended
   */
  run(call: MountedCall, onOutput: (stream: "stdout" | "stderr", text: string) => void): Promise<number | null> {
    const result = this.#lastCall.then(() =>
      Promise.race([
        new Promise<number | null>((resolve) => {
          this.#output = onOutput;
          this.#called = resolve;
          Atomics.store(this.#calls, 1, 0);
          this.#thread.postMessage(call);
          Atomics.store(this.#calls, 0, 1);
          this.#ringUntilTaken(() => resolve(null));
        }),
        this.#ended.then(() => null),
      ]),
    );
    this.#lastCall = result;
    return result;
  }

  /**
   * The thread takes the call when it is asked for something: where nobody can ask it, `giveUp` is called after a
   * while.
   */
  #ringUntilTaken(giveUp: () => void): void {
    let rings = 0;
    const timer = setInterval(() => {
      if (++rings < RINGS_MAX) return this.#ring();
      clearInterval(timer);
      Atomics.store(this.#calls, 0, 0);
      giveUp();
    }, RING_MS);
    this.#taken = () => clearInterval(timer);
    this.#ring();
  }

  /** Asks the running command to end, as Ctrl-C does. */
  interrupt(): void {
    Atomics.store(this.#calls, 1, 1);
  }

  /** What the serving thread asks for, and says while a command runs there. */
  private hear(message: ThreadMessage): void {
    if (message.kind === "poll") this.#startPolling(message.words);
    else if (message.kind === "ring") this.#ring();
    else if (message.kind === "output") this.#output(message.stream, message.text);
    else if (message.kind === "taken") this.#taken();
    else if (message.kind === "called") this.#called(message.status);
  }

  #startPolling(words: Int32Array): void {
    this.#poller = new Worker(POLLER_URL, {
      workerData: words,
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    });
    // Without it messages are dearer.
    this.#poller.on("error", () => {});
    this.#poller.unref();
  }

  #ring(): void {
    this.#bell.ring(this.#place());
  }

  /**
   * Where the mount can be asked: it may be gone from here, and live on in the mount namespace of a process that copied
   * it (proc_pid_root(5)).
   */
  #place(): string {
    const { mountPoint } = this.#options.mount;
    if (this.#connection === null || this.#isMine(findMount(mountPoint))) return mountPoint;
    const elsewhere = findMountElsewhere((mount) => this.#isMine(mount));
    return elsewhere === null ? mountPoint : `/proc/${elsewhere.pid}/root${elsewhere.mount.mountPoint}`;
  }

  #isMine(mount: MountEntry | null): boolean {
    return mount !== null && mount.type === AEGISFS_TYPE && connectionOf(mount) === this.#connection;
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
   * Nothing in this process may ask something of its own mount: the thread would wait for the server and hold the
   * device open, and when both are killed at that moment, nobody answers it ever. So another process asks.
   */
  #sync(): void {
    spawnSync("sync", ["--", this.#options.mount.mountPoint], { stdio: "ignore", timeout: SYNC_MS });
  }

  /**
   * Has the kernel write what it has gathered, in another process. @returns false when the mount is not to be found
   * where it was made
   */
  gather(token: string): boolean {
    const { mountPoint } = this.#options.mount;
    if (!this.#isMine(findMount(mountPoint))) return false;
    (this.#gathering ??= new GatheringKeeper(mountPoint)).ask(token);
    return true;
  }

  /** @param seconds  between two commits */
  #keepTime(seconds: number): void {
    const place = this.#place();
    const keeper = spawn(
      "sh",
      ["-c", TIME_KEEPER, "sh", String(process.pid), String(seconds), place, String(this.#deviceNumber)],
      { stdio: "ignore", cwd: "/" },
    );
    this.#timeKeeper = keeper;
    // Without it a change is durable with the next request that comes late enough, or when it is unmounted.
    keeper.on("error", () => {});
    keeper.on("exit", () => {
      // The mount is no longer at that place: it has ended, or lives on elsewhere.
      if (!this.#hasEnded && this.#timeKeeper === keeper)
        setTimeout(() => this.#moveKeeper(seconds), KEEPER_MS).unref();
    });
    keeper.unref();
  }

  #moveKeeper(seconds: number): void {
    if (this.#hasEnded) return;
    const elsewhere = this.#isMine(findMount(this.#options.mount.mountPoint))
      ? null
      : findMountElsewhere((mount) => this.#isMine(mount));
    if (elsewhere !== null && !this.#isElsewhereTold) {
      this.#isElsewhereTold = true;
      sayAloud(
        this.#options.volume.path,
        `unmounted here, but ${processWords(elsewhere.pid)} has it mounted on ${elsewhere.mount.mountPoint} in ` +
          "another mount namespace: the volume stays in use until it is unmounted there, or that process ends",
      );
    }
    this.#keepTime(seconds);
  }
}

/** To who reads the server's log, and to who reads the host's. */
function sayAloud(path: string, words: string): void {
  process.stderr.write(`stratos: ${path}: ${words}\n`);
  spawn("logger", ["-t", "stratos", "-p", "daemon.err", "--", `${path}: ${words}`], { stdio: "ignore", cwd: "/" }).on(
    "error",
    () => {},
  );
}

const NOT_ROOT = "fusermount3 mounts no block devices";
const SYNC_MS = 60_000;
/**
 * Ends with the process that it keeps time for, and when the mount is not there any more: another number says that
 * something else is.
 */
const TIME_KEEPER =
  'while sleep "$2" && [ -d "/proc/$1" ]; do [ "$(stat -c %d -- "$3" 2> /dev/null)" = "$4" ] && stat -f -c "" -- ' +
  '"$3" > /dev/null 2>&1 || exit; done';
/** Before it is looked where the mount has gone. */
const KEEPER_MS = 500;
/** A call that is not taken is rung for again, for half a minute. */
const RING_MS = 2000;
const RINGS_MAX = 15;
/**
 * Seconds between commits where sync(2) reaches the server, and where it does not: that is then as long as it may take.
 */
const COMMIT_SECONDS = 5;
const COMMIT_SECONDS_UNASKED = 1;

/** Linux hands sync(2) on to servers of block devices from 6.18 on (fs/fuse/inode.c, `fc->sync_fs`). */
function handsSyncOn(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return major > 6 || (major === 6 && minor >= 18);
}

/** st_dev of a device, as stat(1) prints it: gnu_dev_makedev(3). */
function deviceNumber({ major, minor }: MountEntry): number {
  return (major & 0xfff) * 256 + (minor & 0xff) + Math.floor(minor / 256) * 2 ** 20;
}

/**
 * Each message by a write of its own, in the pool's threads: a write may wait for the serving thread. What the kernel
 * does not know (ENOENT) it need not forget.
 */
async function sendAll(fd: number, messages: Uint8Array): Promise<void> {
  const lengths = new DataView(messages.buffer, messages.byteOffset, messages.length);
  for (let at = 0; at < messages.length;) {
    const length = lengths.getUint32(at, true);
    await new Promise<void>((done) => write(fd, messages, at, length, null, () => done()));
    at += length;
  }
}
