/**
 * Break points and steps of one session. It says before each form that begins a line whether the program is left there
 * (interpreter/pause.ts); who runs the program catches `Paused` and goes on by `machine.goOn`.
 *
 * A step's end is told by activations, which are environments: `over` stops in the same one, one that waits for it, and
 * where a loop of the form itself goes on; `out` in one that waits. A call in a tail has nothing that waits for it but
 * its caller's caller.
 */
import type { Source } from "../datum/source.ts";
import {
  CONTINUE,
  type Env,
  type Frame,
  type Machine,
  type PausePlace,
  type Run,
  type Site,
} from "../interpreter/machine.ts";
import type { PausePoints } from "../interpreter/pause-points.ts";
import type { Paused, Watch } from "../interpreter/pause.ts";
import type { Lisp } from "../session.ts";
import { writeShown } from "../source-texts.ts";
import { compileInFrame, type Surroundings } from "./frames.ts";

export type StepKind = "in" | "over" | "out";
type PauseReason = "breakpoint" | "function breakpoint" | "step" | "pause" | "exception";

export interface BreakpointWish {
  readonly line: number;
  readonly condition?: string | undefined;
  /** It stops from this hit on. */
  readonly hits?: number | undefined;
  /** Is printed instead of stopping, with what stands in braces evaluated. */
  readonly message?: string | undefined;
}

export class Breakpoint {
  readonly id: number;
  readonly file: string;
  readonly wish: BreakpointWish;
  /** Where the program will stop; null: nowhere yet. */
  line: number | null;
  hits: number;

  constructor(id: number, file: string, wish: BreakpointWish) {
    this.id = id;
    this.file = file;
    this.wish = wish;
    this.line = null;
    this.hits = 0;
  }
}

interface Point {
  readonly site: Site;
  readonly source: Source;
  readonly isEntry: boolean;
  breakpoint: Breakpoint | null;
  /** Expressions of break points, compiled for here. */
  readonly compiled: Map<string, (env: Env) => unknown>;
}

/** Where a step has begun. */
interface Step {
  readonly kind: StepKind;
  readonly env: Env;
  readonly source: Source | null;
  readonly procedure: string | null;
  /** Environments that the place lies in. */
  readonly around: ReadonlySet<Env>;
  /** What the activation returns to. */
  readonly caller: Frame | null;
  readonly callers: ReadonlySet<Env>;
  readonly frames: ReadonlySet<Frame>;
}

interface DebuggerOptions {
  /** False: a library that is not to be stopped in. */
  readonly isShown?: (file: string) => boolean;
  readonly print?: (line: string) => void;
  /** What names mean in a file that no frame binds. */
  readonly around?: (file: string) => Surroundings;
}

/** What is looked at of a stack when a step begins. */
const CALLERS_MAX = 10_000;
const LINES_MAX = 100_000;
/** Looks of the machine (`TICK_STEPS`): so long an expression of the user may take, and a turn of the program. */
const EVALUATION_LOOKS = 2000;
const TURN_LOOKS = 10;
/** Turns that who asks for a pause waits for the program to come to a form that is shown. */
const ASKED_TURNS = 20;

export class Debugger implements PausePoints, Watch {
  readonly #lisp: Lisp;
  readonly #options: DebuggerOptions;
  /** By file and line. */
  readonly #points: Map<string, Map<number, Point[]>>;
  readonly #breakpoints: Map<string, readonly Breakpoint[]>;
  readonly #functions: Map<string, Breakpoint>;
  #step: Step | null;
  #isAsked: boolean;
  #turnsAsked: number;
  #isEvaluating: boolean;
  #looks: number;
  #ids: number;
  /** Files that have more points than when their break points were last placed. */
  readonly #grown: Set<string>;
  /** Turns are taken, so that others may say something meanwhile. */
  takesTurns: boolean;
  stopsAtRaise: boolean;
  /** Why it was last left; null: its turn is over. */
  reason: PauseReason | null;
  /** The break point that it was last left for. */
  reached: Breakpoint | null;
  /** What was last raised. */
  raised: unknown;

  constructor(lisp: Lisp, options: DebuggerOptions = {}) {
    this.#lisp = lisp;
    this.#options = options;
    this.#points = new Map();
    this.#breakpoints = new Map();
    this.#functions = new Map();
    this.#step = null;
    this.#isAsked = false;
    this.#turnsAsked = 0;
    this.#isEvaluating = false;
    this.#looks = 0;
    this.#ids = 0;
    this.#grown = new Set();
    this.takesTurns = false;
    this.stopsAtRaise = false;
    this.reason = null;
    this.reached = null;
    this.raised = undefined;
    lisp.linker.pausePoints = this;
    lisp.machine.watch = this;
  }

  // ---- Break points

  /** Those of a file, instead of the ones before. */
  setBreakpoints(file: string, wishes: readonly BreakpointWish[]): readonly Breakpoint[] {
    const made = wishes.map((wish) => new Breakpoint(++this.#ids, file, wish));
    this.#breakpoints.set(file, made);
    this.#place(file);
    return made;
  }

  /** By name of the procedure. */
  setFunctionBreakpoints(wishes: ReadonlyMap<string, Omit<BreakpointWish, "line">>): readonly Breakpoint[] {
    this.#functions.clear();
    for (const [name, wish] of wishes) this.#functions.set(name, new Breakpoint(++this.#ids, "", { ...wish, line: 0 }));
    return [...this.#functions.values()];
  }

  get breakpoints(): ReadonlyMap<string, readonly Breakpoint[]> {
    return this.#breakpoints;
  }

  get functions(): ReadonlyMap<string, Breakpoint> {
    return this.#functions;
  }

  /** @returns break points that have a line now, and had none or another one */
  placeGrown(): Breakpoint[] {
    const moved: Breakpoint[] = [];
    for (const file of this.#grown) {
      const before = (this.#breakpoints.get(file) ?? []).map((one) => [one, one.line] as const);
      this.#place(file);
      moved.push(...before.filter(([one, line]) => one.line !== line).map(([one]) => one));
    }
    this.#grown.clear();
    return moved;
  }

  /** At the line that is asked for, or the next one that has something to stop at. */
  #place(file: string): void {
    const lines = this.#points.get(file) ?? new Map<number, Point[]>();
    for (const points of lines.values()) for (const point of points) point.breakpoint = null;
    for (const breakpoint of this.#breakpoints.get(file) ?? []) {
      const line = lines.has(breakpoint.wish.line)
        ? breakpoint.wish.line
        : [...lines.keys()].reduce((best, one) => (one >= breakpoint.wish.line && one < best ? one : best), Infinity);
      breakpoint.line = line === Infinity ? null : line;
      const points = lines.get(line) ?? [];
      // `(define (f) …)` in one line: its body is meant.
      const inner = points.filter(({ site }) => !site.isTop);
      for (const point of inner.length > 0 ? inner : points) point.breakpoint = breakpoint;
    }
  }

  // ---- What the interpreter asks

  isShown(file: string): boolean {
    return this.#options.isShown?.(file) ?? true;
  }

  before(run: Run, { site, isEntry }: { site: Site; isEntry: boolean }): Run {
    if (this.#isEvaluating) return run;
    const point: Point = { site, source: site.source!, isEntry, breakpoint: null, compiled: new Map() };
    this.#keep(point);
    return (env, machine) => {
      if (this.#isWanted(point, env, machine))
        machine.pause(site, env, () => {
          machine.env = env;
          machine.run = run;
          return CONTINUE;
        });
      return run(env, machine);
    };
  }

  #keep(point: Point): void {
    const { file, line } = point.source;
    let lines = this.#points.get(file);
    if (lines === undefined) this.#points.set(file, (lines = new Map()));
    const points = lines.get(line);
    if (points !== undefined) points.push(point);
    else if (lines.size < LINES_MAX) lines.set(line, [point]);
    if (this.#breakpoints.has(file)) this.#grown.add(file);
  }

  #isWanted(point: Point, env: Env, machine: Machine): boolean {
    if (this.#isEvaluating || machine !== this.#lisp.machine) return false;
    if (this.#grown.size > 0) this.placeGrown();
    const { breakpoint } = point;
    const named =
      point.isEntry && this.#functions.size > 0 ? this.#functions.get(point.site.procedure ?? "") : undefined;
    if (breakpoint !== null && this.#isHit(breakpoint, point, env)) return this.#leave("breakpoint", breakpoint);
    if (named !== undefined && this.#isHit(named, point, env)) return this.#leave("function breakpoint", named);
    if (this.#isAsked) return this.#leave("pause");
    return this.#step !== null && endsStep(this.#step, point, env, machine) ? this.#leave("step") : false;
  }

  #leave(reason: PauseReason | null, breakpoint: Breakpoint | null = null): true {
    this.reason = reason;
    this.reached = breakpoint;
    if (reason === null) return true;
    this.#step = null;
    this.#isAsked = false;
    return true;
  }

  #isHit(breakpoint: Breakpoint, point: Point, env: Env): boolean {
    const { condition, hits = 0, message } = breakpoint.wish;
    if (condition !== undefined) {
      const { value, words } = this.#valueAt(point, env, condition);
      if (words !== null) {
        this.#options.print?.(`condition ${condition}: ${words}`);
        return true;
      }
      if (value === false) return false;
    }
    if (++breakpoint.hits < hits) return false;
    if (message === undefined) return true;
    this.#options.print?.(
      message.replace(/\{([^{}]*)\}/g, (_, text: string) => {
        const { value, words } = this.#valueAt(point, env, text);
        return words ?? writeShown(value);
      }),
    );
    return false;
  }

  /** `words`: why there is no value. */
  #valueAt(point: Point, env: Env, text: string): { value: unknown; words: string | null } {
    return this.evaluating(() => {
      let compiled = point.compiled.get(text);
      if (compiled === undefined) {
        compiled = compileInFrame(
          this.#lisp,
          text,
          { site: point.site, env },
          this.#options.around?.(point.source.file),
        );
        point.compiled.set(text, compiled);
      }
      return compiled(env);
    });
  }

  /** Does something for the user: it is stopped nowhere, and ended when it takes long. */
  evaluating(work: () => unknown): { value: unknown; words: string | null } {
    const { machine } = this.#lisp,
      { limits, handlers } = machine;
    let looks = 0;
    this.#isEvaluating = true;
    // What fails is told, and not handled by the program.
    machine.handlers = null;
    machine.limits = { ...limits, isInterrupted: () => ++looks > EVALUATION_LOOKS || limits.isInterrupted() };
    try {
      return { value: work(), words: null };
    } catch (error) {
      const words = this.#lisp.describe(error) ?? (error instanceof Error ? error.message : String(error));
      return { value: undefined, words };
    } finally {
      machine.limits = limits;
      machine.handlers = handlers;
      this.#isEvaluating = false;
    }
  }

  isRaiseWanted(payload: unknown): boolean {
    if (!this.stopsAtRaise || this.#isEvaluating) return false;
    this.raised = payload;
    return this.#leave("exception");
  }

  isTurnOver(): boolean {
    if (!this.takesTurns || this.#isEvaluating || ++this.#looks < TURN_LOOKS) return false;
    this.#looks = 0;
    // Who is in a library that is not shown comes to no form of the program.
    return this.#leave(this.#isAsked && ++this.#turnsAsked > ASKED_TURNS ? "pause" : null);
  }

  // ---- Going

  /** It is left at the next form that it comes to, or a little later. */
  pause(): void {
    this.#isAsked = true;
    this.#turnsAsked = 0;
  }

  run(): void {
    this.#step = null;
  }

  /** @param from  where it stands; null: it has not begun */
  step(kind: StepKind, from: Paused<PausePlace> | null): void {
    this.#step = from === null ? { ...NOWHERE, kind: "in" } : stepFrom(kind, from.place);
  }
}

const NOWHERE = {
  env: [],
  source: null,
  procedure: null,
  around: new Set<Env>(),
  caller: null,
  callers: new Set<Env>(),
  frames: new Set<Frame>(),
};

function stepFrom(kind: StepKind, { site, env, frame }: PausePlace): Step {
  const around = new Set<Env>();
  for (let own: Env | undefined = env; Array.isArray(own); own = own[0] as Env | undefined) around.add(own);
  const caller = callerOf(frame, env);
  const callers = new Set<Env>(),
    frames = new Set<Frame>();
  for (let own = kind === "out" ? caller : frame; own !== null && frames.size < CALLERS_MAX; own = own.next) {
    if (own.site !== null) callers.add(own.env);
    if (own.next !== null) frames.add(own.next);
  }
  if (kind === "out") callers.delete(env);
  return {
    kind,
    env,
    source: site?.source ?? null,
    procedure: site?.procedure ?? null,
    around,
    caller,
    callers,
    frames,
  };
}

function callerOf(from: Frame | null, env: Env): Frame | null {
  let frame = from;
  while (frame !== null && frame.env === env) frame = frame.next;
  return frame;
}

function endsStep(step: Step, point: Point, env: Env, machine: Machine): boolean {
  if (step.kind === "in" || point.site.isTop || step.callers.has(env) || step.frames.has(machine.frame!)) return true;
  if (step.kind === "out") return false;
  if (step.env === env) return true;
  const caller = callerOf(machine.frame, env);
  const goesOn = caller === step.caller;
  // A loop that the form is.
  if ((goesOn || caller?.env === step.env) && isInside(point.source, step.source)) return true;
  // A loop that it is a part of: its next turn.
  return goesOn && step.around.has(env[0] as Env) && (step.procedure === point.site.procedure || isLocal(env));
}

/** Whether it is of a procedure within another one. */
function isLocal(env: Env): boolean {
  const around = env[0] as Env | undefined;
  return Array.isArray(around) && Array.isArray(around[0]);
}

function isInside(inner: Source, outer: Source | null): boolean {
  return (
    outer !== null &&
    inner.file === outer.file &&
    inner.offset > outer.offset &&
    inner.offset < outer.offset + outer.length
  );
}
