import { stateClass } from "@stratos/base";
import { WaitQueue } from "./wait-queue.ts";

/** Bounds: records, and characters of one; the oldest go first. `dmesg` shows about half a megabyte at most. */
const RECORDS_MAX = 4096;
const TEXT_MAX = 992;
/** Priorities of syslog(3): a message of the kernel by default, a line of a program by default. */
export const KERNEL_INFO = 6,
  USER_INFO = 14;

interface LogRecord {
  readonly sequence: number;
  readonly priority: number;
  /** Since the start. */
  readonly microseconds: number;
  readonly text: string;
}

/** The kernel's messages: what dmesg(1), /dev/kmsg and syslog(2) show. */
export class KernelLog {
  /** The record of sequence number `n` stands at `n % RECORDS_MAX`. */
  #records: LogRecord[] = [];
  #clock: { now(): number };
  #next = 0;
  /** syslog(2), SYSLOG_ACTION_READ and /proc/kmsg take each record once. */
  readAt = 0;
  /** syslog(2), SYSLOG_ACTION_CLEAR: where dmesg begins. */
  clearedAt = 0;
  /** kernel.dmesg_restrict: only CAP_SYSLOG may read them. */
  isRestricted = false;
  /**
   * kernel.printk: console_loglevel, and what it is set from (proc_sys_kernel(5)). The machine's console shows no
   * message, whatever they say: the host decides.
   */
  consoleLevels: readonly number[] = [4, 4, 1, 7];
  /** The first of them before SYSLOG_ACTION_CONSOLE_OFF; 0: the console is on. */
  #levelBefore = 0;
  /** Woken by each message. */
  readonly queue = new WaitQueue();

  /** @param clock  nanoseconds since the start */
  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  add(priority: number, text: string): void {
    const microseconds = Math.floor(this.#clock.now() / 1000);
    this.#records[this.#next % RECORDS_MAX] = {
      sequence: this.#next,
      priority,
      microseconds,
      text: text.slice(0, TEXT_MAX),
    };
    this.#next++;
    this.queue.wakeAll();
  }

  /** The first that is still there. */
  get first(): number {
    return Math.max(0, this.#next - RECORDS_MAX);
  }

  /** Behind the last. */
  get end(): number {
    return this.#next;
  }

  /** Undefined before `first` and from `end` on. */
  at(sequence: number): LogRecord | undefined {
    return sequence < this.first || sequence >= this.#next ? undefined : this.#records[sequence % RECORDS_MAX];
  }

  setConsoleLevel(level: number): void {
    const [, usual, least, atBoot] = this.consoleLevels;
    this.consoleLevels = [Math.max(level, least!), usual!, least!, atBoot!];
    this.#levelBefore = 0;
  }

  switchConsole(on: boolean): void {
    const [level, , least] = this.consoleLevels;
    const before = this.#levelBefore;
    if (on && before > 0) this.setConsoleLevel(before);
    else if (!on) {
      this.setConsoleLevel(least!);
      this.#levelBefore = before || level!;
    }
  }

  static {
    stateClass("KernelLog", this, {
      save: (it) => ({ records: it.#records, clock: it.#clock, next: it.#next, levelBefore: it.#levelBefore }),
      load: (it, from) =>
        ({ records: it.#records, clock: it.#clock, next: it.#next, levelBefore: it.#levelBefore } = from),
    });
  }
}

/** As syslog(2) and the console show it: `<6>[    0.000000] text`. */
export function logLine({ priority, microseconds, text }: LogRecord): string {
  const seconds = `${Math.floor(microseconds / 1e6)}.${String(microseconds % 1e6).padStart(6, "0")}`;
  return `<${priority}>[${seconds.padStart(12)}] ${text}\n`;
}
