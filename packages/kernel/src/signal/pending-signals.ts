import { SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGRTMIN, SIGSEGV, SIGSYS, SIGTRAP } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { SignalSet } from "./signal-set.ts";

/** The parts of siginfo_t that a signal carries (sigaction(2)); unused ones are 0. */
export interface SignalInfo {
  signal: number;
  code: number;
  errno: number;
  pid: number;
  uid: number;
  status: number;
  /** SIGCHLD: what the child has spent, in hundredths of a second. */
  userTicks: number;
  systemTicks: number;
  /** A child's end, by whatever signal it was to be told (clone(2), "The child termination signal"). */
  isChildEnd: boolean;
  /** SIGSYS: where the call is. */
  address: number;
  /** sigqueue(3) and timers: sigval as low and high word. SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP: the address. */
  valueLow: number;
  valueHigh: number;
  timerId: number;
  overrun: number;
  band: number;
  fd: number;
  /** What a program that queued it has put behind signal, errno and code (siginfo.ts); null: it is the kernel's own. */
  given: Uint8Array | null;
  /** Wants to know when the signal leaves the queue: a timer, which counts what it missed meanwhile. */
  owner: SignalOwner | null;
}

export interface SignalOwner {
  /** The signal is about to be acted on, or read; the owner may still fill in `info`. */
  signalTaken(info: SignalInfo): void;
}

/** Raised by what a program does itself. */
const FAULTS: ReadonlySet<number> = new Set([SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS]);

export function isFault(signal: number): boolean {
  return FAULTS.has(signal);
}

/**
 * Which of several that are pending comes first (kernel/signal.c, next_signal): the lowest; but who is to be killed
 * does nothing more (get_signal, SIGNAL_GROUP_EXIT).
 */
function rank(signal: number): number {
  return signal === SIGKILL ? -64 : isFault(signal) ? signal - 64 : signal;
}

/**
 * How many signals the whole machine has queued, or keeps room for by timers: while they are few, nobody need be
 * counted by user.
 */
export interface SignalLoad {
  queued: number;
}

export function signalInfo(signal: number, code: number, parts: Partial<SignalInfo> = {}): SignalInfo {
  return {
    signal,
    code,
    errno: 0,
    pid: 0,
    uid: 0,
    status: 0,
    userTicks: 0,
    systemTicks: 0,
    isChildEnd: false,
    address: 0,
    valueLow: 0,
    valueHigh: 0,
    timerId: 0,
    overrun: 0,
    band: 0,
    fd: 0,
    given: null,
    owner: null,
    ...parts,
  };
}

/** USER_HZ is 100. */
const NS_PER_TICK = 10_000_000;

/** What SIGCHLD tells of the time that the child has spent. */
export function spentTime(child: {
  readonly userNs: number;
  readonly systemNs: number;
}): Pick<SignalInfo, "userTicks" | "systemTicks"> {
  return {
    userTicks: Math.floor(child.userNs / NS_PER_TICK),
    systemTicks: Math.floor(child.systemNs / NS_PER_TICK),
  };
}

/**
 * Queue of pending signals: one of each standard signal, all of the real-time ones in order (signal(7)). Bound:
 * RLIMIT_SIGPENDING (send-signal.ts), which counts the timers, too: those that have an owner are counted with it.
 */
export class PendingSignals {
  readonly set = new SignalSet();
  #queue: SignalInfo[] = [];
  #load: SignalLoad;

  constructor(load: SignalLoad) {
    this.#load = load;
  }

  /** Returns false when a standard signal was pending already; one that has an owner is queued in any case. */
  add(info: SignalInfo): boolean {
    if (info.signal < SIGRTMIN && info.owner === null && this.set.has(info.signal)) return false;
    this.set.add(info.signal);
    this.#queue.push(info);
    if (info.owner === null) this.#load.queued++;
    return true;
  }

  /** All that is pending goes with the thread or process. */
  clear(): void {
    this.#load.queued -= this.counted;
    this.#queue.length = 0;
    this.set.low = this.set.high = 0;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  get length(): number {
    return this.#queue.length;
  }

  /** What RLIMIT_SIGPENDING counts of them. */
  get counted(): number {
    let count = 0;
    for (const info of this.#queue) if (info.owner === null) count++;
    return count;
  }

  /** The one that came as `index`th of those that are pending. */
  at(index: number): SignalInfo | undefined {
    return this.#queue[index];
  }

  /**
   * Takes the pending signal to deliver first (faults before others, then the lowest number; oldest of that number)
   * that `allowed` says yes to.
   */
  take(allowed: (signal: number) => boolean): SignalInfo | null {
    let best = -1;
    for (let index = 0; index < this.#queue.length; index++) {
      const signal = this.#queue[index]!.signal;
      if (allowed(signal) && (best < 0 || rank(signal) < rank(this.#queue[best]!.signal))) best = index;
    }
    if (best < 0) return null;
    const info = this.#queue.splice(best, 1)[0]!;
    if (info.owner === null) this.#load.queued--;
    info.owner?.signalTaken(info);
    if (!this.#queue.some((other) => other.signal === info.signal)) this.set.delete(info.signal);
    return info;
  }

  /** Takes back the signal that this owner queued. */
  withdraw(owner: SignalOwner): void {
    const at = this.#queue.findIndex((info) => info.owner === owner);
    if (at < 0) return;
    const [info] = this.#queue.splice(at, 1);
    if (!this.#queue.some((other) => other.signal === info!.signal)) this.set.delete(info!.signal);
  }

  /** Drops every pending instance of the signal. */
  discard(signal: number): void {
    if (!this.set.has(signal)) return;
    this.set.delete(signal);
    for (let index = this.#queue.length - 1; index >= 0; index--) {
      if (this.#queue[index]!.signal !== signal) continue;
      const [dropped] = this.#queue.splice(index, 1);
      if (dropped!.owner === null) this.#load.queued--;
      dropped!.owner?.signalTaken(dropped!);
    }
  }

  static {
    stateClass("PendingSignals", this, {
      save: (it) => ({ queue: it.#queue, load: it.#load }),
      load: (it, from) => ({ queue: it.#queue, load: it.#load } = from),
    });
  }
}
