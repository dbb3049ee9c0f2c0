/**
 * seccomp(2): which system calls a task may make. Filters are only ever added, and children keep them; each call is
 * shown to all of them, the latest first, and the strictest answer holds. Read first: bpf-filter.ts; the call is in
 * syscall/seccomp-requests.ts, what follows from an answer in task/seccomp-check.ts.
 */
import {
  AUDIT_ARCH_RISCV64,
  EINVAL,
  ENOMEM,
  SECCOMP_MODE_FILTER,
  SECCOMP_MODE_STRICT,
  SECCOMP_RET_ACTION_FULL,
  SECCOMP_RET_ALLOW,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type BpfFilter, RECORD_WORDS } from "./bpf-filter.ts";

/** Instructions in all filters of a task, with four for each filter (MAX_INSNS_PER_PATH). */
const INSTRUCTIONS_MAX = 32768,
  FILTER_PENALTY = 4;
const SYSCALLS = 512;

/** Who makes a call: the task on the hart. */
interface FilteredCaller {
  readonly kernel: {
    readonly hart: {
      readonly pc: number;
      /** Copies register `number` to two words. */
      copyWords(number: number, to: Uint32Array, at: number): void;
    };
  };
}

const record = new Uint32Array(RECORD_WORDS);

/** What a task is restricted to; never changed, so that tasks share it. */
export class Seccomp {
  readonly mode: "strict" | "filter";
  /** The latest first. */
  readonly filters: readonly BpfFilter[];
  /**
   * By number: 1 when every filter allows the call whatever its arguments are, so that they need not be asked again.
   */
  #allowed = new Uint8Array(SYSCALLS);
  /** Whose answer the last judgement was. */
  #decider: BpfFilter | null = null;

  constructor(mode: "strict" | "filter", filters: readonly BpfFilter[]) {
    this.mode = mode;
    this.filters = filters;
  }

  /** With one filter more: −EINVAL in strict mode, −ENOMEM when they become too long. */
  static add(present: Seccomp | null, filter: BpfFilter): Seccomp | number {
    if (present?.mode === "strict") return -EINVAL;
    const filters = [filter, ...(present?.filters ?? [])];
    const total = filters.reduce((sum, each) => sum + each.length + FILTER_PENALTY, 0);
    return total - FILTER_PENALTY > INSTRUCTIONS_MAX ? -ENOMEM : new Seccomp("filter", filters);
  }

  /** Was it made from `other` by adding filters (or is it the same)? */
  extends(other: Seccomp): boolean {
    const more = this.filters.length - other.filters.length;
    return (
      this.mode === other.mode &&
      more >= 0 &&
      other.filters.every((filter, index) => filter === this.filters[index + more])
    );
  }

  /** The action for a call. */
  judge(task: FilteredCaller, number: number): number {
    if (number >= 0 && number < SYSCALLS && this.#allowed[number] === 1) return SECCOMP_RET_ALLOW;
    const { hart } = task.kernel;
    record[0] = number;
    record[1] = AUDIT_ARCH_RISCV64;
    record[2] = hart.pc + 4;
    record[3] = 0;
    for (let index = 0; index < 6; index++) hart.copyWords(10 + index, record, 4 + index * 2);
    let result = SECCOMP_RET_ALLOW;
    let sawArguments = false;
    this.#decider = null;
    for (const filter of this.filters) {
      const answer = filter.run(record);
      sawArguments ||= filter.sawArguments;
      // As signed numbers the stricter action is the lower one; of equal ones the latest filter's data holds.
      if ((answer & SECCOMP_RET_ACTION_FULL) >= (result & SECCOMP_RET_ACTION_FULL)) continue;
      result = answer;
      this.#decider = filter;
    }
    if (!sawArguments && number >= 0 && number < SYSCALLS && result === SECCOMP_RET_ALLOW) this.#allowed[number] = 1;
    return result >>> 0;
  }

  /** Whose answer the last judgement was; null: nothing was forbidden. */
  get decider(): BpfFilter | null {
    return this.#decider;
  }

  /** Of the call that was just judged: words of `struct seccomp_data`. */
  static get judgedCall(): Uint32Array {
    return record.slice();
  }

  static {
    stateClass("Seccomp", this, {
      save: (it) => ({ allowed: it.#allowed, decider: it.#decider }),
      load: (it, from) => ({ allowed: it.#allowed, decider: it.#decider } = from),
    });
  }
}

/** prctl(PR_GET_SECCOMP), and the line of /proc/PID/status. */
export function seccompMode(seccomp: Seccomp | null): number {
  return seccomp === null ? 0 : seccomp.mode === "strict" ? SECCOMP_MODE_STRICT : SECCOMP_MODE_FILTER;
}
