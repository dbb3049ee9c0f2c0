import { IOSQE_IO_HARDLINK, IOSQE_IO_LINK, IoUringSqe } from "@stratos/abi/io-uring";
import { stateClass } from "@stratos/base";
import type { CallState } from "../../ground/call-state.ts";
import type { WaitQueue, Waiter } from "../../ground/wait-queue.ts";
import { get64, getU64 } from "../../ground/words.ts";
import type { Credentials } from "../../security/credentials.ts";
import type { TaskState } from "../../signal/signal-target.ts";
import type { Task } from "../../task/task.ts";
import { Timer, type TimerClient } from "../../time/timer-queue.ts";
import type { AskedPermissions } from "../../vfs/fanotify-mark.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { Slot } from "./fixed-files.ts";
import type { HeldBuffer } from "./provided-buffers.ts";

const AT = IoUringSqe.offset;

/**
 * Where a request stands. `new`: it has not been looked at, or another of its chain comes first, or all before it
 * (IOSQE_IO_DRAIN). `waits`: in queues, for a time, or for a wake-up. `ready`: it is to be executed, for the first time
 * or again.
 */
type Phase = "new" | "runs" | "waits" | "ready" | "done";

/** Whose requests they are. */
export interface RequestRing {
  /** What it waited for may have come. */
  requestWoken(request: Request): void;
}

/** What sendmsg and recvmsg were given, as it was when they were submitted (IORING_FEAT_SUBMIT_STABLE). */
interface MessageArguments {
  readonly address: number;
  readonly name: number;
  readonly nameLength: number;
  readonly control: number;
  readonly controlLength: number;
}

/**
 * A request of io_uring(7), from its submission to the last of its results. It waits as a blocked system call does: in
 * wait queues, with what the call keeps in `syscallState`, and is executed again from its start.
 */
export class Request implements Waiter, TimerClient {
  readonly ring: RequestRing;
  /** Who submitted it: whose memory, descriptors and limits count. */
  readonly owner: Task;
  readonly sqe: DataView;
  readonly opcode: number;
  flags: number;
  /** `user_data` as two words. */
  userLow: number;
  userHigh: number;
  readonly credentials: Credentials;
  phase: Phase = "new";
  file: OpenFile | null = null;
  /** What SPLICE and TEE read. */
  source: OpenFile | null = null;
  /** The next of its chain. */
  next: Request | null = null;
  /** Found wrong when it was submitted: its result; 0 else. */
  refusal = 0;
  /** Its chain ends with it, although its result is no error. */
  isShort = false;
  /** Does its chain go on? null: as its result says. */
  hasFailed: boolean | null = null;
  /** It has been begun, so that it is executed again from now on. */
  hasBegun = false;
  /** IORING_CQE_F_… of its last result. */
  cqeFlags = 0;
  /** Its results end no timeout that counts results: it is one. */
  isTimeoutResult = false;
  /** It ends with ECANCELED, when it is its turn: behind the result of what cancels it. */
  isCancelled = false;
  /** Of its chain no more results are told: one with IOSQE_CQE_SKIP_SUCCESS has failed. */
  isSilent = false;
  /** What of the ring's tables it uses (IOSQE_FIXED_FILE, READ_FIXED …). */
  slots: Slot<unknown>[] | null = null;
  syscallState: CallState | null = null;
  /** What it has asked those who decide about files, or serve them. */
  permissions: AskedPermissions | null = null;
  #queues: WaitQueue[] = [];
  timer: Timer | null = null;
  /** For a word that it waits for (task/futex.ts). */
  readonly state: TaskState = "S";
  readonly realtimePriority = 0;

  /** Pairs of address and length; null: there is one buffer, in the entry. */
  segments: number[] | null = null;
  message: MessageArguments | null = null;
  /** A socket's address, as it was when the request was submitted. */
  name: Uint8Array | null = null;
  /** Of IOSQE_BUFFER_SELECT, while the request is executed. */
  held: HeldBuffer | null = null;
  /** POLL_ADD: what it waits for. */
  events = 0;
  /** RECVMSG: there was nothing, and won't be. */
  isAtEnd = false;
  /** A ring's results have woken it (EPOLL_URING_WAKE). */
  isWokenByRing = false;
  /** TIMEOUT: monotonic; how long it is; which of the results ends it, where one does. */
  deadlineNs = Infinity;
  periodNs = 0;
  /** Of a timeout that repeats: how often yet. */
  repeats = 0;
  targetCount = 0;
  /** Records of the host's memory (RingFile.keepFor). */
  kept = 0;
  /** One before it in its chain has failed, and it is its turn to be told. */
  isChainFailed = false;
  /** LINK_TIMEOUT: whose time it limits. */
  limited: Request | null = null;

  constructor(ring: RequestRing, owner: Task, sqe: DataView, credentials: Credentials) {
    this.ring = ring;
    this.owner = owner;
    this.sqe = sqe;
    this.opcode = sqe.getUint8(AT.opcode);
    this.flags = sqe.getUint8(AT.flags);
    this.userLow = sqe.getUint32(AT.user_data, true);
    this.userHigh = sqe.getUint32(AT.user_data + 4, true);
    this.credentials = credentials;
  }

  get kernel(): Task["kernel"] {
    return this.owner.kernel;
  }

  get priority(): number {
    return this.sqe.getUint16(AT.ioprio, true);
  }

  get fd(): number {
    return this.sqe.getInt32(AT.fd, true);
  }

  /** Also `addr2`: as a place in a file signed, −1 for all ones. */
  get offset(): number {
    return get64(this.sqe, AT.off);
  }

  get secondAddress(): number {
    return getU64(this.sqe, AT.off);
  }

  get address(): number {
    return getU64(this.sqe, AT.addr);
  }

  /** `addr` as two words: another's user data. */
  get addressLow(): number {
    return this.sqe.getUint32(AT.addr, true);
  }

  get addressHigh(): number {
    return this.sqe.getUint32(AT.addr + 4, true);
  }

  /** `splice_off_in`: −1 for all ones. */
  get sourceOffset(): number {
    return get64(this.sqe, AT.addr);
  }

  get offsetLow(): number {
    return this.sqe.getUint32(AT.off, true);
  }

  get offsetHigh(): number {
    return this.sqe.getUint32(AT.off + 4, true);
  }

  get length(): number {
    return this.sqe.getUint32(AT.len, true);
  }

  get operationFlags(): number {
    return this.sqe.getUint32(AT.rw_flags, true);
  }

  /** Also `buf_group`. */
  get bufferIndex(): number {
    return this.sqe.getUint16(AT.buf_index, true);
  }

  get personality(): number {
    return this.sqe.getUint16(AT.personality, true);
  }

  get fileIndex(): number {
    return this.sqe.getUint32(AT.file_index, true);
  }

  /** `addr_len`, and what must be zero behind it. */
  get nameLength(): number {
    return this.sqe.getUint16(AT.file_index, true);
  }

  get namePadding(): number {
    return this.sqe.getUint16(AT.file_index + 2, true);
  }

  get thirdAddress(): number {
    return getU64(this.sqe, AT.addr3);
  }

  /** POLL_ADD is another's from now on. */
  setLength(value: number): void {
    this.sqe.setUint32(AT.len, value, true);
  }

  get isLinked(): boolean {
    return (this.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) !== 0;
  }

  isCalled(low: number, high: number): boolean {
    return this.userLow === low && this.userHigh === high;
  }

  use(slot: Slot<unknown>): void {
    slot.users++;
    (this.slots ??= []).push(slot);
  }

  waitOn(queue: WaitQueue): void {
    queue.add(this);
    this.#queues.push(queue);
  }

  /** @param deadlineNs  monotonic; the earliest of several counts */
  waitUntil(deadlineNs: number): void {
    this.timer ??= new Timer(this);
    if (this.timer.isArmed && this.timer.deadlineNs <= deadlineNs) return;
    if (deadlineNs !== Infinity) this.kernel.timers.set(this.timer, deadlineNs);
  }

  leaveQueues(): void {
    for (const queue of this.#queues) queue.remove(this);
    this.#queues.length = 0;
    if (this.timer?.isArmed) this.kernel.timers.cancel(this.timer);
  }

  wake(_queue: WaitQueue, events: number): void {
    if (this.events !== 0 && events !== -1 && (events & this.events) === 0) return;
    this.ring.requestWoken(this);
  }

  endWait(_reason: "queue" | "deadline" | "signal"): void {
    this.ring.requestWoken(this);
  }

  timerExpired(): void {
    this.ring.requestWoken(this);
  }

  static {
    stateClass("UringRequest", this, {
      save: (it) => ({ queues: it.#queues }),
      load: (it, from) => ({ queues: it.#queues } = from),
    });
  }
}
