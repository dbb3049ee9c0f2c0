/**
 * Serves the files of a volume to a Linux kernel: takes its requests one after the other, and answers each from the
 * engine.
 *
 * Nothing but this mount changes the volume, so the kernel may keep what it was told for as long as it likes: names,
 * their absence, attributes, content. Opening and closing need no message at all (FUSE_NO_OPEN_SUPPORT); what keeps a
 * file without names alive is that the kernel knows its node (lookup-counts.ts).
 *
 * A request makes no object, closure or BigInt (asking for the kernel's time does): its words are read where the device
 * put them, the answer is put where the device takes it. Order of the calls for each message: `receive`, `handle`
 * (requests/*.ts), `send`; commits happen after an answer, never within.
 */
import { EAGAIN, EINTR, EIO, ENAMETOOLONG, ENODEV, ENOENT, ENOSYS, ESTALE } from "@stratos/abi";
import type { Failure, Subvolume, Volume } from "@stratos/aegisfs";
import type { Clock } from "@stratos/host";
import { Agreement } from "./agreement.ts";
import type { FuseDevice } from "./device.ts";
import { Exchange } from "./exchange.ts";
import { KernelCaches } from "./kernel-caches.ts";
import type { KernelTime } from "./kernel-time.ts";
import { Statistics, treeOf, VIRTUAL_TREE, type Mount } from "./mount.ts";
import { LostWrites } from "./lost-writes.ts";
import { ParkedRequests } from "./parked-requests.ts";
import { REQUESTS } from "./requests/request-table.ts";
import { SnapshotFolder } from "./snapshot-folder.ts";
import { SyncCallers } from "./sync-callers.ts";
import {
  B,
  HEADER_SIZE,
  NO_REPLY,
  Q_LENGTH,
  Q_NODE,
  Q_NODE_TREE,
  Q_OPCODE,
  Q_UID,
  Q_UNIQUE,
  R_LENGTH,
  REPLY_AT,
  REQUEST_AT,
  REQUEST_SIZE,
} from "./wire/layout.ts";
import { putRetrieval } from "./wire/notify-words.ts";
import {
  FUSE_BATCH_FORGET,
  FUSE_FORGET,
  FUSE_GETATTR,
  FUSE_GETXATTR,
  FUSE_LOOKUP,
  FUSE_NOTIFY_REPLY,
  FUSE_STATFS,
  FUSE_STATX,
  FUSE_WRITE,
  FUSE_WRITE_CACHE,
  OPCODES,
} from "@stratos/abi/fuse";

export interface ServeOptions {
  /** What is mounted; default: the volume's default subvolume. */
  files?: Subvolume;
  /**
   * Let the kernel gather writes, and keep sizes and times of files meanwhile: fewer and larger requests. Default:
   * true.
   */
  writebackCache?: boolean;
  /** "relative": as Linux's relatime; "strict": with each read that comes here, as strictatime; "never": as noatime. */
  accessTimes?: "relative" | "strict" | "never";
  /** Do access times of folders move, too? (default: yes) */
  folderAccessTimes?: boolean;
  /**
   * Does the kernel check permissions (`default_permissions`)? Then it is told that there are access control lists.
   * Where root alone may enter, it checks none, and must not be told: it would begin to.
   */
  checksPermissions?: boolean;
  /** `.snapshots` and `.aegisfs` in the root; default true. */
  controlNames?: boolean;
  /** Milliseconds after which a change is made durable without being asked; default 5000. */
  commitIntervalMs?: number;
  /**
   * Told once, when the volume has failed: its kind and block, and for how many milliseconds changes have not been
   * durable.
   */
  onFailure?: (failure: Failure, unsavedMs: number) => void;
  /**
   * One word. Another thread makes it other than 0, and has the mount asked for its free space or for a name that is
   * too long: `serve` then returns `SERVE_CALLED`, between two requests.
   */
  bell?: Int32Array;
  /** Without it, all is stamped by our own clock. */
  kernelTime?: KernelTime;
}

/** `serve` was called away, and is to be called again. */
export const SERVE_CALLED = 1;

/** Requests that stamp no file, and come so often that asking for the kernel's time would be felt. */
const STAMPS_NONE = new Uint8Array(OPCODES);
for (const opcode of [FUSE_LOOKUP, FUSE_GETATTR, FUSE_STATX, FUSE_GETXATTR, FUSE_FORGET, FUSE_BATCH_FORGET])
  STAMPS_NONE[opcode] = 1;

/** Subtrees of deleted snapshots that are freed in one pause. */
const RECLAIM_STEPS = 4;
/** Requests after which no more callers of fsync are waited for. */
const SYNCS_MAX = 512;

export class FuseServer {
  readonly #mount: Mount;
  readonly #snapshots: SnapshotFolder | null;
  readonly #clock: Clock;
  readonly #kernelTime: KernelTime | null;
  readonly #commitIntervalMs: number;
  readonly #bell: Int32Array;
  readonly #onFailure: (failure: Failure, unsavedMs: number) => void;
  #isFailureTold = false;
  #isCalled = false;
  /** When the oldest change that is not durable yet was made; 0: there is none. */
  #dirtySinceMs = 0;
  #marker = 0;

  constructor(device: FuseDevice, volume: Volume, clock: Clock, options: ServeOptions = {}) {
    const accessTimes = options.accessTimes ?? "relative";
    const exchange = new Exchange(device);
    const agreement = new Agreement();
    const mount = {
      exchange,
      volume,
      files: options.files ?? volume.root,
      settings: {
        writebackCache: options.writebackCache ?? true,
        accessTimes,
        folderAccessTimes: accessTimes !== "never" && (options.folderAccessTimes ?? true),
        checksPermissions: options.checksPermissions ?? true,
      },
      agreement,
      caches: new KernelCaches(device, exchange.words),
      parked: new ParkedRequests(exchange, agreement, clock),
      lost: new LostWrites(),
      syncs: new SyncCallers(exchange),
      statistics: new Statistics(),
    };
    this.#clock = clock;
    this.#kernelTime = options.kernelTime ?? null;
    this.#commitIntervalMs = options.commitIntervalMs ?? 5000;
    this.#bell = options.bell ?? new Int32Array(1);
    this.#onFailure = options.onFailure ?? (() => {});
    if (options.controlNames !== false) {
      stampTime(volume, clock.realtimeMs());
      this.#snapshots = new SnapshotFolder(mount);
    } else this.#snapshots = null;
    this.#mount = { ...mount, controlNames: this.#snapshots };
  }

  /**
   * Serves until the mount ends, then makes everything durable.
   *
   * @returns 0, or the negated errno of the device or of the last commit; `SERVE_CALLED` while the mount goes on
   */
  serve(): number {
    const ended = this.#loop();
    if (ended === SERVE_CALLED) return ended;
    const committed = this.#mount.volume.sync();
    return ended < 0 ? ended : committed;
  }

  #loop(): number {
    const { exchange, volume, parked, syncs } = this.#mount;
    const { words } = exchange;
    for (;;) {
      const length = exchange.device.receive(REQUEST_AT, REQUEST_SIZE);
      if (length < 0) {
        if (length === -ENODEV) return 0;
        if (length === -EINTR || length === -EAGAIN || length === -ENOENT) continue;
        return length;
      }
      this.#handle(length);
      if (syncs.count > 0) this.#finishSyncs();
      if (parked.hasReady) parked.resume((parkedLength) => this.#handle(parkedLength));
      // The clock's side asks for it every few seconds.
      if (words[Q_OPCODE] === FUSE_STATFS) parked.giveUp();
      if (volume.failure !== null) this.#tellFailure(volume.failure);
      else if (volume.hasChanges) this.#commitWhenDue();
      else {
        this.#dirtySinceMs = 0;
        // Asked by the clock's side while nobody else asks anything: time for what deleted snapshots have left.
        if (words[Q_OPCODE] === FUSE_STATFS && !volume.readOnly) volume.reclaim(RECLAIM_STEPS);
      }
      if (this.#isCalled) {
        this.#isCalled = false;
        return SERVE_CALLED;
      }
    }
  }

  /** Handles the request of `length` bytes that is in memory, and answers it. */
  #handle(length: number): void {
    const mount = this.#mount;
    const { words } = mount.exchange;
    if (length < HEADER_SIZE || words[Q_LENGTH] !== length) return;
    const opcode = words[Q_OPCODE]!;
    if (opcode < OPCODES && STAMPS_NONE[opcode] !== 0) stampTime(mount.volume, this.#clock.realtimeMs());
    else this.stampTime();
    // quota(7): root is counted, and not bound. Who wrote what the kernel gathered is not known any more (such a
    // message comes from nobody).
    mount.volume.enforcesQuotas =
      words[Q_UID] !== 0 || (opcode === FUSE_WRITE && (words[B + 5]! & FUSE_WRITE_CACHE) !== 0);
    const request = opcode < OPCODES ? REQUESTS[opcode] : undefined;
    let result: number;
    if (request === undefined) result = -ENOSYS;
    else {
      mount.statistics.handled[opcode]!++;
      const ino = words[Q_NODE]!;
      const tree = words[Q_NODE_TREE]!;
      const files = tree === 0 ? mount.files : treeOf(mount, tree);
      if (files !== null) result = request(mount, files, ino);
      else if (tree === VIRTUAL_TREE && this.#snapshots !== null) result = this.#snapshots.handle(opcode, ino);
      else result = -ESTALE;
    }
    if (opcode === FUSE_STATFS || (opcode === FUSE_LOOKUP && result === -ENAMETOOLONG))
      this.#isCalled ||= Atomics.exchange(this.#bell, 0, 0) !== 0;
    // FORGET awaits no answer, not even that its tree is gone.
    if (result !== NO_REPLY && opcode !== FUSE_FORGET) mount.exchange.reply(result);
  }

  /** Operations stamp the time of their request. */
  stampTime(): void {
    const { volume, agreement } = this.#mount;
    const kernelTime = this.#kernelTime;
    if (kernelTime === null || !agreement.gathersWrites) stampTime(volume, this.#clock.realtimeMs());
    else {
      kernelTime.read();
      volume.setTime(kernelTime.seconds, kernelTime.nanoseconds);
    }
  }

  /**
   * Has the kernel write all that it has gathered; when it is here, `then` is called and `serve` returns
   * `SERVE_CALLED`.
   *
   * @returns false when there is nothing to wait for
   */
  gather(then: () => void): boolean {
    return (
      this.#snapshots !== null &&
      this.#mount.parked.gatherAll(() => {
        then();
        this.#isCalled = true;
      })
    );
  }

  /**
   * Another snapshot is about to take the place of the mounted files (`filesReplaced` follows).
   *
   * @returns false where a kernel would go on to believe in what is gone
   */
  replaceFiles(): boolean {
    if (this.#snapshots === null || !this.#mount.caches.canForgetNames) return false;
    this.#snapshots.noteFiles();
    return true;
  }

  filesReplaced(): void {
    this.#snapshots?.filesReplaced();
  }

  /** Does the kernel gather writes? Then write(2) is not told what becomes of them. */
  get gathersWrites(): boolean {
    return this.#mount.agreement.gathersWrites;
  }

  /** Snapshots have come or gone without the kernel's doing: it is to ask anew for the list of them. */
  forgetSnapshotList(): void {
    this.#snapshots?.changedInside();
  }

  get statistics(): Readonly<Statistics> {
    return this.#mount.statistics;
  }

  // ---- Durability -------------------------------------------------------------------------------------------------

  /** One flush for all who ask for one at this moment: what the kernel has ready is taken first. */
  #finishSyncs(): void {
    const { volume, syncs, statistics } = this.#mount;
    // Others may ask without end.
    for (let left = SYNCS_MAX; left > 0;) {
      const taken = this.#takeReady();
      if (taken === 0) break;
      left -= taken;
    }
    statistics.flushes++;
    const result = syncs.wantAll ? volume.sync() : volume.finishFsync();
    if (syncs.wantAll) this.#dirtySinceMs = 0;
    syncs.answer(result < 0 ? -EIO : 0);
  }

  /**
   * Handles the requests that the kernel has ready, and does not wait for more: a message that it sends back to us
   * (FUSE_NOTIFY_RETRIEVE of nothing) marks the end of its queue. Linux does so for regular files, of which the caller
   * of fsync has one open; for folders nobody else is looked for. The kernel's count of waiting requests (fusectl)
   * would not do: it holds those that are answered until who asked has run.
   *
   * @returns how many there were
   */
  #takeReady(): number {
    const { exchange, syncs } = this.#mount;
    const { device, words } = exchange;
    this.#marker = (this.#marker + 1) & 0x7fffffff;
    putRetrieval(words, R_LENGTH, this.#marker, syncs.node, syncs.tree);
    if (device.send(REPLY_AT, words[R_LENGTH]!) < 0) return 0;
    for (let taken = 0; ; taken++) {
      const length = device.receive(REQUEST_AT, REQUEST_SIZE);
      if (length < 0) {
        // What was taken back while we read it is none; the mark still comes.
        if (length === -EINTR || length === -EAGAIN || length === -ENOENT) continue;
        return 0;
      }
      if (words[Q_OPCODE] === FUSE_NOTIFY_REPLY && words[Q_UNIQUE] === this.#marker) return taken;
      this.#handle(length);
    }
  }

  #commitWhenDue(): void {
    const { volume, statistics } = this.#mount;
    const nowMs = this.#clock.realtimeMs();
    // A clock that was set back must not put the commit off.
    if (this.#dirtySinceMs === 0 || nowMs < this.#dirtySinceMs) this.#dirtySinceMs = nowMs;
    if (nowMs - this.#dirtySinceMs < this.#commitIntervalMs) return;
    statistics.timedCommits++;
    if (volume.commit() < 0) statistics.failedCommits++;
    if (volume.failure !== null) this.#tellFailure(volume.failure);
    this.#dirtySinceMs = 0;
  }

  /**
   * Nobody waits for a commit that the clock asked for: the next caller of fsync gets EIO, and whoever serves the mount
   * is told now.
   */
  #tellFailure(failure: Failure): void {
    if (this.#isFailureTold) return;
    this.#isFailureTold = true;
    const sinceMs = this.#dirtySinceMs;
    this.#onFailure(failure, sinceMs === 0 ? 0 : Math.max(0, this.#clock.realtimeMs() - sinceMs));
  }
}

function stampTime(volume: Volume, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  volume.setTime(seconds, Math.floor((milliseconds - seconds * 1000) * 1e6));
}
