/**
 * Steps by lines of a source, in both directions, made of steps by instructions: calls are gone over as a whole, unless
 * one wants to go in. Where a program has no lines a step is an instruction.
 */
import { HART, HART_PC, HART_X } from "@stratos/riscv";
import { registersOf, type Stop, type Task } from "@stratos/kernel";
import { RETURN_ADDRESS, STACK_POINTER } from "../symbols/call-frames.ts";
import type { CodePlace, ProgramCode } from "../symbols/program-code.ts";
import type { DebugArrival, DebugPast, DebugStops, DebugTarget } from "./debug-target.ts";

/** Instructions of one line, and how often a call in it may come back: more are not waited for. */
const STEPS_MAX = 5_000;

/** Where the thread stands. */
interface Standing {
  readonly task: Task;
  readonly place: CodePlace;
  readonly stack: number;
  readonly returnAddress: number;
}

interface LineStepsPorts {
  readonly taskOf: (tid: number) => Task | null;
  /** Whether a breakpoint that was come to is one to stop at: it may have a condition. */
  readonly isWanted: (stop: Stop) => boolean;
}

export class LineSteps {
  readonly #target: DebugTarget;
  readonly #code: ProgramCode;
  readonly #taskOf: LineStepsPorts["taskOf"];
  readonly #isWanted: LineStepsPorts["isWanted"];
  /** Somebody wants it to end. */
  isInterrupted = false;

  constructor(target: DebugTarget, code: ProgramCode, { taskOf, isWanted }: LineStepsPorts) {
    this.#target = target;
    this.#code = code;
    this.#taskOf = taskOf;
    this.#isWanted = isWanted;
  }

  /** To the next stop that is wanted. @param stepTid  this thread's next instruction is one; −1: none */
  async onward(on: DebugStops, stepTid: number): Promise<DebugArrival> {
    for (;;) {
      const arrival = await this.#target.forward(on, stepTid);
      if (this.#ends(arrival)) return arrival;
      // The breakpoint has hidden that the step is done.
      if (arrival.stop.tid === stepTid) return stepped(arrival.stop);
      if (this.isInterrupted) return { kind: "interrupted" };
    }
  }

  /** To the last stop before here that is wanted. */
  async backward(past: DebugPast, on: DebugStops): Promise<DebugArrival> {
    for (;;) {
      const arrival = await past.backward(on);
      if (this.#ends(arrival)) return arrival;
      if (this.isInterrupted) return { kind: "interrupted" };
    }
  }

  #ends(arrival: DebugArrival): arrival is Exclude<DebugArrival, { kind: "stop" }> {
    return arrival.kind !== "stop" || arrival.stop.reason.kind !== "breakpoint" || this.#isWanted(arrival.stop);
  }

  /** @param goesIn  stops at the first line of a function that is called, where it has lines */
  async forward(tid: number, on: DebugStops, goesIn: boolean): Promise<DebugArrival> {
    const start = this.#standing(tid);
    let arrival = await this.onward(on, tid);
    for (let steps = 0; start?.place.source && steps < STEPS_MAX && isStep(arrival) && !this.isInterrupted; steps++) {
      const here = this.#standing(tid);
      if (here === null) break;
      const isInner = here.stack <= start.stack && here.place.functionName !== start.place.functionName;
      const mayStop = here.place.source !== null && (!isInner || goesIn);
      if (mayStop && !isSameLine(here.place, start.place)) break;
      if (isInner && !(mayStop && goesIn)) arrival = await this.#runOut(here, on);
      else if (here.place.source === null && here.stack >= start.stack) arrival = await this.#overOrStep(here, on, tid);
      else arrival = await this.onward(on, tid);
    }
    return arrival;
  }

  /** To the beginning of the line that was done before this one, in this function or its caller. */
  async back(tid: number): Promise<DebugArrival> {
    const start = this.#standing(tid);
    let arrival = await this.#target.past!.stepBack(tid);
    if (!start?.place.source) return arrival;
    let line: CodePlace | null = null;
    for (let steps = 0; steps < STEPS_MAX && isStep(arrival) && !this.isInterrupted; steps++) {
      const here = this.#standing(tid);
      if (here === null) break;
      const isInner = here.stack <= start.stack && here.place.functionName !== start.place.functionName;
      if (isInner || here.place.source === null) {
        arrival = await this.#backBeforeCall(start, here, tid);
        continue;
      }
      if (line === null && !isSameLine(here.place, start.place)) line = here.place;
      else if (line !== null && !isSameLine(here.place, line)) return this.#target.forward(NOTHING, tid);
      arrival = await this.#target.past!.stepBack(tid);
    }
    return arrival;
  }

  /** Until the function that the thread is in has returned. */
  async out(tid: number, on: DebugStops): Promise<DebugArrival> {
    const here = this.#standing(tid);
    const caller = here === null ? undefined : this.#code.stackOf(here.task)[1];
    if (here === null || caller === undefined) return this.onward(on, -1);
    return this.#runTo(caller.pc, (now) => now.stack >= here.stack, on, here.task.tid);
  }

  /** A function without lines that was jumped to from the same depth (a stub of a library), or an instruction. */
  #overOrStep(here: Standing, on: DebugStops, tid: number): Promise<DebugArrival> {
    const caller = this.#code.placeAt(here.task, here.returnAddress - 1);
    return caller.source === null ? this.onward(on, tid) : this.#runOut(here, on);
  }

  /** Out of a function at whose first instructions the thread is: x1 is still what it will return to. */
  #runOut(here: Standing, on: DebugStops): Promise<DebugArrival> {
    const caller = this.#code.stackOf(here.task)[1]?.pc ?? here.returnAddress;
    return this.#runTo(caller, (now) => now.stack >= here.stack, on, here.task.tid);
  }

  async #runTo(pc: number, isThere: (now: Standing) => boolean, on: DebugStops, tid: number): Promise<DebugArrival> {
    const breakpoints = new Set([...on.breakpoints, pc]);
    for (let times = 0; ; times++) {
      const arrival = await this.#target.forward({ ...on, breakpoints }, -1);
      if (arrival.kind !== "stop" || arrival.stop.reason.kind !== "breakpoint") return arrival;
      const now = this.#standing(tid);
      const isOurs = arrival.stop.pc === pc && arrival.stop.tid === tid && now !== null && isThere(now);
      if (isOurs || times >= STEPS_MAX) return stepped(arrival.stop);
      if (on.breakpoints.has(arrival.stop.pc) && this.#isWanted(arrival.stop)) return arrival;
    }
  }

  /** From a function's end to before it was called: the call is the instruction before what it returns to. */
  async #backBeforeCall(start: Standing, here: Standing, tid: number): Promise<DebugArrival> {
    const after = this.#code.stackOf(here.task).find((_, at, all) => at > 0 && all[at]!.source !== null)?.pc ?? 0;
    if (after === 0) return this.#target.past!.stepBack(tid);
    // c.jalr has two bytes, jal and jalr four.
    const breakpoints = new Set([after - 2, after - 4]);
    for (let times = 0; times < STEPS_MAX; times++) {
      const arrival = await this.#target.past!.backward({ breakpoints, watches: [] });
      if (arrival.kind !== "stop") return arrival;
      const now = this.#standing(tid);
      if (arrival.stop.tid === tid && now !== null && now.stack >= Math.min(start.stack, here.stack + 1))
        return stepped(arrival.stop);
    }
    return this.#target.past!.stepBack(tid);
  }

  #standing(tid: number): Standing | null {
    const task = this.#taskOf(tid);
    if (task === null) return null;
    const state = registersOf(task);
    const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
    const register = (number: number): number =>
      view.getUint32(HART_X - HART + 8 * number + 4, true) * 2 ** 32 + view.getUint32(HART_X - HART + 8 * number, true);
    const pc = view.getUint32(HART_PC - HART, true);
    return {
      task,
      place: this.#code.placeAt(task, pc),
      stack: register(STACK_POINTER),
      returnAddress: register(RETURN_ADDRESS),
    };
  }
}

const NOTHING: DebugStops = { breakpoints: new Set(), watches: [] };

function stepped(stop: Stop): DebugArrival {
  return { kind: "stop", stop: { ...stop, reason: { kind: "step" } } };
}

function isStep(arrival: DebugArrival): boolean {
  return arrival.kind === "stop" && arrival.stop.reason.kind === "step";
}

function isSameLine(a: CodePlace, b: CodePlace): boolean {
  return (
    a.source !== null &&
    b.source !== null &&
    a.source.line === b.source.line &&
    a.source.file === b.source.file &&
    a.functionName === b.functionName
  );
}
