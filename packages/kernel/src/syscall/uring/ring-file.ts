/**
 * A ring of io_uring(7): what a program and the kernel share, and what the kernel keeps beside it. Source: io_uring(7),
 * io_uring_setup(2); Linux 6.12 io_uring/io_uring.c.
 *
 *     at 0 and at IORING_OFF_CQ_RING:  heads, tails, flags │ completions │ array of indices
 *     at IORING_OFF_SQES:              submissions
 *     at IORING_OFF_PBUF_RING:         buffer rings that the kernel has made, by their group
 *
 * The program writes the submissions' tail and the completions' head, at any time and as it likes: both are masked, and
 * count for nothing but how many there are. All else is kept here.
 *
 * Requests (request.ts) are in `active` from their submission to their end, in that order. What can go on is in
 * `ready`; `execute.ts` executes it, in the caller's own call or between slices (uring-state.ts).
 */
import {
  EINVAL,
  ENOMEM,
  O_CLOEXEC,
  O_RDWR,
  PAGE_SIZE,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  RLIMIT_NPROC,
} from "@stratos/abi";
import {
  IORING_CQ_EVENTFD_DISABLED,
  IORING_OFF_CQ_RING,
  IORING_OFF_MMAP_MASK,
  IORING_OFF_PBUF_RING,
  IORING_OFF_PBUF_SHIFT,
  IORING_OFF_SQES,
  IORING_SETUP_CQE32,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_TASKRUN_FLAG,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_NEED_WAKEUP,
  IORING_SQ_TASKRUN,
  IoUringCqe,
  IoUringSqe,
} from "@stratos/abi/io-uring";
import { stateClass } from "@stratos/base";
import type { EventFile } from "../../event/eventfd.ts";
import type { PageCache } from "../../frames/page-cache.ts";
import { WaitQueue } from "../../ground/wait-queue.ts";
import type { Credentials } from "../../security/credentials.ts";
import { RingMemory } from "../../socket/packet/ring-memory.ts";
import type { Kernel } from "../../task/kernel-state.ts";
import type { Task } from "../../task/task.ts";
import { Timer } from "../../time/timer-queue.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import { CountedTimeouts } from "./counted-timeouts.ts";
import { leaveSlot, type FixedTable, type Slot } from "./fixed-files.ts";
import { forgetFutexWait } from "../../task/futex.ts";
import type { BufferGroup } from "./provided-buffers.ts";
import { RequestNames } from "./request-names.ts";
import type { Request, RequestRing } from "./request.ts";
import type { RequestTask } from "./request-task.ts";

/** `struct io_rings`: where its words are. */
export const RING = {
  sqHead: 0,
  sqTail: 4,
  cqHead: 8,
  cqTail: 12,
  sqMask: 16,
  cqMask: 20,
  sqEntries: 24,
  cqEntries: 28,
  sqDropped: 32,
  sqFlags: 36,
  cqFlags: 40,
  cqOverflow: 44,
  cqes: 64,
} as const;

/** Results that wait for room. Linux takes kernel memory for them; beyond, `cq_overflow` counts what is lost. */
const OVERFLOW_MAX = 65536;

/** A result that has no room yet. */
interface Overflown {
  readonly low: number;
  readonly high: number;
  readonly result: number;
  readonly flags: number;
}

export interface FixedBuffer {
  readonly address: number;
  readonly length: number;
}

interface Restrictions {
  readonly registers: Set<number>;
  readonly operations: Set<number>;
  allowedFlags: number;
  requiredFlags: number;
}

/** Its numbers of entries are powers of two. */
interface RingShape {
  readonly flags: number;
  readonly sqEntries: number;
  readonly cqEntries: number;
  readonly idleMs: number;
}

/** Who has it told what it has to do. */
export interface RingRunner {
  ringReady(ring: RingFile): void;
  ringGone(ring: RingFile): void;
  /** So many records more of the host's memory (URING_RECORDS_MAX). @returns false: there is no room */
  keep(records: number): boolean;
  mayKeep(records: number): boolean;
  letGo(records: number): void;
  /** It has results. Not nested: rings may wait for each other. */
  tell(ring: RingFile): void;
  /** A ring tells that it has results: what waits for that, and makes results by it, does so once. */
  readonly isTelling: boolean;
  /** Who executes requests. @param owner  of one of them */
  executor(owner: Task): RequestTask;
}

export class RingFile extends OpenFile implements RequestRing, FixedTable {
  readonly kernel: Kernel;
  readonly shape: RingShape;
  readonly memory: RingMemory;
  /** Where `sq_off.array` is. */
  readonly arrayAt: number;
  readonly cqeSize: number;
  readonly sqeSize: number;
  #runner: RingRunner;
  /** Pollers, and callers of io_uring_enter. */
  readonly queue = new WaitQueue();

  /** How far the submissions are taken, and the completions given: 32 bits. */
  sqHead = 0;
  #cqTail = 0;
  readonly overflow: Overflown[] = [];
  /** Results that no timeout has made, and timeouts that have gone off. */
  resultCount = 0;
  timeoutCount = 0;
  hasLost = false;

  /** Records of the host's memory that it keeps, without those of its requests. */
  #kept = 0;

  /** In the order of their submission. Bound: URING_RECORDS_MAX. */
  readonly active = new Set<Request>();
  readonly names = new RequestNames(this.active);
  /** To be executed. */
  ready: Request[] = [];
  /** Of requests that are done. */
  #freed: Slot<unknown>[] = [];
  /** Heads of chains that wait for those before them (IOSQE_IO_DRAIN). */
  readonly deferred: Request[] = [];
  readonly counted = new CountedTimeouts();
  /** A chain that is being submitted in pieces: its owner's next submissions belong to it. */
  chain: { readonly head: Request; last: Request } | null = null;
  /** What is submitted next waits for all before it: it follows a chain in which one has IOSQE_IO_DRAIN. */
  drainsNext = false;
  /**
   * Entries are being taken: what is done at once is told when all are, and is no news (IORING_REGISTER_EVENTFD_ASYNC).
   */
  #isSubmitting = false;
  #isTellingDue = false;
  /** When it tells, its event file is signalled. */
  #signals = false;
  #isSignalling = false;
  /** A request with IOSQE_CQE_SKIP_SUCCESS was there: nothing can be drained any more. */
  isDrainDisabled = false;

  /** IORING_SETUP_R_DISABLED, until IORING_REGISTER_ENABLE_RINGS. */
  isDisabled = false;
  /** IORING_SETUP_SINGLE_ISSUER, once it is known. */
  submitter: Task | null = null;
  /** Who made it, for whom its poller submits. */
  maker: Task;
  readonly credentials: Credentials;
  isClosed = false;

  eventFile: EventFile | null = null;
  /** Only what is not done at once is told to it (IORING_REGISTER_EVENTFD_ASYNC). */
  isEventAsync = false;
  files: (Slot<OpenFile> | null)[] | null = null;
  /** Where IORING_FILE_INDEX_ALLOC looks. */
  allocation = { start: 0, end: 0, next: 0 };
  buffers: (Slot<FixedBuffer> | null)[] | null = null;
  readonly groups = new Map<number, BufferGroup>();
  readonly personalities = new Map<number, Credentials>();
  lastPersonality = 0;
  restrictions: Restrictions | null = null;
  /** IORING_REGISTER_CLOCK: of the waits for results. */
  clock = 1;
  /** IORING_REGISTER_IOWQ_MAX_WORKERS: kept, and told. */
  readonly workers: number[];

  /** The poller of IORING_SETUP_SQPOLL looks for submissions. */
  isPolling = false;
  readonly idleTimer = new Timer(this);

  constructor(kernel: Kernel, maker: Task, shape: RingShape, runner: RingRunner) {
    super(O_RDWR | O_CLOEXEC, null, null);
    this.kernel = kernel;
    this.maker = maker;
    this.credentials = maker.credentials;
    this.shape = shape;
    this.workers = [Math.min(shape.sqEntries, 4 * kernel.harts), maker.group.limits[RLIMIT_NPROC]!.soft];
    this.#runner = runner;
    this.memory = new RingMemory(kernel.memory);
    this.cqeSize = (shape.flags & IORING_SETUP_CQE32) !== 0 ? 2 * IoUringCqe.size : IoUringCqe.size;
    this.sqeSize = (shape.flags & IORING_SETUP_SQE128) !== 0 ? 2 * IoUringSqe.size : IoUringSqe.size;
    // At the head of a line of the cache (SMP_CACHE_BYTES).
    this.arrayAt = Math.ceil((RING.cqes + shape.cqEntries * this.cqeSize) / 64) * 64;
    const { memory } = this;
    memory.storeU32(RING.sqMask, shape.sqEntries - 1);
    memory.storeU32(RING.cqMask, shape.cqEntries - 1);
    memory.storeU32(RING.sqEntries, shape.sqEntries);
    memory.storeU32(RING.cqEntries, shape.cqEntries);
  }

  has(setup: number): boolean {
    return (this.shape.flags & setup) !== 0;
  }

  override get waitQueue(): WaitQueue {
    return this.queue;
  }

  override get description(): string {
    return "anon_inode:[io_uring]";
  }

  override get isPassable(): boolean {
    return false;
  }

  /** Bytes that can be mapped at an offset of mmap(2): 0 where nothing is. */
  sizeAt(offset: number): number {
    const area = (offset & IORING_OFF_MMAP_MASK) >>> 0;
    if (area === 0 || area === IORING_OFF_CQ_RING)
      return this.arrayAt + (this.has(IORING_SETUP_NO_SQARRAY) ? 0 : this.shape.sqEntries * 4);
    return area === IORING_OFF_SQES ? this.shape.sqEntries * this.sqeSize : 0;
  }

  override mapping(offset = 0, length = 0): PageCache | number {
    if (offset > 0xffffffff) return -EINVAL;
    if ((offset & IORING_OFF_MMAP_MASK) >>> 0 === IORING_OFF_PBUF_RING) {
      const group = this.groups.get((offset - IORING_OFF_PBUF_RING) >>> IORING_OFF_PBUF_SHIFT);
      return group?.memory == null || length > pagesOf(group.entries * 16) ? -EINVAL : group.memory.pages;
    }
    const size = this.sizeAt(offset);
    // No place in memory is looked for (io_uring_get_unmapped_area).
    if (size === 0 || this.has(IORING_SETUP_NO_MMAP)) return -ENOMEM;
    return length > pagesOf(size) ? -EINVAL : this.memory.pages;
  }

  /** Both rings are one (IORING_FEAT_SINGLE_MMAP), and a buffer ring has memory of its own. */
  override mappedFrom(offset: number): number {
    const area = (offset & IORING_OFF_MMAP_MASK) >>> 0;
    return area === IORING_OFF_SQES ? offset : area === IORING_OFF_PBUF_RING ? offset % 0x10000 : offset - area;
  }

  override poll(): number {
    let events = 0;
    if (this.submissions < this.shape.sqEntries) events |= POLLOUT | POLLWRNORM;
    if (this.results > 0 || this.overflow.length > 0 || (this.isDeferred && this.ready.length > 0))
      events |= POLLIN | POLLRDNORM;
    return events;
  }

  /** What waits to be executed does so in its submitter's own calls (IORING_SETUP_DEFER_TASKRUN). */
  get isDeferred(): boolean {
    return this.has(IORING_SETUP_DEFER_TASKRUN);
  }

  /** Entries that the program has submitted, and that are not taken. */
  get submissions(): number {
    return (this.memory.loadU32(RING.sqTail) - this.sqHead) >>> 0;
  }

  /** Results that the program has not taken, of those it can see. */
  get results(): number {
    return Math.min((this.#cqTail - this.memory.loadU32(RING.cqHead)) >>> 0, this.shape.cqEntries);
  }

  /** Records of the host's memory for as long as the ring is there, or it lets go of them. @returns false: no room */
  keep(records: number): boolean {
    if (!this.#runner.keep(records)) return false;
    this.#kept += records;
    return true;
  }

  mayKeep(records: number): boolean {
    return this.#runner.mayKeep(records);
  }

  letGo(records: number): void {
    this.#kept -= records;
    this.#runner.letGo(records);
  }

  /** The same for as long as the request is there. */
  keepFor(request: Request, records: number): boolean {
    if (!this.#runner.keep(records)) return false;
    request.kept += records;
    return true;
  }

  get cqTail(): number {
    return this.#cqTail;
  }

  setFlag(flag: number, on: boolean): void {
    const flags = this.memory.loadU32(RING.sqFlags);
    const next = on ? flags | flag : flags & ~flag;
    if (next !== flags) this.memory.storeU32(RING.sqFlags, next >>> 0);
  }

  // ---- Results

  /** Is there room for a result that is not a request's last? */
  get hasRoom(): boolean {
    return this.overflow.length === 0 && this.results < this.shape.cqEntries;
  }

  /** Not even what waits for room has any: a result would be lost. */
  get isFull(): boolean {
    return !this.hasRoom && this.overflow.length >= OVERFLOW_MAX;
  }

  /** @param isTimeout  a timeout's: such results end no other */
  post(low: number, high: number, result: number, flags: number, isTimeout = false): void {
    if (this.isClosed) return;
    if (!isTimeout) this.resultCount++;
    if (this.hasRoom) this.#store(low, high, result, flags);
    else if (this.overflow.length < OVERFLOW_MAX && this.keep(1)) {
      this.overflow.push({ low, high, result, flags });
      this.setFlag(IORING_SQ_CQ_OVERFLOW, true);
    } else {
      this.hasLost = true;
      this.memory.storeU32(RING.cqOverflow, (this.memory.loadU32(RING.cqOverflow) + 1) >>> 0);
    }
    this.#tell();
  }

  #store(low: number, high: number, result: number, flags: number): void {
    const { memory, cqeSize } = this;
    const at = RING.cqes + (this.#cqTail & (this.shape.cqEntries - 1)) * cqeSize;
    memory.storeU32(at, low);
    memory.storeU32(at + 4, high);
    memory.storeU32(at + IoUringCqe.offset.res, result >>> 0);
    memory.storeU32(at + IoUringCqe.offset.flags, flags >>> 0);
    for (let more = IoUringCqe.size; more < cqeSize; more += 4) memory.storeU32(at + more, 0);
    this.#cqTail = (this.#cqTail + 1) >>> 0;
    memory.storeU32(RING.cqTail, this.#cqTail);
  }

  beginSubmitting(): void {
    this.#isSubmitting = true;
  }

  get isSubmitting(): boolean {
    return this.#isSubmitting;
  }

  endSubmitting(): void {
    this.#isSubmitting = false;
    if (!this.#isTellingDue) return;
    this.#isTellingDue = false;
    this.#tell(true);
  }

  /** @param isOfSubmission  of what was done at once */
  #tell(isOfSubmission = false): void {
    if (this.#isSubmitting) {
      this.#isTellingDue = true;
      return;
    }
    // A request of its own that waits for that very event is ready: nothing is done that the event would tell of.
    if (!this.#isSignalling && (!this.isEventAsync || !isOfSubmission)) this.#signals = true;
    this.#runner.tell(this);
  }

  /** `RingRunner.tell`: it is its turn. */
  tellNow(): void {
    if (this.#signals) {
      this.#signals = false;
      this.#signal();
    }
    this.queue.wakeAll(POLLIN);
  }

  /** Once, also where who waits for the event is one of its own requests. */
  #signal(): void {
    const { eventFile } = this;
    if (eventFile === null || this.#isSignalling) return;
    if ((this.memory.loadU32(RING.cqFlags) & IORING_CQ_EVENTFD_DISABLED) !== 0) return;
    this.#isSignalling = true;
    eventFile.signal();
    this.#isSignalling = false;
  }

  /** What had no room comes in as far as there is some. */
  flushOverflow(): void {
    let moved = 0;
    for (; moved < this.overflow.length && this.results < this.shape.cqEntries; moved++) {
      const { low, high, result, flags } = this.overflow[moved]!;
      this.#store(low, high, result, flags);
    }
    this.overflow.splice(0, moved);
    this.letGo(moved);
    if (this.overflow.length === 0) this.setFlag(IORING_SQ_CQ_OVERFLOW, false);
  }

  // ---- Requests

  requestWoken(request: Request): void {
    if (request.phase !== "waits") return;
    if (this.#runner.isTelling) request.isWokenByRing = true;
    request.leaveQueues();
    this.makeReady(request);
  }

  /** To be executed when its owner, or the machine, comes to it. */
  makeReady(request: Request): void {
    if (request.phase === "ready" || request.phase === "done") return;
    request.phase = "ready";
    this.ready.push(request);
    if (this.isDeferred) {
      if (this.has(IORING_SETUP_TASKRUN_FLAG)) this.setFlag(IORING_SQ_TASKRUN, true);
      this.#tell();
    } else this.#runner.ringReady(this);
  }

  executor(owner: Task): RequestTask {
    return this.#runner.executor(owner);
  }

  /** Nothing is ready any more. */
  workDone(): void {
    if (this.has(IORING_SETUP_TASKRUN_FLAG)) this.setFlag(IORING_SQ_TASKRUN, false);
  }

  /** It has been submitted. */
  enlist(request: Request): void {
    this.active.add(request);
    this.names.add(request);
  }

  /** It is over, whatever it was at. */
  drop(request: Request): void {
    request.phase = "done";
    request.leaveQueues();
    forgetFutexWait(request);
    this.active.delete(request);
    this.names.delete(request);
    this.counted.delete(request);
    this.#runner.letGo(request.kept);
    request.kept = 0;
    request.held?.group.giveBack(request.held);
    request.held = null;
    const { file, source } = request;
    request.file = request.source = null;
    file?.release();
    source?.release();
    const { slots } = request;
    request.slots = null;
    if (slots !== null) for (const slot of slots) this.#freed.push(slot);
  }

  /** Tells of what left its table while requests used it: behind their results. */
  tellFreed(): void {
    for (let slot = this.#freed.shift(); slot !== undefined; slot = this.#freed.shift()) leaveSlot(this, slot);
  }

  // ---- The poller

  /** It looks again for so long as io_uring_setup(2) said. */
  wakePoller(): void {
    if (!this.has(IORING_SETUP_SQPOLL) || this.isDisabled || this.isClosed) return;
    this.isPolling = true;
    this.setFlag(IORING_SQ_NEED_WAKEUP, false);
    this.kernel.timers.set(this.idleTimer, this.kernel.now() + this.shape.idleMs * 1e6);
    this.#runner.ringReady(this);
  }

  timerExpired(): void {
    if (this.submissions > 0) return this.wakePoller();
    this.isPolling = false;
    this.setFlag(IORING_SQ_NEED_WAKEUP, true);
  }

  /** Another thread of its process is who its poller submits for. */
  makerEnded(): void {
    const heir = this.maker.group.tasks.find((task) => task !== this.maker && task.state !== "Z" && task.state !== "X");
    if (heir !== undefined) this.maker = heir;
    else this.stopPoller();
  }

  stopPoller(): void {
    this.kernel.timers.cancel(this.idleTimer);
    this.isPolling = false;
  }

  override details(): string {
    const { memory, shape } = this;
    const cqHead = memory.loadU32(RING.cqHead);
    const lines = [
      `SqMask:\t0x${(shape.sqEntries - 1).toString(16)}`,
      `SqHead:\t${memory.loadU32(RING.sqHead)}`,
      `SqTail:\t${memory.loadU32(RING.sqTail)}`,
      `CachedSqHead:\t${this.sqHead}`,
      `CqMask:\t0x${(shape.cqEntries - 1).toString(16)}`,
      `CqHead:\t${cqHead}`,
      `CqTail:\t${this.#cqTail}`,
      `CachedCqTail:\t${this.#cqTail}`,
      `SQEs:\t${Math.min(this.submissions, shape.sqEntries)}`,
      `CQEs:\t${this.results}`,
      `SqThread:\t${this.has(IORING_SETUP_SQPOLL) ? this.maker.tid : -1}`,
      `SqThreadCpu:\t${this.has(IORING_SETUP_SQPOLL) ? 0 : -1}`,
      "SqTotalTime:\t0",
      "SqWorkTime:\t0",
      `UserFiles:\t${this.files?.length ?? 0}`,
    ];
    this.files?.slice(0, SHOWN_MAX).forEach((slot, at) => {
      const text = slot === null ? "<none>" : slot.thing.description;
      lines.push(`${String(at).padStart(5)}: ${text}`);
    });
    lines.push(`UserBufs:\t${this.buffers?.length ?? 0}`);
    this.buffers?.slice(0, SHOWN_MAX).forEach((slot, at) => {
      const { address, length } = slot?.thing ?? { address: 0, length: 0 };
      lines.push(`${String(at).padStart(5)}: ` + (slot === null ? "<none>" : `0x${address.toString(16)}/${length}`));
    });
    lines.push("PollList:");
    let shown = 0;
    for (const { opcode, events } of this.active)
      if (events !== 0 && shown++ < SHOWN_MAX) lines.push(`  op=${opcode}, task_works=0`);
    lines.push("CqOverflowList:");
    for (const { low, result, flags } of this.overflow.slice(0, SHOWN_MAX))
      lines.push(`  user_data=${low}, res=${result}, flags=${flags.toString(16)}`);
    lines.push("NAPI:\tdisabled");
    return `${lines.join("\n")}\n`;
  }

  protected override dispose(): void {
    this.isClosed = true;
    for (const request of [...this.active]) this.drop(request);
    this.ready = [];
    this.deferred.length = 0;
    this.chain = null;
    this.stopPoller();
    this.#runner.ringGone(this);
    this.eventFile?.release();
    this.eventFile = null;
    const { files } = this;
    this.files = null;
    for (const slot of files ?? []) slot?.thing.release();
    this.buffers = null;
    for (const { memory } of this.groups.values()) memory?.release();
    this.groups.clear();
    this.memory.release();
    this.letGo(this.#kept);
    this.queue.wakeAll();
  }

  static {
    stateClass("RingFile", this, {
      save: (it) => ({
        runner: it.#runner,
        cqTail: it.#cqTail,
        freed: it.#freed,
        isSubmitting: it.#isSubmitting,
        isTellingDue: it.#isTellingDue,
        signals: it.#signals,
        isSignalling: it.#isSignalling,
        kept: it.#kept,
      }),
      load: (it, from) =>
        ({
          runner: it.#runner,
          cqTail: it.#cqTail,
          freed: it.#freed,
          isSubmitting: it.#isSubmitting,
          isTellingDue: it.#isTellingDue,
          signals: it.#signals,
          isSignalling: it.#isSignalling,
          kept: it.#kept,
        } = from),
    });
  }
}

/** Files, buffers and results that /proc/PID/fdinfo lists. */
const SHOWN_MAX = 4096;

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}
