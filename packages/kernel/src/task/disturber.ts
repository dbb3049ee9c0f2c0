/**
 * Disturbs a machine from within, so that what its programs must survive happens now, not once a year: turns end early
 * and tasks are held up (another schedule), calls move less than they were asked to, are interrupted, or fail
 * (fault-kinds.ts says which may, and where). `stratos explore` and the replays of what it found use it; a machine
 * without one pays a comparison with null for each call and each slice.
 *
 * Each disturbance stands at a moment that its task counts by itself: its n-th system call, or its n-th instruction.
 * Whether there is one follows from the seed and that moment alone, so a run that leaves one out meets the others again
 * as long as their tasks do what they did.
 *
 *     draws (seed, rates) ──► applied, in order ──► narrowed ──► a list, which a later machine applies
 *
 * Permitted is what Linux's manual pages permit at that call; a list that says otherwise (somebody wrote it by hand) is
 * passed over there.
 */
import { stateClass } from "@stratos/base";
import { BLOCKED, BLOCKED_EINTR, UNFINISHED } from "../ground/wait-queue.ts";
import {
  amountOf,
  between,
  FAULT_KINDS,
  type FaultKind,
  faultResult,
  interruptWait,
  isPermitted,
  leaveNetwork,
  mayInterrupt,
  meetNetwork,
  runRow,
  shortened,
  stepClock,
  subjectOf,
} from "./fault-kinds.ts";
import type { SyscallRow } from "./syscall-row.ts";
import type { Task } from "./task.ts";
import type { CallArguments, TurnDisturber } from "./turn-hooks.ts";
import { cutPower, powerCutKind, UnsyncedFiles } from "./unsynced-files.ts";

/** What is done to a task at one moment of its own. Plain data: recordings hold it. */
export interface Disturbance {
  /** In the initial pid namespace. */
  readonly tid: number;
  /** "call": the n-th system call of the task, from 1; "instruction": when it has retired n of its own. */
  readonly at: "call" | "instruction";
  readonly n: number;
  /** "hold": the task does not run for a while, after the call or there. */
  readonly kind: "hold" | FaultKind;
  /**
   * Of "hold", "delay" and "partition": nanoseconds; of "clock": those of the step, negative backwards. Of "short":
   * bytes that are left of the count (of a vector: buffers). Of "power": what is left of the files
   * (unsynced-files.ts). Else 0.
   */
  readonly amount: number;
}

/** One that has happened, and where. */
export interface AppliedDisturbance extends Disturbance {
  /** The task's name (prctl(2), PR_SET_NAME) and its process. */
  readonly program: string;
  readonly pid: number;
  /** Number of the system call that it happened at, with its first and third argument; −1 at an instruction. */
  readonly call: number;
  readonly a0: number;
  readonly a2: number;
  /** The file that the call is about, as a byte string; null: none. */
  readonly subject: string | null;
}

/** A moment at which a disturbance is permitted. */
export interface DisturbancePoint {
  readonly tid: number;
  /** System call of the task, from 1. */
  readonly n: number;
  readonly kind: "hold" | FaultKind;
  readonly program: string;
  readonly call: number;
  /** Of "short": what is moved at most. */
  readonly count: number;
}

/** How often things happen: of 2^32 calls so many. */
export interface DisturbanceRates {
  readonly hold: number;
  /** Longest hold in nanoseconds; each power of ten below it is as likely. */
  readonly holdNsMost: number;
  /** Most instructions of a task from one hold in the midst of computation to the next; 0: there are none. */
  readonly turnMost: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
}

export type DisturbancePlan =
  /** `isEndless`: holds come to the end of the run, however many, and are not noted; there are no faults. */
  | { readonly seed: number; readonly rates: DisturbanceRates; readonly isEndless?: true }
  | { readonly list: readonly Disturbance[] };

/** Most that are applied to one machine; then it is left alone. */
export const DISTURBANCES_MAX = 4096;
/** Most points that are noted. */
const POINTS_MAX = 100_000;
/** Tasks beyond so many are left alone. */
const TASKS_MAX = 65536;
/** All holds of a machine together, and all that its network is late or cut: time that nobody would wait for. */
const HOLDS_NS_MOST = 30e9;
const NETWORK_NS_MOST = 300e9;
/** Shortest hold, and fewest instructions between two. */
const HOLD_NS_LEAST = 10_000;
const TURN_LEAST = 200;

/** What is known of a task. */
interface Disturbed {
  /** System calls that it has begun. */
  calls: number;
  /** Of its own, at the end of its last turn. */
  instructions: number;
  /** Its own instruction at which it is held next; Infinity: nowhere. */
  cutAt: number;
  /** How often it was held there. */
  cuts: number;
  /** Of the call that is under way: what is left of its count (0: all of it). */
  shortened: number;
  /** The network does something to what its call sends. */
  meetsNetwork: boolean;
  /** For so long it is held when its turn ends. */
  holdNs: number;
  /** When the call that is under way has ended, the clock steps by so much; 0: it does not. */
  stepNs: number;
  /** When it has ended, the power fails, with this amount; −1: it does not. */
  powerCut: number;
}

export class Disturber implements TurnDisturber {
  #plan: DisturbancePlan;
  /** Of a list: those at calls, by `keyOf`. */
  #listed = new Map<string, Disturbance>();
  /** Of a list: those at instructions by task, in order. */
  #cuts = new Map<number, Disturbance[]>();
  #tasks = new Map<number, Disturbed>();
  #heldNs = 0;
  #networkNs = 0;
  /** What has happened, in order. Bound: DISTURBANCES_MAX. */
  readonly applied: AppliedDisturbance[] = [];
  /** Where something might have happened; null: nobody asks. Bound: POINTS_MAX. */
  readonly points: DisturbancePoint[] | null;
  /** The power has failed, after a call: what each file would be found to hold is in its file system. */
  onPowerCut: ((lost: readonly string[]) => void) | null = null;
  #unsynced: UnsyncedFiles | null;
  /** No file takes any more. */
  #isFull = false;

  constructor(plan: DisturbancePlan, options: { notesPoints?: boolean } = {}) {
    this.#plan = plan;
    this.points = options.notesPoints === true ? [] : null;
    const kinds =
      listOf(plan)?.map(({ kind }) => kind) ?? Object.keys((plan as { rates?: DisturbanceRates }).rates?.faults ?? {});
    this.#unsynced = kinds.includes("power") ? new UnsyncedFiles() : null;
    for (const each of listOf(plan)?.slice(0, DISTURBANCES_MAX) ?? []) {
      if (each.at === "call") this.#listed.set(keyOf(each.tid, each.n, each.kind), each);
      else this.#cuts.set(each.tid, [...(this.#cuts.get(each.tid) ?? []), each]);
    }
    for (const cuts of this.#cuts.values()) cuts.sort((a, b) => a.n - b.n);
  }

  /**
   * The machine is a fork of that one's: its tasks have made these calls already.
   *
   * @param hasItsPlan  the moments of that one's plan that have gone by have been met
   */
  goOnFrom(before: Disturber, hasItsPlan = false): void {
    this.#isFull = before.#isFull;
    for (const [tid, known] of before.#tasks) {
      const own: Disturbed = { ...known };
      this.#tasks.set(tid, own);
      if (hasItsPlan) continue;
      own.cuts = 0;
      own.cutAt = this.#nextCut(own, tid);
    }
  }

  /** A system call, at each of its executions. @returns as the row's `run` does */
  call(row: SyscallRow, task: Task, number: number, args: CallArguments): number {
    const known = this.#of(task);
    if (known === null) return runRow(row, task, args);
    const isFirst = task.syscallNumber < 0;
    this.#unsynced?.begins(task, number, args);
    if (isFirst) {
      const result = this.#begin(known, task, number, args);
      if (result !== null) return this.#end(known, task, result);
    }
    const result = runRow(row, task, known.shortened === 0 ? args : shortened(args, known.shortened));
    if (known.meetsNetwork) {
      known.meetsNetwork = false;
      leaveNetwork(task, args);
    }
    if (result === BLOCKED || result === BLOCKED_EINTR) {
      if (!isFirst || !this.#mayCome("eintr") || !mayInterrupt(task, number, result)) return result;
      this.#note(known, task, "eintr", number, 0);
      const fault = this.#faultAt(known, task, "eintr", args);
      if (fault === null) return result;
      this.#apply(fault, task, number, args);
      return this.#end(known, task, interruptWait(row, task, args));
    }
    if (result === UNFINISHED) return result;
    this.#unsynced?.ends(task, number, args, result);
    return this.#end(known, task, result);
  }

  /** @param fuel  instructions that the turn of the task would have. @returns those that it has */
  fuelFor(task: Task, fuel: number): number {
    const known = this.#of(task);
    if (known === null) return fuel;
    return Math.max(1, Math.min(fuel, known.cutAt - task.instructions));
  }

  /** The turn of a task has ended. @returns nanoseconds for which it is held if it would go on; 0: it is not */
  turnEnded(task: Task): number {
    const known = this.#of(task);
    if (known === null) return 0;
    known.instructions = task.instructions;
    if (task.state !== "R") return 0;
    const { holdNs } = known;
    known.holdNs = 0;
    if (task.instructions < known.cutAt) return holdNs;
    const cut = this.#cutOf(known, task);
    known.cuts++;
    known.cutAt = this.#nextCut(known, task.tid);
    if (cut === null) return holdNs;
    this.#apply(cut, task, -1, NO_ARGUMENTS);
    return Math.max(holdNs, cut.amount);
  }

  /** Has the task come to that moment, or beyond it? */
  hasPassed({ tid, at, n }: Disturbance): boolean {
    const known = this.#tasks.get(tid);
    return known !== undefined && (at === "call" ? known.calls : known.instructions) >= n;
  }

  /** How many instructions each task has run, by its number. */
  get instructions(): ReadonlyMap<number, number> {
    return new Map([...this.#tasks].map(([tid, { instructions }]) => [tid, instructions]));
  }

  #of(task: Task): Disturbed | null {
    const { tid } = task;
    const known = this.#tasks.get(tid);
    if (known !== undefined) return known;
    if (this.#tasks.size >= TASKS_MAX) return null;
    const fresh: Disturbed = {
      calls: 0,
      instructions: 0,
      cutAt: Infinity,
      cuts: 0,
      shortened: 0,
      meetsNetwork: false,
      holdNs: 0,
      stepNs: 0,
      powerCut: -1,
    };
    fresh.cutAt = this.#nextCut(fresh, tid);
    this.#tasks.set(tid, fresh);
    return fresh;
  }

  /** @returns the result of a call that fails at once; null: it goes on, perhaps with less to do */
  #begin(known: Disturbed, task: Task, number: number, args: CallArguments): number | null {
    known.calls++;
    known.shortened = 0;
    this.#note(known, task, "hold", number, 0);
    const hold = this.#holdAt(known, task);
    if (hold !== null) {
      this.#apply(hold, task, number, args);
      known.holdNs = hold.amount;
    }
    if (this.#isFull && isPermitted("full", task, number, args)) return faultResult("full", task, number);
    for (const kind of FAULT_KINDS) {
      if (kind === "eintr" || !this.#mayCome(kind) || !isPermitted(kind, task, number, args)) continue;
      this.#note(known, task, kind, number, args.a2);
      const fault = this.#faultAt(known, task, kind, args);
      if (fault === null) continue;
      this.#apply(fault, task, number, args);
      switch (kind) {
        case "short":
          known.shortened = fault.amount;
          return null;
        case "clock":
          known.stepNs = fault.amount;
          continue;
        case "power":
          known.powerCut = fault.amount;
          continue;
        case "loss":
        case "reset":
        case "double":
        case "delay":
        case "partition":
          meetNetwork(kind, fault.amount, task, args);
          known.meetsNetwork = true;
          return null;
        case "full":
          this.#isFull = true;
      }
      return faultResult(kind, task, number);
    }
    return null;
  }

  #end(known: Disturbed, task: Task, result: number): number {
    known.shortened = 0;
    const { stepNs, powerCut } = known;
    known.stepNs = 0;
    known.powerCut = -1;
    if (stepNs !== 0) stepClock(task, stepNs);
    if (powerCut >= 0) this.#cutPower(task, powerCut);
    if (known.holdNs > 0 || powerCut >= 0) task.kernel.scheduler.mustSwitch = true;
    return result;
  }

  /** The machine ends here. */
  #cutPower({ kernel }: Task, amount: number): void {
    kernel.isStopped = true;
    const lost = cutPower(kernel, this.#unsynced ?? new UnsyncedFiles(), powerCutKind(amount), amount);
    this.onPowerCut?.(lost);
  }

  /** Asked before the call is looked at closely: most plans have few kinds. */
  #mayCome(kind: FaultKind): boolean {
    return this.applied.length < DISTURBANCES_MAX && ("list" in this.#plan || (this.#plan.rates.faults[kind] ?? 0) > 0);
  }

  #faultAt({ calls: n }: Disturbed, { tid }: Task, kind: FaultKind, { a2 }: CallArguments): Disturbance | null {
    if ("list" in this.#plan) {
      const listed = this.#listed.get(keyOf(tid, n, kind));
      const isTrue = listed !== undefined && (kind !== "short" || (listed.amount >= 1 && listed.amount < a2));
      return isTrue ? listed : null;
    }
    const { seed, rates } = this.#plan;
    const salt = 2 * FAULT_KINDS.indexOf(kind) + 4;
    if (draw(seed, tid, n, salt) >= rates.faults[kind]!) return null;
    const amount = amountOf(kind, a2, draw(seed, tid, n, salt + 1));
    if ((kind === "delay" || kind === "partition") && this.#networkNs + amount > NETWORK_NS_MOST) return null;
    return { tid, at: "call", n, kind, amount };
  }

  get #isEndless(): boolean {
    return "rates" in this.#plan && this.#plan.isEndless === true;
  }

  /** Are tasks still held up? */
  get #mayHold(): boolean {
    return this.#isEndless || (this.applied.length < DISTURBANCES_MAX && this.#heldNs < HOLDS_NS_MOST);
  }

  #holdAt({ calls: n }: Disturbed, { tid }: Task): Disturbance | null {
    if (!this.#mayHold) return null;
    if ("list" in this.#plan) return this.#listed.get(keyOf(tid, n, "hold")) ?? null;
    const { seed, rates } = this.#plan;
    if (draw(seed, tid, n, 0) >= rates.hold) return null;
    const amount = between(HOLD_NS_LEAST, rates.holdNsMost, draw(seed, tid, n, 1));
    return { tid, at: "call", n, kind: "hold", amount };
  }

  /** The own instruction of a task at which it is held next. */
  #nextCut({ cuts, instructions }: Disturbed, tid: number): number {
    if ("list" in this.#plan) return this.#cuts.get(tid)?.[cuts]?.n ?? Infinity;
    const { seed, rates } = this.#plan;
    if (rates.turnMost === 0) return Infinity;
    return instructions + TURN_LEAST + (draw(seed, tid, cuts, 2) % Math.max(1, rates.turnMost));
  }

  #cutOf({ cuts }: Disturbed, { tid, instructions: n }: Task): Disturbance | null {
    if (!this.#mayHold) return null;
    if ("list" in this.#plan) return this.#cuts.get(tid)?.[cuts] ?? null;
    const { seed, rates } = this.#plan;
    const amount = between(HOLD_NS_LEAST, rates.holdNsMost, draw(seed, tid, cuts, 3));
    return { tid, at: "instruction", n, kind: "hold", amount };
  }

  #note(
    { calls: n }: Disturbed,
    { tid, name }: Task,
    kind: DisturbancePoint["kind"],
    call: number,
    count: number,
  ): void {
    if (this.points !== null && this.points.length < POINTS_MAX)
      this.points.push({ tid, n, kind, program: name, call, count });
  }

  #apply(disturbance: Disturbance, task: Task, call: number, args: CallArguments): void {
    if (this.#isEndless) return;
    const { kind, amount } = disturbance;
    if (kind === "hold") this.#heldNs += amount;
    if (kind === "delay" || kind === "partition") this.#networkNs += amount;
    const { a0, a2 } = args;
    const subject = call < 0 ? null : subjectOf(task, call, args);
    this.applied.push({ ...disturbance, program: task.name, pid: task.pid, call, a0, a2, subject });
  }

  static {
    stateClass("Disturber", this, {
      save: (it) => ({
        plan: it.#plan,
        listed: it.#listed,
        cuts: it.#cuts,
        tasks: it.#tasks,
        heldNs: it.#heldNs,
        networkNs: it.#networkNs,
        isFull: it.#isFull,
        unsynced: it.#unsynced,
      }),
      load: (it, from) =>
        ({
          plan: it.#plan,
          listed: it.#listed,
          cuts: it.#cuts,
          tasks: it.#tasks,
          heldNs: it.#heldNs,
          networkNs: it.#networkNs,
          isFull: it.#isFull,
          unsynced: it.#unsynced,
        } = from),
    });
  }
}

const NO_ARGUMENTS: CallArguments = { a0: 0, a1: 0, a2: 0, a3: 0, a4: 0, a5: 0 };

/** A blank (base, state-classes.ts) has no plan. */
function listOf(plan: DisturbancePlan): readonly Disturbance[] | null {
  return Array.isArray((plan as { list?: unknown }).list) ? (plan as { list: readonly Disturbance[] }).list : null;
}

function keyOf(tid: number, n: number, kind: string): string {
  return `${tid} ${n} ${kind}`;
}

/** Chance as a function of the moment: a u32. MurmurHash3's mixing (Appleby), word by word. */
function draw(seed: number, tid: number, n: number, salt: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  for (const word of [tid, n, salt]) {
    let k = Math.imul(word, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    hash ^= k;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
