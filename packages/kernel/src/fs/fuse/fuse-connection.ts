/**
 * One file system that a program serves: what waits to be read from /dev/fuse, what was read and has no reply yet, and
 * what was agreed on.
 *
 *     call ─▶ ask ─▶ pending ─▶ read(2) of the server ─▶ processing ─▶ write(2) of it ─▶ the call goes on
 *
 * A call that waits holds no stack: it is executed again from its start once the reply is there, and finds what it has
 * asked before in its `FuseAnswers`. A call that ends without its answer leaves the request to the server, with an
 * INTERRUPT; what such a reply would have handed out is given back (`#giveBack`).
 *
 * Bounds: a call waits for one request at a time, so there are no more of them than tasks; what nobody waits for
 * (RELEASE, FLUSH) is bounded by descriptions, FORGETs by inodes, WRITEs of what mappings have written by their bytes.
 */
import {
  E2BIG,
  ECONNABORTED,
  ECONNREFUSED,
  EIO,
  ENODEV,
  ENOMEM,
  ENOSYS,
  ENOTCONN,
  EPROTO,
  POLLIN,
  POLLRDNORM,
  isErrno,
} from "@stratos/abi";
import {
  FUSE_ACCESS,
  FUSE_ASYNC_READ,
  FUSE_BATCH_FORGET,
  FUSE_BIG_WRITES,
  FUSE_COPY_FILE_RANGE,
  FUSE_CREATE,
  FUSE_DONT_MASK,
  FUSE_DO_READDIRPLUS,
  FUSE_FALLOCATE,
  FUSE_FLOCK_LOCKS,
  FUSE_FLUSH,
  FUSE_FORGET,
  FUSE_FSYNC,
  FUSE_FSYNCDIR,
  FUSE_GETXATTR,
  FUSE_HAS_IOCTL_DIR,
  FUSE_INIT,
  FUSE_INIT_EXT,
  FUSE_INTERRUPT,
  FUSE_LINK,
  FUSE_LISTXATTR,
  FUSE_LOOKUP,
  FUSE_LSEEK,
  FUSE_MAJOR,
  FUSE_MAX_PAGES,
  FUSE_MKDIR,
  FUSE_MKNOD,
  FUSE_NOTIFY_REPLY,
  FUSE_NO_OPENDIR_SUPPORT,
  FUSE_NO_OPEN_SUPPORT,
  FUSE_OPEN,
  FUSE_OPENDIR,
  FUSE_PARALLEL_DIROPS,
  FUSE_POLL,
  FUSE_POSIX_LOCKS,
  FUSE_READDIRPLUS,
  FUSE_READDIRPLUS_AUTO,
  FUSE_RELEASE,
  FUSE_RELEASEDIR,
  FUSE_REMOVEXATTR,
  FUSE_RENAME2,
  FUSE_SETXATTR,
  FUSE_SYMLINK,
  FUSE_TMPFILE,
  FUSE_WRITE,
  FuseBatchForgetIn,
  FuseDirent,
  FuseEntryOut,
  FuseForgetIn,
  FuseForgetOne,
  FuseInHeader,
  FuseInitIn,
  FuseInitOut,
  FuseInterruptIn,
  FuseReleaseIn,
  FuseWriteOut,
} from "@stratos/abi/fuse";
import { byteString, stateClass } from "@stratos/base";
import { BLOCKED, BLOCKED_KILLABLE, WaitQueue } from "../../ground/wait-queue.ts";
import { getU64, put64, putFields, viewOf } from "../../ground/words.ts";
import type { UserNamespace } from "../../security/user-namespace.ts";
import { isToldOfSignal } from "../../signal/send-signal.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";
import { answersOf, FuseAnswers } from "./fuse-answers.ts";
import {
  FuseRequest,
  type Held,
  HEADER_SIZE,
  forEachListed,
  isNameOfOther,
  message,
  NO_NODE,
  type Opaque,
  opaqueAt,
  putOpaque,
} from "./fuse-request.ts";
import type { TakenPages } from "./written-pages.ts";

/** Of the protocol, as far as it is spoken here. */
const MINOR = 39,
  /** Before it structures had other sizes. */
  MINOR_MIN = 12;
/** From it on several FORGETs go at once. */
const MINOR_OF_BATCH = 16;
const READAHEAD = 131072;
/** Pages of one request: what there is without FUSE_MAX_PAGES, and what may be agreed on. */
const PAGES = 32,
  PAGES_MAX = 256;
const OFFERED =
  (FUSE_ASYNC_READ |
    FUSE_POSIX_LOCKS |
    FUSE_BIG_WRITES |
    FUSE_DONT_MASK |
    FUSE_FLOCK_LOCKS |
    FUSE_HAS_IOCTL_DIR |
    FUSE_DO_READDIRPLUS |
    FUSE_READDIRPLUS_AUTO |
    FUSE_NO_OPEN_SUPPORT |
    FUSE_PARALLEL_DIROPS |
    FUSE_MAX_PAGES |
    FUSE_NO_OPENDIR_SUPPORT |
    FUSE_INIT_EXT) >>>
  0;
/** What servers wanted back and have not read yet. */
const HANDED_BACK_MAX = 64;
/** Bytes of WRITEs that nobody waits for, as they are memory of the host. */
const POSTED_MAX = 64 << 20;
/** So many FORGETs go before a request that waits. */
const FORGETS_FIRST = 16;
/** What a server that answers ENOSYS once is not asked for again. */
const ASKED_ONCE: readonly number[] = [
  ...[FUSE_LINK, FUSE_OPEN, FUSE_FSYNC, FUSE_SETXATTR, FUSE_GETXATTR, FUSE_LISTXATTR, FUSE_REMOVEXATTR, FUSE_FLUSH],
  ...[FUSE_OPENDIR, FUSE_FSYNCDIR, FUSE_ACCESS, FUSE_CREATE, FUSE_FALLOCATE, FUSE_RENAME2, FUSE_TMPFILE],
  ...[FUSE_LSEEK, FUSE_COPY_FILE_RANGE, FUSE_POLL],
];
/** Requests whose reply begins with a `fuse_entry_out`: a node is looked up once more. */
const ENTRY_OPCODES: readonly number[] = [
  ...[FUSE_LOOKUP, FUSE_MKNOD, FUSE_MKDIR, FUSE_SYMLINK, FUSE_LINK, FUSE_CREATE, FUSE_TMPFILE],
];

interface MountRules {
  readonly userId: number;
  readonly groupId: number;
  readonly allowsOthers: boolean;
  readonly checksPermissions: boolean;
  /** Bytes of one READ at most. */
  readonly maxRead: number;
}

/** An open file that is waited for (fuse-file.ts). */
interface Polled {
  /** It may be ready for something else. */
  pollNoticed(): void;
}

export class FuseConnection {
  readonly kernel: FsKernel;
  readonly userNamespace: UserNamespace;
  readonly rules: MountRules;
  /** Its number below /sys/fs/fuse/connections. */
  readonly number: number;
  isConnected = true;
  /** It isn't mounted any more: what is left to be told is still read. */
  isEnding = false;
  isInitialized = false;
  /** The server speaks no protocol that is known here. */
  isRefused = false;
  /** Of the protocol as both speak it. */
  minor = 0;
  maxWrite = 4096;
  maxPages = PAGES;
  /** Of the flags that were offered, those that the server takes up. */
  agreed = 0;
  /** Open files by what NOTIFY_POLL names, for an event of which somebody waits or has waited. */
  readonly polled = new Map<number, Polled>();
  /** Descriptors of the device that serve it. */
  devices = 0;
  /** Requests that the server said it doesn't know. */
  readonly unsupported = new Set<number>();
  readonly pending: FuseRequest[] = [];
  readonly forgets: { readonly node: Opaque; readonly count: number }[] = [];
  readonly interrupts: FuseRequest[] = [];
  readonly processing = new Map<number, FuseRequest>();
  /** Who reads the device. */
  readonly readers = new WaitQueue();
  /** Who waits for the end of INIT. */
  readonly starters = new WaitQueue();
  forgetsInRow = 0;
  nextUnique = 2;
  /** Bytes of WRITEs that nobody waits for. */
  postedBytes = 0;

  constructor(kernel: FsKernel, number: number, userNamespace: UserNamespace, rules: MountRules) {
    this.kernel = kernel;
    this.number = number;
    this.userNamespace = userNamespace;
    this.rules = rules;
    const values = { major: FUSE_MAJOR, minor: MINOR, max_readahead: READAHEAD, flags: OFFERED };
    this.post(FUSE_INIT, NO_NODE, message(FuseInitIn, values), 8, FuseInitOut.size);
  }

  /** Bytes of a READ, and of a WRITE. */
  get readSize(): number {
    return Math.min(this.rules.maxRead, this.maxPages * 4096);
  }
  get writeSize(): number {
    return Math.min(this.maxWrite, this.maxPages * 4096);
  }

  /** Does the server decide about ranges that are locked (fcntl(2))? */
  get locksRanges(): boolean {
    return (this.agreed & FUSE_POSIX_LOCKS) !== 0;
  }
  /** … about flock(2)? */
  get locksFiles(): boolean {
    return (this.agreed & FUSE_FLOCK_LOCKS) !== 0;
  }

  /** Does the server list folders with their entries (READDIRPLUS), … */
  get listsEntries(): boolean {
    return (this.agreed & FUSE_DO_READDIRPLUS) !== 0;
  }
  /** … and only where the kernel has use for them? */
  get choosesListings(): boolean {
    return (this.agreed & FUSE_READDIRPLUS_AUTO) !== 0;
  }

  /** Requests without an end yet, for fusectl. */
  get waiting(): number {
    return this.pending.length + this.processing.size;
  }

  /**
   * May the caller come near the files? Without `allow_other` only who mounted them: a server could keep another's
   * programs waiting, or look at what they do (fuse_allow_current_process).
   */
  admits({ credentials }: FsCaller): boolean {
    const { userId, groupId, allowsOthers } = this.rules;
    if (allowsOthers) return credentials.userNamespace.isWithin(this.userNamespace);
    const { uid, euid, suid, gid, egid, sgid } = credentials;
    return [uid, euid, suid].every((id) => id === userId) && [gid, egid, sgid].every((id) => id === groupId);
  }

  /** Who makes the call under way; null: no task does. */
  get caller(): FsCaller | null {
    return (this.kernel.vfs.onBehalf ?? this.kernel.scheduler.current) as FsCaller | null;
  }

  /**
   * Asks the server, or finds what it has answered.
   *
   * @param key  tells the question from others that the same call asks
   * @param make  the request, with room for its header; a negated errno
   * @param least  bytes of the reply behind its header, at least
   * @returns the request with its reply; a negated errno: the server's, −ENOTCONN, −ECONNABORTED, −ENOSYS; BLOCKED,
   *   BLOCKED_KILLABLE: the call is executed again
   */
  ask(
    { node, inode }: { readonly node: Opaque; readonly inode: Held },
    opcode: number,
    key: string,
    make: () => Uint8Array | number,
    least: number,
    most: number,
  ): FuseRequest | number {
    const { caller } = this;
    if (caller === null) return -EIO;
    const answers = answersOf(caller);
    const name = nameOf(node, opcode, key);
    let request = answers.find(this.kernel.syscallCount, this, name);
    if (request === null) {
      if (this.isRefused) return -ECONNREFUSED;
      if (!this.isConnected || this.isEnding) return -ENOTCONN;
      if (this.unsupported.has(opcode)) return -ENOSYS;
      if (!this.isInitialized) {
        caller.waitOn(this.starters);
        return BLOCKED;
      }
      const bytes = make();
      if (isErrno(bytes)) return bytes;
      const what = { opcode, unique: this.nextUnique, node, key: name, bytes };
      this.nextUnique += 2;
      request = new FuseRequest(what, least, most);
      request.inode = inode;
      const { uids, gids } = this.userNamespace;
      const { fsuid, fsgid } = caller.credentials;
      request.address({ uid: uids.shown(fsuid), gid: gids.shown(fsgid), pid: caller.pid });
      answers.add(this, request);
      this.#queue(request);
    }
    if (request.state !== "done") {
      if (!request.isInterrupted && isToldOfSignal(caller)) this.#interrupt(request);
      caller.waitOn(request.queue);
      answers.execution = -1;
      return request.isInterrupted ? BLOCKED_KILLABLE : BLOCKED;
    }
    request.isUsed = true;
    return request.error < 0 ? request.error : request;
  }

  /**
   * The call under way knows that of a file without asking, and does so to its end: it may be executed again when what
   * is known has expired, or is another because of what it did itself.
   *
   * @param name  in a folder; "": its attributes
   * @param found  what the name leads to; null: nothing
   */
  remember(of: Held, name: string, found: Held | null): void {
    const { caller } = this;
    if (caller !== null) answersOf(caller).remember(this.kernel.syscallCount, of, name, found);
  }

  /** What an earlier execution of the call knew so; undefined: it did not. */
  recall(of: Held, name: string): Held | null | undefined {
    const served = this.caller?.permissions?.served;
    return served instanceof FuseAnswers ? served.recall(this.kernel.syscallCount, of, name) : undefined;
  }

  /** The call under way waits for something else than an answer. @returns BLOCKED_KILLABLE */
  wait(queue: WaitQueue): number {
    const { caller } = this;
    if (caller === null) return -EIO;
    caller.waitOn(queue);
    answersOf(caller).execution = -1;
    return BLOCKED_KILLABLE;
  }

  /** Did the call under way ask that before? Then what it was told counts, whatever is known since. */
  isAsked(node: Opaque, opcode: number, key: string): boolean {
    const served = this.caller?.permissions?.served;
    if (!(served instanceof FuseAnswers) || served.asked.length === 0) return false;
    return served.has(this.kernel.syscallCount, this, nameOf(node, opcode, key));
  }

  /** Whose answer it waits for, or hasn't done with, of that kind: whatever it is about in the node. */
  askedOf({ low, high }: Opaque, opcode: number): FuseRequest | null {
    const served = this.caller?.permissions?.served;
    if (!(served instanceof FuseAnswers)) return null;
    const isIt = ({ node, opcode: other }: FuseRequest): boolean =>
      other === opcode && node.low === low && node.high === high;
    return served.asked.find(({ connection, request }) => connection === this && isIt(request))?.request ?? null;
  }

  /** Has it, in this execution or another? */
  isAnswered(node: Opaque, opcode: number, key: string): boolean {
    const served = this.caller?.permissions?.served;
    const name = nameOf(node, opcode, key);
    return (
      served instanceof FuseAnswers &&
      served.asked.some(({ connection, request }) => connection === this && request.key === name)
    );
  }

  /** Has the call under way waited for an event, so that it still stands in the queues of files (poll_wait)? */
  get hasPolled(): boolean {
    const served = this.caller?.permissions?.served;
    return served instanceof FuseAnswers && served.hasPolled;
  }

  /** The call has what it asked for, and won't ask again: the reply may be large. */
  used(request: FuseRequest): void {
    const { caller } = this;
    if (caller !== null) answersOf(caller).drop(request);
    this.leave(request);
  }

  /** Tells the server something that no call waits for. */
  post(
    opcode: number,
    node: Opaque,
    bytes: Uint8Array,
    least = 0,
    most = least,
    inode: Held | null = null,
  ): FuseRequest | null {
    if (!this.isConnected || this.unsupported.has(opcode)) return null;
    const request = new FuseRequest({ opcode, unique: this.nextUnique, node, key: "", bytes }, least, most);
    this.nextUnique += 2;
    request.isPosted = true;
    // No FORGET of it comes before.
    if (inode !== null) request.hold(inode);
    request.address({ uid: 0, gid: 0, pid: 0 });
    this.#queue(request);
    return request;
  }

  /**
   * Gives the server pages that nobody could wait for any more.
   * @param held  until it has taken them
   * @returns whether there was room
   */
  postWrite(node: Opaque, bytes: Uint8Array, pages: TakenPages, held: Held): boolean {
    const { size } = FuseWriteOut;
    if (!this.isConnected || this.postedBytes + bytes.length > POSTED_MAX) return false;
    const request = this.post(FUSE_WRITE, node, bytes, size, size, held);
    if (request === null) return false;
    request.postedBytes = bytes.length;
    request.pages = pages;
    this.postedBytes += bytes.length;
    return true;
  }

  /**
   * Tells the server what it wanted back, by a request of its own number that has no reply.
   * @returns 0; −ENODEV it is over; −ENOMEM it has not read what it wanted before
   */
  handBack(node: Opaque, unique: Opaque, bytes: Uint8Array): number {
    if (!this.isConnected || this.isEnding) return -ENODEV;
    const waiting = this.pending.filter(({ opcode }) => opcode === FUSE_NOTIFY_REPLY);
    if (waiting.length >= HANDED_BACK_MAX) return -ENOMEM;
    const request = new FuseRequest({ opcode: FUSE_NOTIFY_REPLY, unique: 0, node, key: "", bytes }, 0, 0);
    request.isPosted = true;
    request.address({ uid: 0, gid: 0, pid: 0 });
    putOpaque(viewOf(bytes), FuseInHeader.offset.unique, unique);
    this.#queue(request);
    return 0;
  }

  forget(node: Opaque, count: number): void {
    if (!this.isConnected || this.isEnding) return;
    this.forgets.push({ node, count });
    this.#readable();
  }

  #queue(request: FuseRequest): void {
    this.pending.push(request);
    this.#readable();
  }

  #readable(): void {
    this.readers.wakeAll(POLLIN | POLLRDNORM);
  }

  #interrupt(request: FuseRequest): void {
    request.isInterrupted = true;
    if (request.state !== "sent" || this.unsupported.has(FUSE_INTERRUPT)) return;
    this.interrupts.push(request);
    this.#readable();
  }

  get isReadable(): boolean {
    return this.interrupts.length > 0 || this.pending.length > 0 || this.forgets.length > 0;
  }

  /**
   * The next message for a server that has room for `room` bytes.
   * @returns null: there is none
   */
  next(room: number): Uint8Array | null {
    for (let request = this.interrupts.shift(); request !== undefined; request = this.interrupts.shift())
      if (request.state === "sent") return this.#interruptionOf(request);
    const isForgetFirst = this.pending.length === 0 || this.forgetsInRow < FORGETS_FIRST;
    if (this.forgets.length > 0 && isForgetFirst) {
      this.forgetsInRow++;
      return this.#forgetsFor(room);
    }
    this.forgetsInRow = 0;
    for (let request = this.pending.shift(); request !== undefined; request = this.pending.shift()) {
      if (request.bytes.length > room) {
        // Extended attributes may be larger than what was agreed on.
        this.#finish(request, request.opcode === FUSE_SETXATTR ? -E2BIG : -EIO);
        continue;
      }
      if (request.opcode === FUSE_NOTIFY_REPLY) return request.bytes;
      request.state = "sent";
      this.processing.set(request.unique, request);
      if (request.isInterrupted && !this.unsupported.has(FUSE_INTERRUPT)) this.interrupts.push(request);
      return request.bytes;
    }
    return null;
  }

  /** What was read could not be handed over. */
  lost(bytes: Uint8Array): void {
    const unique = getU64(viewOf(bytes), FuseInHeader.offset.unique);
    const request = this.processing.get(unique);
    if (request === undefined || request.bytes !== bytes) return;
    this.processing.delete(unique);
    this.#finish(request, -EIO);
  }

  #interruptionOf(request: FuseRequest): Uint8Array {
    const bytes = message(FuseInterruptIn, { unique: request.unique });
    const values = { len: bytes.length, opcode: FUSE_INTERRUPT, unique: request.unique + 1 };
    putFields(viewOf(bytes), FuseInHeader, values);
    return bytes;
  }

  /** One FORGET, or as many at once as there is room for. */
  #forgetsFor(room: number): Uint8Array {
    const unique = this.nextUnique;
    this.nextUnique += 2;
    if (this.forgets.length === 1 || this.minor < MINOR_OF_BATCH) {
      const { node, count } = this.forgets.shift()!;
      const bytes = message(FuseForgetIn, { nlookup: count });
      putFields(viewOf(bytes), FuseInHeader, { len: bytes.length, opcode: FUSE_FORGET, unique });
      putOpaque(viewOf(bytes), FuseInHeader.offset.nodeid, node);
      return bytes;
    }
    const start = HEADER_SIZE + FuseBatchForgetIn.size;
    const count = Math.min(this.forgets.length, Math.floor((room - start) / FuseForgetOne.size));
    const bytes = message(FuseBatchForgetIn, { count }, null, new Uint8Array(count * FuseForgetOne.size));
    const view = viewOf(bytes);
    putFields(view, FuseInHeader, { len: bytes.length, opcode: FUSE_BATCH_FORGET, unique });
    this.forgets.splice(0, count).forEach(({ node, count: lookups }, index) => {
      const at = start + index * FuseForgetOne.size;
      putOpaque(view, at + FuseForgetOne.offset.nodeid, node);
      put64(view, at + FuseForgetOne.offset.nlookup, lookups);
    });
    return bytes;
  }

  /** The server has answered. @param body  what is behind the header, of a length that the request allows */
  answered(request: FuseRequest, error: number, body: Uint8Array): void {
    this.processing.delete(request.unique);
    request.reply = body;
    this.#finish(request, error);
  }

  /** The server's reply to an INTERRUPT: −EAGAIN, when it doesn't know the request yet; −ENOSYS, when it never will. */
  interruptAnswered(request: FuseRequest, error: number): void {
    if (error === -ENOSYS) this.unsupported.add(FUSE_INTERRUPT);
    else if (!this.interrupts.includes(request)) {
      this.interrupts.push(request);
      this.#readable();
    }
  }

  #finish(request: FuseRequest, error: number): void {
    request.state = "done";
    request.error = error;
    if (error === -ENOSYS && ASKED_ONCE.includes(request.opcode)) this.unsupported.add(request.opcode);
    if (request.opcode === FUSE_INIT) this.#initialized(request);
    if (request.isPosted) {
      this.postedBytes -= request.postedBytes;
      request.endPages();
      if (!request.isTaken) this.#giveBack(request);
      request.drop();
    } else request.queue.wakeAll();
  }

  #initialized({ error, reply }: FuseRequest): void {
    const view = viewOf(reply);
    const { offset } = FuseInitOut;
    const isWhole = reply.length >= 24;
    const isKnown =
      error === 0 &&
      isWhole &&
      view.getUint32(offset.major, true) === FUSE_MAJOR &&
      view.getUint32(offset.minor, true) >= MINOR_MIN;
    if (!isKnown) {
      this.isRefused = true;
      this.abort(-EPROTO);
      return;
    }
    this.minor = Math.min(MINOR, view.getUint32(offset.minor, true));
    const flags = view.getUint32(offset.flags, true);
    this.agreed = flags & OFFERED;
    if ((flags & FUSE_MAX_PAGES) !== 0 && reply.length >= offset.max_pages + 2)
      this.maxPages = Math.min(PAGES_MAX, Math.max(1, view.getUint16(offset.max_pages, true)));
    this.maxWrite = Math.min(PAGES_MAX * 4096, Math.max(4096, view.getUint32(offset.max_write, true)));
    this.isInitialized = true;
    this.starters.wakeAll();
  }

  /** The call that asked is over, or has its answer for good. */
  leave(request: FuseRequest): void {
    request.drop();
    if (request.state === "done") {
      if (!request.isTaken) this.#giveBack(request);
      request.isTaken = true;
      request.endPages();
      return;
    }
    request.isPosted = true;
    if (request.state === "queued") {
      const index = this.pending.indexOf(request);
      if (index >= 0) this.pending.splice(index, 1);
      request.state = "done";
      request.pages?.putBack(0);
      return;
    }
    if (request.inode !== null) request.hold(request.inode);
    if (!request.isInterrupted) this.#interrupt(request);
  }

  /** What a reply hands out that nobody takes. */
  #giveBack({ opcode, error, reply, node }: FuseRequest): void {
    if (error < 0 || !this.isConnected) return;
    const view = viewOf(reply);
    let found = node;
    if (opcode === FUSE_READDIRPLUS) this.#giveBackListed(reply);
    if (ENTRY_OPCODES.includes(opcode) && reply.length >= FuseEntryOut.size) {
      found = opaqueAt(view, FuseEntryOut.offset.nodeid);
      if (found.low !== 0 || found.high !== 0) this.forget(found, 1);
    }
    const isMade = opcode === FUSE_CREATE || opcode === FUSE_TMPFILE;
    const at = isMade ? FuseEntryOut.size : 0;
    if (!isMade && opcode !== FUSE_OPEN && opcode !== FUSE_OPENDIR) return;
    if (reply.length < at + 8) return;
    const release = opcode === FUSE_OPENDIR ? FUSE_RELEASEDIR : FUSE_RELEASE;
    this.post(release, found, message(FuseReleaseIn, {}, opaqueAt(view, at)));
  }

  #giveBackListed(reply: Uint8Array): void {
    forEachListed(reply, (entry, at, length) => {
      const node = opaqueAt(entry, FuseEntryOut.offset.nodeid);
      const nameAt = at + FuseDirent.size;
      if ((node.low !== 0 || node.high !== 0) && isNameOfOther(byteString(reply, nameAt, nameAt + length)))
        this.forget(node, 1);
    });
  }

  /** It is over: whoever waits goes on with `error`, and whoever comes hears ENOTCONN. */
  abort(error = -ECONNABORTED): void {
    if (!this.isConnected) return;
    this.isConnected = false;
    const left = [...this.pending.splice(0), ...this.processing.values()];
    this.processing.clear();
    this.interrupts.length = this.forgets.length = this.postedBytes = 0;
    for (const request of left) {
      request.state = "done";
      request.error = error;
      if (request.isPosted) {
        request.pages?.arrived();
        request.drop();
      }
      request.queue.wakeAll();
    }
    this.readers.wakeAll();
    this.starters.wakeAll();
    for (const file of this.polled.values()) file.pollNoticed();
  }

  /** The last mount is gone. What no call waits for is read before the end. */
  end(): void {
    this.isEnding = true;
    this.forgets.length = 0;
    this.readers.wakeAll();
    if (this.devices === 0) this.abort();
  }

  static {
    stateClass("FuseConnection", this);
  }
}

function nameOf({ low, high }: Opaque, opcode: number, key: string): string {
  return `${opcode} ${high}:${low} ${key}`;
}
