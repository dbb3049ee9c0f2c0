/**
 * Serves the files of a volume to a Linux kernel: takes its requests one after the other, and answers each from the
 * engine.
 *
 * A node of the kernel is an inode and a tree: the low word is the engine's inode number, the high one 0 for the
 * subvolume that is mounted, the number of another subvolume (a snapshot, seen through `.snapshots`), or
 * `VIRTUAL_TREE`. No table leads from one to the other.
 *
 * Nothing but this mount changes the volume, so the kernel may keep what it was told for as long as it likes: names,
 * their absence, attributes, content. Opening and closing need no message at all (FUSE_NO_OPEN_SUPPORT); what keeps a
 * file without names alive is that the kernel knows its node (lookup-counts.ts).
 *
 * A request makes no object, closure or BigInt: its words are read where the device put them, the answer is put where
 * the device takes it. Order of the calls for each message: `receive`, `handle` (requests/*.ts), `send`; commits happen
 * after an answer, never within.
 */
import { EAGAIN, EINTR, EIO, ENODEV, ENOENT, ENOSYS, ESTALE } from "@stratos/abi";
import { Attributes, DirectoryEntry, ROOT_INO } from "@stratos/aegisfs";
import type { Failure, Subvolume, Volume } from "@stratos/aegisfs";
import { byteString } from "@stratos/base";
import type { Clock } from "@stratos/host";
import type { FuseDevice } from "./device.ts";
import { KernelTime } from "./kernel-time.ts";
import { ListingHabits } from "./listing-habits.ts";
import { LookupCounts } from "./lookup-counts.ts";
import { ParkedRequests } from "./parked-requests.ts";
import { REQUESTS } from "./requests/request-table.ts";
import { FOLDER_INO, SnapshotFolder, VIRTUAL_TREE } from "./snapshot-folder.ts";
import { getSigned } from "./wire/attribute-words.ts";
import {
  B,
  FATTR_CTIME,
  FUSE_WRITE_CACHE,
  HEADER_SIZE,
  NO_REPLY,
  Q_GID,
  Q_LENGTH,
  Q_NODE,
  Q_NODE_TREE,
  Q_OPCODE,
  Q_UID,
  Q_UNIQUE,
  R_ERROR,
  R_LENGTH,
  R_UNIQUE,
  REPLY_AT,
  REPLY_DATA_AT,
  REPLY_HEADER_SIZE,
  REQUEST_AT,
  REQUEST_SIZE,
} from "./wire/layout.ts";
import { INC_EPOCH_WORDS, INVAL_INODE_WORDS, putEpoch, putInvalidation, putRetrieval } from "./wire/notify-words.ts";
import { FUSE_FORGET, FUSE_NOTIFY_REPLY, FUSE_SETATTR, FUSE_STATFS, FUSE_WRITE, OPCODES } from "./wire/opcodes.ts";

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
   * One word. Another thread makes it other than 0 and asks for the mount's free space: `serve` then returns
   * `SERVE_CALLED`, between two requests.
   */
  bell?: Int32Array;
}

/** `serve` was called away, and is to be called again. */
export const SERVE_CALLED = 1;

/** Subtrees of deleted snapshots that are freed in one pause. */
const RECLAIM_STEPS = 4;
/** Requests after which no more callers of fsync are waited for. */
const SYNCS_MAX = 512;

export class FuseServer {
  readonly device: FuseDevice;
  readonly volume: Volume;
  readonly clock: Clock;
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  /** The subvolume that is mounted. */
  readonly files: Subvolume;
  readonly writebackCache: boolean;
  readonly accessTimes: "relative" | "strict" | "never";
  readonly folderAccessTimes: boolean;
  readonly checksPermissions: boolean;
  readonly snapshots: SnapshotFolder | null;
  readonly counts = new LookupCounts();
  readonly habits = new ListingHabits();
  /** What has to see all writes, and waits for those that the kernel has gathered. */
  readonly parked: ParkedRequests;
  /** The clock that the kernel stamps files with, when it does. */
  readonly kernelTime = new KernelTime();
  /**
   * Files that a rollback changed, and which: what the kernel keeps of them itself is told to be of other files
   * (names.ts, `replyEntry`).
   */
  readonly rolledBack = new Map<number, number>();
  /** Does the kernel gather writes? Known after INIT. */
  gathersWrites = false;
  /** Scratch of the request at hand. */
  readonly attributes = new Attributes();
  readonly entry = new DirectoryEntry();
  /** Requests by opcode, and those that failed. */
  readonly handled = new Float64Array(OPCODES);
  failed = 0;
  /** Flushes for callers of fsync: each serves all who waited. */
  flushes = 0;
  /** Inodes whose access time needs no look: at most one for each place. */
  readonly freshAccess = new Uint32Array(4096);
  /** The last inode that was seen to have no capabilities. */
  inoWithoutCapabilities = 0;
  /** The inode of the last UNLINK. */
  lastUnlinked = 0;
  /** Protocol that was agreed on; 0 before INIT. */
  minor = 0;
  /** Bytes of fuse_setxattr_in. */
  setXattrSize = 8;
  /** Commits that the clock asked for, and those of them that failed. */
  timedCommits = 0;
  failedCommits = 0;
  readonly #commitIntervalMs: number;
  readonly #bell: Int32Array;
  readonly #onFailure: (failure: Failure, unsavedMs: number) => void;
  #isFailureTold = false;
  #isCalled = false;
  /** When the oldest change that is not durable yet was made; 0: there is none. */
  #dirtySinceMs = 0;
  #syncsAll = false;
  /** Callers of fsync that wait for the next flush: unique, two words for each. */
  #syncing = new Uint32Array(SYNCS_MAX * 2);
  #syncs = 0;
  #marker = 0;
  /** The node that was last asked to be made durable. */
  #syncedNode = 0;
  #syncedTree = 0;

  constructor(device: FuseDevice, volume: Volume, clock: Clock, options: ServeOptions = {}) {
    this.device = device;
    this.volume = volume;
    this.clock = clock;
    this.words = new Uint32Array(device.memory);
    this.bytes = new Uint8Array(device.memory);
    this.files = options.files ?? volume.root;
    this.writebackCache = options.writebackCache ?? true;
    this.accessTimes = options.accessTimes ?? "relative";
    this.folderAccessTimes = this.accessTimes !== "never" && (options.folderAccessTimes ?? true);
    this.checksPermissions = options.checksPermissions ?? true;
    this.snapshots = options.controlNames === false ? null : new SnapshotFolder(this);
    this.#commitIntervalMs = options.commitIntervalMs ?? 5000;
    this.parked = new ParkedRequests(this);
    this.#bell = options.bell ?? new Int32Array(1);
    this.#onFailure = options.onFailure ?? (() => {});
    // The root is known without being looked up, and never forgotten.
    this.counts.add(ROOT_INO, 0);
  }

  /**
   * Serves until the mount ends, then makes everything durable.
   *
   * @returns 0, or the negated errno of the device or of the last commit; `SERVE_CALLED` while the mount goes on
   */
  serve(): number {
    const ended = this.#loop();
    if (ended === SERVE_CALLED) return ended;
    const committed = this.volume.sync();
    return ended < 0 ? ended : committed;
  }

  #loop(): number {
    const { device } = this;
    for (;;) {
      const length = device.receive(REQUEST_AT, REQUEST_SIZE);
      if (length < 0) {
        if (length === -ENODEV) return 0;
        if (length === -EINTR || length === -EAGAIN || length === -ENOENT) continue;
        return length;
      }
      this.handle(length);
      if (this.#syncs > 0) this.#finishSyncs();
      if (this.parked.hasReady) this.parked.resume();
      // The clock's side asks for it every few seconds.
      if (this.words[Q_OPCODE] === FUSE_STATFS) this.parked.giveUp();
      if (this.volume.failure !== null) this.#tellFailure(this.volume.failure);
      else if (this.volume.hasChanges) this.#commitWhenDue();
      else {
        this.#dirtySinceMs = 0;
        // Asked by the clock's side while nobody else asks anything: time for what deleted snapshots have left.
        if (this.words[Q_OPCODE] === FUSE_STATFS && !this.volume.readOnly) this.volume.reclaim(RECLAIM_STEPS);
      }
      if (this.#isCalled) {
        this.#isCalled = false;
        return SERVE_CALLED;
      }
    }
  }

  /** Handles the request of `length` bytes that is in memory, and answers it. */
  handle(length: number): void {
    const { words } = this;
    if (length < HEADER_SIZE || words[Q_LENGTH] !== length) return;
    this.stampTime();
    const opcode = words[Q_OPCODE]!;
    if (opcode === FUSE_STATFS && Atomics.exchange(this.#bell, 0, 0) !== 0) this.#isCalled = true;
    // quota(7): root is counted, and not bound. Who wrote what the kernel gathered is not known any more (such a
    // message comes from nobody).
    this.volume.enforcesQuotas =
      words[Q_UID] !== 0 || (opcode === FUSE_WRITE && (words[B + 5]! & FUSE_WRITE_CACHE) !== 0);
    const request = opcode < OPCODES ? REQUESTS[opcode] : undefined;
    let result: number;
    if (request === undefined) result = -ENOSYS;
    else {
      this.handled[opcode]!++;
      const ino = words[Q_NODE]!;
      const tree = words[Q_NODE_TREE]!;
      const files = tree === 0 ? this.files : this.treeOf(tree);
      if (files !== null) result = request(this, files, ino);
      else if (tree === VIRTUAL_TREE && this.snapshots !== null) result = this.snapshots.handle(opcode, ino);
      else result = -ESTALE;
    }
    // FORGET awaits no answer, not even that its tree is gone.
    if (result !== NO_REPLY && opcode !== FUSE_FORGET) this.reply(result);
  }

  /** Answers the request at hand: `result` bytes of payload, or a negated errno. */
  reply(result: number): void {
    const { words } = this;
    if (result < 0) {
      this.failed++;
      words[R_LENGTH] = REPLY_HEADER_SIZE;
      words[R_ERROR] = result;
    } else {
      words[R_LENGTH] = REPLY_HEADER_SIZE + result;
      words[R_ERROR] = 0;
    }
    words[R_UNIQUE] = words[Q_UNIQUE]!;
    words[R_UNIQUE + 1] = words[Q_UNIQUE + 1]!;
    // Whoever asked may be gone (ENOENT): its request was served all the same, as when it had died a moment later.
    this.device.send(REPLY_AT, words[R_LENGTH]!);
  }

  /** Operations stamp the time of their request. */
  stampTime(): void {
    const milliseconds = this.clock.realtimeMs();
    const seconds = Math.floor(milliseconds / 1000);
    const nanoseconds = Math.floor((milliseconds - seconds * 1000) * 1e6);
    if (!this.gathersWrites) {
      this.volume.setTime(seconds, nanoseconds);
      return;
    }
    const { kernelTime, words } = this;
    if (words[Q_OPCODE] === FUSE_SETATTR && (words[B]! & FATTR_CTIME) !== 0)
      kernelTime.told(getSigned(words, B + 12), words[B + 16]!);
    kernelTime.move(seconds, nanoseconds);
    this.volume.setTime(kernelTime.seconds, kernelTime.nanoseconds);
  }

  /** The subvolume of a node's high word; null when it is none of the volume's. */
  treeOf(tree: number): Subvolume | null {
    if (tree === 0) return this.files;
    return tree === VIRTUAL_TREE || this.snapshots === null ? null : this.volume.subvolume(tree);
  }

  get uid(): number {
    return this.words[Q_UID]!;
  }

  get gid(): number {
    return this.words[Q_GID]!;
  }

  /** The name that begins at byte `at` of the request, up to its zero byte. */
  name(at: number): string {
    const { bytes } = this;
    let end = at;
    const limit = REQUEST_AT + this.words[Q_LENGTH]!;
    while (end < limit && bytes[end] !== 0) end++;
    return byteString(bytes, at, end);
  }

  /** Puts a byte string at the start of the payload; returns its length. */
  putText(text: string): number {
    for (let index = 0; index < text.length; index++) this.bytes[REPLY_DATA_AT + index] = text.charCodeAt(index);
    return text.length;
  }

  /** Keeps a file for the kernel, which knows it, when its last name is about to go. */
  keepForKernel(files: Subvolume, ino: number): void {
    if (this.counts.keep(ino, this.words[Q_NODE_TREE]!)) files.pin(ino);
  }

  forget(ino: number, tree: number, times: number): void {
    if (ino === ROOT_INO && tree === 0) return;
    if (this.counts.forget(ino, tree, times)) this.treeOf(tree)?.unpin(ino);
  }

  // ---- What the kernel must not believe any more ------------------------------------------------------------------

  /** Does the kernel forget names when it is told so (FUSE_NOTIFY_INC_EPOCH, Linux 6.16)? */
  get canForgetNames(): boolean {
    putEpoch(this.words, R_LENGTH);
    return this.device.send(REPLY_AT, REPLY_HEADER_SIZE) === 0;
  }

  /** The mounted files are others now: the kernel is to ask for everything again. */
  forgetAll(): void {
    this.freshAccess.fill(0);
    this.inoWithoutCapabilities = 0;
    const nodes: number[] = [];
    this.counts.forEach((node, tree) => void (tree === 0 && nodes.push(node)));
    const words = new Uint32Array(nodes.length * INVAL_INODE_WORDS + INC_EPOCH_WORDS);
    nodes.forEach((node, index) => putInvalidation(words, index * INVAL_INODE_WORDS, node, 0));
    putEpoch(words, nodes.length * INVAL_INODE_WORDS);
    this.device.notify(new Uint8Array(words.buffer));
  }

  /**
   * Has the kernel write all that it has gathered; when it is here, `then` is called and `serve` returns
   * `SERVE_CALLED`.
   *
   * @returns false when there is nothing to wait for
   */
  gather(then: () => void): boolean {
    return (
      this.snapshots !== null &&
      this.parked.gatherAll(() => {
        then();
        this.#isCalled = true;
      })
    );
  }

  /** Snapshots have come or gone without the kernel's doing: it is to ask anew for the list of them. */
  forgetSnapshotList(): void {
    if (this.snapshots === null) return;
    this.snapshots.changed();
    const words = new Uint32Array(INVAL_INODE_WORDS);
    putInvalidation(words, 0, FOLDER_INO, VIRTUAL_TREE);
    this.device.notify(new Uint8Array(words.buffer));
  }

  // ---- Durability -------------------------------------------------------------------------------------------------

  /**
   * The caller's request is answered when what it asked for is durable, which happens before any other request is
   * waited for.
   *
   * @param all  all of the volume, not the files alone that were prepared for it
   */
  sync(all: boolean): number {
    const { words } = this;
    this.#syncsAll ||= all;
    this.#syncedNode = words[Q_NODE]!;
    this.#syncedTree = words[Q_NODE_TREE]!;
    if (this.#syncs * 2 === this.#syncing.length) {
      const larger = new Uint32Array(this.#syncing.length * 2);
      larger.set(this.#syncing);
      this.#syncing = larger;
    }
    this.#syncing[this.#syncs * 2] = words[Q_UNIQUE]!;
    this.#syncing[this.#syncs * 2 + 1] = words[Q_UNIQUE + 1]!;
    this.#syncs++;
    return NO_REPLY;
  }

  /** One flush for all who ask for one at this moment: what the kernel has ready is taken first. */
  #finishSyncs(): void {
    const { words } = this;
    // Others may ask without end.
    for (let left = SYNCS_MAX; left > 0;) {
      const taken = this.#takeReady();
      if (taken === 0) break;
      left -= taken;
    }
    this.flushes++;
    const result = this.#syncsAll ? this.volume.sync() : this.volume.finishFsync();
    if (this.#syncsAll) this.#dirtySinceMs = 0;
    this.#syncsAll = false;
    for (let index = 0; index < this.#syncs; index++) {
      words[Q_UNIQUE] = this.#syncing[index * 2]!;
      words[Q_UNIQUE + 1] = this.#syncing[index * 2 + 1]!;
      this.reply(result < 0 ? -EIO : 0);
    }
    this.#syncs = 0;
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
    const { device, words } = this;
    this.#marker = (this.#marker + 1) & 0x7fffffff;
    putRetrieval(words, R_LENGTH, this.#marker, this.#syncedNode, this.#syncedTree);
    if (device.send(REPLY_AT, words[R_LENGTH]!) < 0) return 0;
    for (let taken = 0; ; taken++) {
      const length = device.receive(REQUEST_AT, REQUEST_SIZE);
      if (length < 0) {
        // What was taken back while we read it is none; the mark still comes.
        if (length === -EINTR || length === -EAGAIN || length === -ENOENT) continue;
        return 0;
      }
      if (words[Q_OPCODE] === FUSE_NOTIFY_REPLY && words[Q_UNIQUE] === this.#marker) return taken;
      this.handle(length);
    }
  }

  #commitWhenDue(): void {
    const nowMs = this.clock.realtimeMs();
    // A clock that was set back must not put the commit off.
    if (this.#dirtySinceMs === 0 || nowMs < this.#dirtySinceMs) this.#dirtySinceMs = nowMs;
    if (nowMs - this.#dirtySinceMs < this.#commitIntervalMs) return;
    this.timedCommits++;
    if (this.volume.commit() < 0) this.failedCommits++;
    if (this.volume.failure !== null) this.#tellFailure(this.volume.failure);
    this.#dirtySinceMs = 0;
  }

  /**
   * Nobody waits for a commit that the clock asked for: the next caller of fsync gets EIO, and whoever serves the mount
   * is told now.
   */
  #tellFailure(failure: Failure): void {
    if (this.#isFailureTold) return;
    this.#isFailureTold = true;
    this.#onFailure(failure, this.#dirtySinceMs === 0 ? 0 : Math.max(0, this.clock.realtimeMs() - this.#dirtySinceMs));
  }
}
