/**
 * Load averages: how many tasks ran or could run, over the last 1, 5 and 15 minutes (proc_loadavg(5)). As in Linux
 * (kernel/sched/loadavg.c) one number each five seconds goes into all three, as fixed-point numbers of eleven binary
 * places. No timer is set for it, which would wake a machine that sleeps: what was due is counted when a turn ends,
 * and when somebody asks; between turns those that were left to run count, so that a machine that slept counts none.
 */
import { stateClass } from "@stratos/base";

/** LOAD_FREQ of a kernel with HZ=250. */
const PERIOD_NS = 5.004e9;

const FSHIFT = 11;
const FIXED_1 = 1 << FSHIFT;

/** What is kept of the average of 1, 5 and 15 minutes after a period (EXP_1, EXP_5, EXP_15). */
const KEPT: readonly number[] = [1884, 2014, 2037];

export class LoadAverage {
  #dueNs = PERIOD_NS;
  /** Who could run when the last turn had ended. */
  #left = 0;
  #averages = [0, 0, 0];

  /**
   * @param startNs  the turn's begin; this and its end in monotonic time
   * @param active  who ran or could run in it
   * @param left  who can run after it
   */
  turnEnded(startNs: number, endNs: number, active: number, left: number): void {
    if (endNs >= this.#dueNs) {
      this.#count(startNs, this.#left);
      this.#count(endNs, active);
    }
    this.#left = left;
  }

  /** The averages of 1, 5 and 15 minutes, of eleven binary places. @param nowNs  in a turn of the one who asks */
  read(nowNs: number): readonly number[] {
    this.#count(nowNs, this.#left);
    return this.#averages;
  }

  /** Up to `untilNs` so many were active. */
  #count(untilNs: number, active: number): void {
    if (untilNs < this.#dueNs) return;
    const periods = Math.floor((untilNs - this.#dueNs) / PERIOD_NS) + 1;
    this.#dueNs += periods * PERIOD_NS;
    for (let at = 0; at < KEPT.length; at++)
      this.#averages[at] = next(this.#averages[at]!, power(KEPT[at]!, periods), active * FIXED_1);
  }

  static {
    stateClass("LoadAverage", this, {
      save: (it) => ({ dueNs: it.#dueNs, left: it.#left, averages: it.#averages }),
      load: (it, from) => ({ dueNs: it.#dueNs, left: it.#left, averages: it.#averages } = from),
    });
  }
}

/** calc_load(): rounded up while the load grows, so that it arrives where it goes. */
function next(load: number, kept: number, active: number): number {
  const sum = load * kept + active * (FIXED_1 - kept) + (active >= load ? FIXED_1 - 1 : 0);
  return Math.floor(sum / FIXED_1);
}

/** fixed_power_int(): a part of one to the power of `exponent`, in as many steps as that has binary places. */
function power(part: number, exponent: number): number {
  let result = FIXED_1;
  for (let square = part, left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = (result * square + FIXED_1 / 2) >> FSHIFT;
    square = (square * square + FIXED_1 / 2) >> FSHIFT;
  }
  return result;
}

/** As /proc/loadavg has it: rounded to two places (LOAD_INT and LOAD_FRAC). */
export function loadText(load: number): string {
  const rounded = load + Math.floor(FIXED_1 / 200);
  const hundredths = Math.floor(((rounded % FIXED_1) * 100) / FIXED_1);
  return `${Math.floor(rounded / FIXED_1)}.${String(hundredths).padStart(2, "0")}`;
}

/** As sysinfo(2) has it (SI_LOAD_SHIFT). */
export function loadOfSysinfo(load: number): number {
  return load * (1 << (16 - FSHIFT));
}
