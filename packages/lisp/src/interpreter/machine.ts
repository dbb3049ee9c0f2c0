/**
 * The reference machine: runs compiled code (compile.ts) with its continuation as a list of frames on the heap, so that
 * recursion is as deep as memory allows, tail calls need nothing, and `call/cc` costs one object.
 *
 * A step gives a value, or CONTINUE when `run` and `env` say what is next. A value goes to the frame on top.
 *
 * Frames and their environments are used in place until a continuation is captured: that marks the frames `isShared`,
 * and from then on returning into one works on a copy of its environment. So variables that are bound after a capture
 * are bound anew at each return, as if each had been a new location. Variables that are assigned lie in boxes, which
 * copies share.
 */
import type { Source } from "../datum/source.ts";
import {
  Condition,
  failure,
  HEAP_FULL,
  limitReached,
  RESERVE_FULL,
  SchemeError,
  wrongType,
} from "../datum/condition.ts";
import { list, UNSPECIFIED } from "../datum/datum.ts";
import type { Bridge } from "../javascript/bridge.ts";
import { LeftForJavaScript } from "../javascript/outcome.ts";
import { Paused, type Watch } from "./pause.ts";

/** `env[0]` is the environment around; the rest are the variables of one procedure. */
export type Env = unknown[];
export type Run = (env: Env, machine: Machine) => unknown;
export type Resume = (value: unknown, env: Env, machine: Machine) => unknown;

export const CONTINUE = Symbol("continue");

/** Where code stands, for backtraces. */
export interface Site {
  readonly source: Source | null;
  /** The procedure that it is a part of. */
  readonly procedure: string | null;
  /** It is a part of none. */
  readonly isTop: boolean;
  /** Variables that are visible there, the innermost last, with their places. */
  readonly variables: () => readonly VisibleVariable[];
}

export interface VisibleVariable {
  readonly name: string;
  readonly hops: number;
  readonly slot: number;
  readonly isBoxed: boolean;
}

/** Where the last call of a primitive, or of what is no procedure, stands: errors are told with it. */
export const lastCall: { site: Site | null; env: Env } = { site: null, env: [] };

export class Frame {
  readonly resume: Resume;
  readonly env: Env;
  readonly next: Frame | null;
  readonly site: Site | null;
  isShared: boolean;
  constructor(resume: Resume, env: Env, next: Frame | null, site: Site | null) {
    this.resume = resume;
    this.env = env;
    this.next = next;
    this.site = site;
    this.isShared = false;
  }
}

export class Box {
  value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

/** The code of one clause of a lambda. */
export interface ClauseCode {
  readonly count: number;
  readonly hasRest: boolean;
  /** Slots of its environments. */
  size: number;
  run: Run;
}

export interface LambdaCode {
  readonly name: string | null;
  readonly source: Source | null;
  readonly clauses: ClauseCode[];
  /** The count of arguments of the only clause without a rest; -1: look at the clauses. */
  readonly plainCount: number;
}

export class Closure {
  readonly code: LambdaCode;
  readonly env: Env;
  constructor(code: LambdaCode, env: Env) {
    this.code = code;
    this.env = env;
  }
}

export type PrimitiveFunction = (...operands: never[]) => unknown;

/** A procedure in TypeScript that calls no procedure of the program. */
export class Primitive {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly call: (...operands: unknown[]) => unknown;
  constructor(name: string, least: number, most: number, call: PrimitiveFunction) {
    this.name = name;
    this.least = least;
    this.most = most;
    this.call = call as (...operands: unknown[]) => unknown;
  }
}

/** A procedure that works on the machine itself. */
export class ControlPrimitive {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly call: (machine: Machine, operands: unknown[]) => unknown;
  constructor(name: string, least: number, most: number, call: (machine: Machine, operands: unknown[]) => unknown) {
    this.name = name;
    this.least = least;
    this.most = most;
    this.call = call;
  }
}

export class MultipleValues {
  readonly values: unknown[];
  constructor(values: unknown[]) {
    this.values = values;
  }
}

export function makeValues(values: unknown[]): unknown {
  return values.length === 1 ? values[0] : new MultipleValues(values);
}

interface Handlers {
  readonly procedure: unknown;
  readonly next: Handlers | null;
}
export interface ParameterBinding {
  readonly parameter: Parameter;
  value: unknown;
  readonly next: ParameterBinding | null;
}
export interface Winder {
  readonly before: unknown;
  readonly after: unknown;
  readonly next: Winder | null;
  readonly depth: number;
  readonly frame: Frame | null;
  readonly handlers: Handlers | null;
  readonly parameters: ParameterBinding | null;
}

export class Parameter {
  value: unknown;
  readonly converter: unknown;
  constructor(value: unknown, converter: unknown) {
    this.value = value;
    this.converter = converter;
  }
}

export class Continuation {
  readonly frame: Frame | null;
  readonly winders: Winder | null;
  readonly handlers: Handlers | null;
  readonly parameters: ParameterBinding | null;
  constructor(machine: Machine, winders: Winder | null = machine.winders) {
    for (let frame = machine.frame; frame !== null && !frame.isShared; frame = frame.next) frame.isShared = true;
    this.frame = machine.frame;
    this.winders = winders;
    this.handlers = machine.handlers;
    this.parameters = machine.parameters;
  }
}

/** An object that no handler took; carries the continuation of the `raise`, for a debugger. */
export class UncaughtError extends Error {
  readonly payload: unknown;
  readonly continuation: Continuation;
  /** The call that failed, and the variables it saw. */
  readonly site: Site | null;
  readonly env: Env;
  readonly isContinuable: boolean;
  constructor(payload: unknown, continuation: Continuation, isContinuable: boolean) {
    super(payload instanceof Condition ? String(payload.message) : "uncaught object");
    this.payload = payload;
    this.continuation = continuation;
    this.site = lastCall.site;
    this.env = lastCall.env;
    this.isContinuable = isContinuable;
  }
}

/** The form that is next, and what it sees (null: the machine was between two); what waits for it. */
export interface PausePlace {
  readonly site: Site | null;
  readonly env: Env;
  readonly frame: Frame | null;
}

/** `(exit)`: the program wants to end. */
export class ExitRequest extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

/** Steps between two looks at the clock and at interrupts. */
const TICK_STEPS = 10_000;

export interface MachineLimits {
  /** Steps after which the program is stopped with an error of kind "limit". */
  readonly steps: number;
  /** Is asked every few thousand steps; true: the program is to be stopped. */
  readonly isInterrupted: () => boolean;
  /** Likewise, whether there is no more memory: an error for handlers first, `reserve` when theirs is full, too. */
  readonly memoryFull?: () => "heap" | "reserve" | null;
}

/** Green threads of a machine; what they are is the library's (scheme/stratos/threads.sld). */
interface ThreadState {
  /** Entries of procedures that are left until others have their turn. */
  fuel: number;
  /** False: the program's first. */
  current: unknown;
  /** A pair of procedures: for when the fuel is out, and for when input is awaited; false without threads. */
  hooks: unknown;
}

export class Machine {
  readonly threads: ThreadState;
  run: Run;
  env: Env;
  frame: Frame | null;
  winders: Winder | null;
  handlers: Handlers | null;
  parameters: ParameterBinding | null;
  limits: MachineLimits;
  /** What does the work when a program leaves its run for JavaScript, and who goes on then. */
  javascript: { readonly bridge: Bridge; entry: unknown } | null;
  /** A debugger. */
  watch: Watch | null;
  #ticksLeft: number;
  #steps: number;

  constructor() {
    this.threads = { fuel: 0, current: false, hooks: false };
    this.run = () => UNSPECIFIED;
    this.env = [];
    this.frame = null;
    this.winders = null;
    this.handlers = null;
    this.parameters = null;
    this.javascript = null;
    this.watch = null;
    this.limits = { steps: Infinity, isInterrupted: () => false };
    this.#ticksLeft = TICK_STEPS;
    this.#steps = 0;
  }

  /** Runs code to its end, with the dynamic state of now. @throws UncaughtError, ExitRequest */
  execute(run: Run, env: Env): unknown {
    return this.#settled(() => {
      this.run = run;
      this.env = env;
      return CONTINUE;
    });
  }

  /** Calls a procedure from JavaScript. */
  call(procedure: unknown, operands: unknown[]): unknown {
    return this.#settled(() => this.apply(procedure, operands));
  }

  /** Goes on in a continuation that was left by an error, with a value for what failed. */
  resume(continuation: Continuation, value: unknown): unknown {
    return this.#settled(() => {
      this.winders = continuation.winders;
      return throwTo(this, continuation, value);
    });
  }

  /** Leaves the program; `next` is done when it goes on. */
  pause(site: Site | null, env: Env, next: () => unknown): never {
    const { run, env: own, frame, winders, handlers, parameters } = this;
    throw new Paused<PausePlace>({ site, env, frame }, () => {
      Object.assign(this, { run, env: own, frame, winders, handlers, parameters });
      return next();
    });
  }

  goOn(paused: Paused<PausePlace>): unknown {
    return this.#settled(paused.goOn);
  }

  /** Runs to the end, JavaScript's part of it included. */
  #settled(begin: () => unknown): unknown {
    for (let go = begin; ; go = () => this.apply(this.javascript!.entry, [])) {
      try {
        return this.#nested(go);
      } catch (error) {
        if (!(error instanceof LeftForJavaScript) || this.javascript === null) throw error;
        this.javascript.bridge.perform();
      }
    }
  }

  #nested(begin: (base: Frame) => unknown): unknown {
    const { run, env, frame, winders, handlers, parameters } = this;
    const base = new Frame(ended, [], null, null);
    const depth = this.#base;
    this.#base = base;
    this.frame = base;
    try {
      return this.#loop(begin, base);
    } finally {
      this.#base = depth;
      this.run = run;
      this.env = env;
      this.frame = frame;
      this.winders = winders;
      this.handlers = handlers;
      this.parameters = parameters;
    }
  }

  #base: Frame | null = null;

  #loop(begin: (base: Frame) => unknown, base: Frame): unknown {
    let value: unknown = undefined;
    let isBegun = false;
    for (;;) {
      try {
        if (!isBegun) {
          isBegun = true;
          value = begin(base);
        }
        for (;;) {
          while (value === CONTINUE) {
            if (--this.#ticksLeft < 0) this.#tick();
            value = this.run(this.env, this);
          }
          const frame = this.frame!;
          if (frame.resume === ended) return value;
          this.frame = frame.next;
          value = frame.resume(value, frame.isShared ? frame.env.slice() : frame.env, this);
        }
      } catch (error) {
        value = this.#raiseFrom(error);
      }
    }
  }

  #tick(): void {
    this.#ticksLeft = TICK_STEPS;
    this.#steps += TICK_STEPS;
    if (this.#steps > this.limits.steps) {
      this.#steps = 0;
      throw new UncaughtError(
        new Condition("limit", "the program took more steps than it may"),
        new Continuation(this),
        false,
      );
    }
    if (this.watch?.isTurnOver() === true) this.pause(null, this.env, () => CONTINUE);
    if (this.limits.isInterrupted())
      throw new UncaughtError(new Condition("limit", "interrupted"), new Continuation(this), false);
    this.checkMemory();
  }

  /** Primitives that make much in one step ask, too. */
  checkMemory(): void {
    const full = this.limits.memoryFull?.() ?? null;
    if (full !== null) this.#raiseFull(full);
  }

  #raiseFull(full: "heap" | "reserve"): never {
    // What runs is left, as by a compiled program: most of the memory is most likely its own.
    this.frame = this.#base;
    lastCall.env = [];
    if (full === "heap") throw new SchemeError(new Condition("memory", HEAP_FULL));
    throw new UncaughtError(new Condition("memory", HEAP_FULL + RESERVE_FULL), new Continuation(this), false);
  }

  /** Errors of primitives become Scheme's; what is a defect of ours goes on as it is. */
  #raiseFrom(error: unknown): unknown {
    if (error instanceof SchemeError) {
      try {
        return this.raise(error.payload, error.isContinuable);
      } catch (inner) {
        if (inner instanceof SchemeError) throw new UncaughtError(error.payload, new Continuation(this), false);
        throw inner;
      }
    }
    // The engine's own bounds: depth of its stack, sizes of arrays, integers and texts.
    if (error instanceof RangeError) return this.#raiseFrom(limitReached(`out of bounds: ${error.message}`));
    throw error;
  }

  /** Hands an object to the innermost handler, which runs with those outside of it. R7RS §6.11. */
  raise(payload: unknown, isContinuable: boolean): unknown {
    if (this.watch?.isRaiseWanted(payload) === true)
      this.pause(lastCall.site, lastCall.env, () => this.#handOn(payload, isContinuable));
    return this.#handOn(payload, isContinuable);
  }

  #handOn(payload: unknown, isContinuable: boolean): unknown {
    const { handlers } = this;
    if (handlers === null) throw new UncaughtError(payload, new Continuation(this), isContinuable);
    this.push(restoreHandlers, [handlers]);
    if (!isContinuable) this.push(handlerReturned, [payload]);
    this.handlers = handlers.next;
    return this.apply(handlers.procedure, [payload]);
  }

  /** Leaves all that waits: what is called next is the whole program, but for its parameters. */
  leave(): void {
    this.frame = this.#base;
    this.winders = null;
    this.handlers = null;
  }

  push(resume: Resume, env: Env): void {
    this.frame = new Frame(resume, env, this.frame, null);
  }

  /** A call in tail position of the frame on top. */
  apply(procedure: unknown, operands: unknown[]): unknown {
    if (procedure instanceof Closure) return this.#enter(procedure, operands);
    if (procedure instanceof Primitive) {
      if (operands.length < procedure.least || operands.length > procedure.most)
        throw wrongCount(procedure, operands.length);
      return procedure.call(...operands);
    }
    if (procedure instanceof ControlPrimitive) {
      if (operands.length < procedure.least || operands.length > procedure.most)
        throw wrongCount(procedure, operands.length);
      return procedure.call(this, operands);
    }
    if (procedure instanceof Continuation) return throwTo(this, procedure, makeValues(operands));
    if (procedure instanceof Parameter) {
      if (operands.length > 0) throw wrongCount(procedure, operands.length);
      return this.parameterValue(procedure);
    }
    throw new SchemeError(new Condition("type", "not a procedure:", [procedure]));
  }

  #enter(closure: Closure, operands: unknown[]): unknown {
    const count = operands.length;
    for (const clause of closure.code.clauses) {
      if (clause.hasRest ? count < clause.count : count !== clause.count) continue;
      const env: Env = [closure.env];
      for (let index = 0; index < clause.count; index++) env.push(operands[index]);
      if (clause.hasRest) env.push(list(operands.slice(clause.count)));
      while (env.length < clause.size) env.push(undefined);
      this.env = env;
      this.run = clause.run;
      return CONTINUE;
    }
    throw wrongCount(closure, count);
  }

  parameterValue(parameter: Parameter): unknown {
    for (let binding = this.parameters; binding !== null; binding = binding.next)
      if (binding.parameter === parameter) return binding.value;
    return parameter.value;
  }
}

const ended: Resume = () => {
  throw failure("a continuation whose program has ended was called");
};

const restoreHandlers: Resume = (value, env, machine) => {
  machine.handlers = env[0] as Handlers | null;
  return value;
};

const handlerReturned: Resume = (_value, env) => {
  throw new SchemeError(
    new Condition("error", "a handler returned from an object that was raised by raise:", [env[0]]),
  );
};

export function restoreParameters(value: unknown, env: Env, machine: Machine): unknown {
  machine.parameters = env[0] as ParameterBinding | null;
  return value;
}

export function procedureName(procedure: unknown): string | null {
  if (procedure instanceof Closure) return procedure.code.name;
  if (procedure instanceof Primitive || procedure instanceof ControlPrimitive) return procedure.name;
  return null;
}

export function wrongCount(procedure: unknown, count: number): SchemeError {
  const name = procedureName(procedure) ?? "an anonymous procedure";
  return new SchemeError(
    new Condition(
      "arity",
      `${name}: wrong number of arguments (${expectedCount(procedure)} expected, ${count} given)`,
      [],
    ),
  );
}

function expectedCount(procedure: unknown): string {
  if (procedure instanceof Closure)
    return procedure.code.clauses.map(({ count, hasRest }) => `${count}` + (hasRest ? " or more" : "")).join(", ");
  if (procedure instanceof Primitive || procedure instanceof ControlPrimitive) {
    const { least, most } = procedure;
    return most === Infinity ? `${least} or more` : least === most ? `${least}` : `${least} to ${most}`;
  }
  return "0";
}

export function isProcedure(value: unknown): boolean {
  return (
    value instanceof Closure ||
    value instanceof Primitive ||
    value instanceof ControlPrimitive ||
    value instanceof Continuation ||
    value instanceof Parameter
  );
}

/**
 * Goes to a continuation: leaves the dynamic-winds that it is not in, innermost first, then enters its own, outermost
 * first.
 */
export function throwTo(machine: Machine, target: Continuation, value: unknown): unknown {
  const from = machine.winders,
    to = target.winders;
  if (from === to) {
    machine.frame = target.frame;
    machine.handlers = target.handlers;
    machine.parameters = target.parameters;
    return value;
  }
  if (from !== null && !isWithin(to, from)) {
    machine.winders = from.next;
    return callWinder(machine, from, from.after, (_result, env, own) => throwTo(own, env[0] as Continuation, env[1]), [
      target,
      value,
    ]);
  }
  // The outermost that is not entered yet.
  let next = to!;
  while (next.next !== from) next = next.next!;
  return callWinder(
    machine,
    next,
    next.before,
    (_result, env, own) => {
      own.winders = env[2] as Winder;
      return throwTo(own, env[0] as Continuation, env[1]);
    },
    [target, value, next],
  );
}

function isWithin(inner: Winder | null, outer: Winder): boolean {
  let winder = inner;
  while (winder !== null && winder.depth > outer.depth) winder = winder.next;
  return winder === outer;
}

function callWinder(machine: Machine, winder: Winder, thunk: unknown, resume: Resume, env: Env): unknown {
  machine.frame = new Frame(resume, env, winder.frame, null);
  machine.handlers = winder.handlers;
  machine.parameters = winder.parameters;
  return machine.apply(thunk, []);
}

export function checkProcedure(who: string, value: unknown): void {
  if (!isProcedure(value)) throw wrongType(who, "a procedure", value);
}
