/**
 * The Debug Adapter Protocol for programs in Lisp: an editor starts one, stops it at lines and where something is
 * raised, goes on step by step, and looks into frames. The program is interpreted, in turns, so that requests are
 * answered while it runs. One client, one program, one thread of it for the editor.
 */
import { type AdapterArguments, AdapterError, AdapterProtocol, listOf, numberOf } from "@stratos/base";
import type { EventLoop } from "@stratos/host";
import type { Global, Unit } from "../core/core.ts";
import { Condition } from "../datum/condition.ts";
import { ExitRequest, type PausePlace, UncaughtError } from "../interpreter/machine.ts";
import { conditionText } from "../interpreter/print-object.ts";
import type { ByteSink } from "../interpreter/ports.ts";
import { Paused } from "../interpreter/pause.ts";
import { utf8Decode } from "../interpreter/utf8.ts";
import { textOf, UNSPECIFIED } from "../datum/datum.ts";
import type { Lisp } from "../session.ts";
import { writeShown } from "../source-texts.ts";
import { type Breakpoint, type BreakpointWish, Debugger, type StepKind } from "./debugger.ts";
import {
  activationsOf,
  assign,
  evaluateInFrame,
  frameName,
  framesOf,
  type ShownFrame,
  type Surroundings,
  valueAt,
  variablesOf,
} from "./frames.ts";
import { type Part, ShownValues } from "./shown-values.ts";

/** What an editor wants to be run. */
export interface LaunchRequest {
  readonly program: string;
  readonly args: readonly string[];
  readonly libraryPath: readonly string[];
  readonly output: ByteSink;
  readonly error: ByteSink;
}

export interface LaunchedProgram {
  readonly lisp: Lisp;
  readonly text: string;
  /** As its forms tell it. */
  readonly file: string;
  /** False: one of the system's own libraries, which are stepped over. */
  isShown(file: string): boolean;
}

interface LispDebugAdapterOptions {
  readonly write: (bytes: Uint8Array) => void;
  readonly loop: EventLoop;
  /** @throws Error  in words */
  readonly launch: (request: LaunchRequest) => LaunchedProgram;
}

/** The one thread that editors see. */
const THREAD = 1;
const STEPS: Readonly<Record<string, StepKind>> = { next: "over", stepIn: "in", stepOut: "out" };

interface Session {
  readonly lisp: Lisp;
  readonly file: string;
  readonly debugger: Debugger;
  readonly units: readonly Unit[];
  readonly around: (file: string) => Surroundings;
  /** What is left to be run. */
  readonly work: (() => unknown)[];
  readonly stopsOnEntry: boolean;
}

export class LispDebugAdapter {
  readonly #options: LispDebugAdapterOptions;
  readonly #protocol: AdapterProtocol;
  readonly #values: ShownValues;
  #session: Session | null;
  /** Where it was left; null: it runs, or has not begun. */
  #stop: UncaughtError | Paused<PausePlace> | null;
  #frames: readonly ShownFrame[];
  #isBegun: boolean;
  #isOver: boolean;
  #stopsAtUncaught: boolean;
  #stopsAtRaise: boolean;
  #end!: () => void;
  #fail!: (error: unknown) => void;
  /** Resolves when the client has gone; rejects for a defect of ours. */
  readonly ended: Promise<void>;

  constructor(options: LispDebugAdapterOptions) {
    this.#options = options;
    this.#protocol = new AdapterProtocol({
      write: options.write,
      answer: (command, given) => this.#respond(command, given),
      onRefused: () => this.hangUp(),
      onFailure: (error) => this.#fail(error),
    });
    this.#values = new ShownValues();
    this.#session = null;
    this.#stop = null;
    this.#frames = [];
    this.#isBegun = false;
    this.#isOver = false;
    this.#stopsAtUncaught = true;
    this.#stopsAtRaise = false;
    this.ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
  }

  /** Bytes of the client. */
  feed(bytes: Uint8Array): void {
    this.#protocol.feed(bytes);
  }

  /** The client is gone. */
  hangUp(): void {
    this.#isOver = true;
    this.#end();
  }

  #respond(command: string, given: AdapterArguments): { body?: object | undefined; next?: () => void } {
    switch (command) {
      case "initialize":
        return { body: CAPABILITIES };
      case "launch":
        this.#launch(given);
        return { next: () => this.#protocol.event("initialized") };
      case "configurationDone":
        return { next: () => this.#begin() };
      case "disconnect":
      case "terminate":
        return { next: () => this.#leave(command) };
      case "pause":
        this.#opened.debugger.pause();
        return {};
      case "continue":
      case "next":
      case "stepIn":
      case "stepOut":
        return this.#travel(command);
      default:
        return { body: this.#answer(command, given) };
    }
  }

  #answer(command: string, given: AdapterArguments): object | undefined {
    switch (command) {
      case "setBreakpoints":
        return this.#setBreakpoints(given);
      case "setFunctionBreakpoints":
        return this.#setFunctionBreakpoints(given);
      case "setExceptionBreakpoints":
        return this.#setFilters(given);
      case "exceptionInfo":
        return this.#exceptionInfo();
      case "threads":
        return { threads: [{ id: THREAD, name: this.#session?.file.split("/").at(-1) ?? "program" }] };
      case "stackTrace":
        return this.#stack(given);
      case "scopes":
        return this.#scopes(given);
      case "variables": {
        const range = { start: numberOf(given["start"], 0), count: numberOf(given["count"], 0) };
        return { variables: this.#values.variables(numberOf(given["variablesReference"], 0), range) };
      }
      case "setVariable":
        return this.#setVariable(given);
      case "evaluate":
        return this.#evaluate(given);
      default:
        throw new AdapterError(`${command}: not supported`);
    }
  }

  /** @throws AdapterError */
  get #opened(): Session {
    if (this.#session === null) throw new AdapterError("no program has been launched");
    return this.#session;
  }

  // ---- The program

  #launch(given: AdapterArguments): void {
    const { program, stopOnEntry = false } = given;
    if (this.#session !== null) throw new AdapterError("a program is there already");
    if (typeof program !== "string") throw new AdapterError("launch: program, the path of a file, is missing");
    let launched: LaunchedProgram | null = null;
    try {
      launched = this.#options.launch({
        program,
        args: wordsOf(given["args"]),
        libraryPath: wordsOf(given["libraryPath"]),
        output: this.#sink("stdout"),
        error: this.#sink("stderr"),
      });
      this.#session = this.#open(launched, stopOnEntry === true);
    } catch (error) {
      const words = launched?.lisp.describe(error) ?? (error instanceof Error ? error.message : String(error));
      throw new AdapterError(words);
    }
  }

  #open({ lisp, text, file, isShown }: LaunchedProgram, stopsOnEntry: boolean): Session {
    const namespace = lisp.openProgram();
    const globals = new Map<string, readonly Global[]>();
    const around = (of: string): Surroundings => ({ namespace, globals: globals.get(of) ?? [] });
    const print = (line: string): void => this.#output("console", `${line}\n`);
    const control = new Debugger(lisp, { isShown, print, around });
    control.takesTurns = true;
    control.stopsAtRaise = this.#stopsAtRaise;
    const units = lisp.expandProgram(text, file, namespace);
    for (const unit of units.slice(0, -1))
      for (const of of new Set(unit.body.map(({ source }) => source?.file ?? ""))) globals.set(of, unit.globals);
    const work = units.map((unit) => lisp.linker.prepare(unit));
    return { lisp, file, debugger: control, units, around, work, stopsOnEntry };
  }

  #sink(category: "stdout" | "stderr"): ByteSink {
    return {
      write: (bytes) => this.#output(category, textOf(utf8Decode(bytes))),
      flush: () => {},
      close: () => {},
    };
  }

  #output(category: string, output: string): void {
    if (output !== "") this.#protocol.event("output", { category, output });
  }

  #begin(): void {
    const session = this.#session;
    if (session === null || this.#isBegun) return;
    this.#isBegun = true;
    if (session.stopsOnEntry) session.debugger.step("in", null);
    this.#goOn(null);
  }

  /** A turn of it: from where it was left, or the next that is left to be run. */
  #goOn(paused: Paused<PausePlace> | null): void {
    if (this.#isOver) return;
    const { lisp, work } = this.#session!;
    this.#stop = null;
    this.#frames = [];
    try {
      if (paused !== null) lisp.machine.goOn(paused);
      for (let next = work.shift(); next !== undefined; next = work.shift()) {
        lisp.machine.threads.current = false;
        next();
      }
      lisp.flush();
      this.#finish(0);
    } catch (error) {
      lisp.flush();
      this.#left(error);
    }
    for (const breakpoint of this.#session!.debugger.placeGrown())
      this.#protocol.event("breakpoint", { reason: "changed", breakpoint: told(breakpoint) });
  }

  #left(error: unknown): void {
    const { lisp, debugger: control } = this.#session!;
    if (error instanceof ExitRequest) return this.#finish(error.status);
    if (error instanceof Paused) {
      if (control.reason === null) return void this.#options.loop.callSoon(() => this.#goOn(error));
      return this.#stopped(error, control.reason);
    }
    const words = lisp.describe(error);
    if (words === null) return this.#fail(error);
    if (error instanceof UncaughtError && this.#stopsAtUncaught) return this.#stopped(error, "exception", words);
    this.#output("stderr", `${words}\n`);
    this.#finish(1);
  }

  #stopped(stop: UncaughtError | Paused<PausePlace>, reason: string, words?: string): void {
    const { debugger: control } = this.#session!;
    this.#stop = stop;
    this.#frames = activationsOf(framesOf(stop)).filter(({ site }) => site.source !== null);
    this.#values.forget();
    const description = words ?? (reason === "exception" ? raisedText(control.raised) : undefined);
    this.#protocol.event("stopped", {
      reason,
      threadId: THREAD,
      allThreadsStopped: true,
      ...(description === undefined ? {} : { description: "something was raised", text: description }),
      ...(control.reached === null ? {} : { hitBreakpointIds: [control.reached.id] }),
    });
  }

  #finish(exitCode: number): void {
    this.#isOver = true;
    this.#protocol.event("exited", { exitCode });
    this.#protocol.event("terminated");
  }

  #leave(command: string): void {
    if (command === "terminate" && !this.#isOver) this.#protocol.event("terminated");
    this.#isOver = true;
    if (command === "disconnect") this.#end();
  }

  #travel(command: string): { body?: object; next: () => void } {
    const { debugger: control, lisp } = this.#opened;
    const stop = this.#stop;
    if (stop === null) throw new AdapterError("the program is not stopped");
    const body = command === "continue" ? { allThreadsContinued: true } : {};
    if (stop instanceof UncaughtError)
      return {
        body,
        next: () => {
          this.#stop = null;
          this.#output("stderr", `${lisp.describe(stop)!}\n`);
          this.#finish(1);
        },
      };
    const kind = STEPS[command];
    if (kind === undefined) control.run();
    else control.step(kind, stop);
    return { body, next: () => this.#goOn(stop) };
  }

  // ---- Break points

  #setBreakpoints(given: AdapterArguments): object {
    const path = (given["source"] as { path?: unknown } | undefined)?.path;
    if (typeof path !== "string") throw new AdapterError("setBreakpoints: a source with a path is expected");
    const wishes = listOf(given["breakpoints"]).map((one) => ({ ...wishOf(one), line: numberOf(one["line"], 1) }));
    return { breakpoints: this.#opened.debugger.setBreakpoints(path, wishes).map(told) };
  }

  #setFunctionBreakpoints(given: AdapterArguments): object {
    const wishes = new Map(listOf(given["breakpoints"]).map((one) => [String(one["name"]), wishOf(one)]));
    const made = this.#opened.debugger.setFunctionBreakpoints(wishes);
    return { breakpoints: made.map(({ id }) => ({ id, verified: true })) };
  }

  #setFilters({ filters }: AdapterArguments): undefined {
    const wanted = wordsOf(filters);
    this.#stopsAtUncaught = wanted.includes("uncaught");
    this.#stopsAtRaise = wanted.includes("raised");
    if (this.#session !== null) this.#session.debugger.stopsAtRaise = this.#stopsAtRaise;
  }

  #exceptionInfo(): object {
    const stop = this.#stop;
    const { lisp, debugger: control } = this.#opened;
    if (stop === null) throw new AdapterError("the program is not stopped");
    const payload = stop instanceof UncaughtError ? stop.payload : control.raised;
    return {
      exceptionId: payload instanceof Condition ? payload.kind : "raised",
      description: stop instanceof UncaughtError ? lisp.describe(stop)! : raisedText(payload),
      breakMode: stop instanceof UncaughtError ? "unhandled" : "always",
    };
  }

  // ---- Frames and variables

  #stack(given: AdapterArguments): object {
    const first = Math.max(0, numberOf(given["startFrame"], 0));
    const count = numberOf(given["levels"], 0) || this.#frames.length;
    const stackFrames = this.#frames.slice(first, first + count).map((frame, index) => {
      const { source } = frame.site;
      return {
        id: first + index + 1,
        name: frameName(frame),
        line: source?.line ?? 0,
        column: source === null ? 0 : source.column + 1,
        ...(source === null ? {} : { source: { name: source.file.split("/").at(-1)!, path: source.file } }),
      };
    });
    return { stackFrames, totalFrames: this.#frames.length };
  }

  /** @throws AdapterError */
  #frame(id: unknown): ShownFrame {
    const frame = this.#frames[numberOf(id, 0) - 1];
    if (frame === undefined) throw new AdapterError("there is no such frame");
    return frame;
  }

  #scopes(given: AdapterArguments): object {
    const frame = this.#frame(given["frameId"]);
    const locals: Part[] = variablesOf(frame).map((one) => ({
      name: one.name,
      value: valueAt(frame, one),
      set: (value) => assign(frame, one, value),
    }));
    const { lisp, around, units } = this.#opened;
    const { globals } = around(frame.site.source?.file ?? "");
    const defined: Part[] = (globals.length > 0 ? globals : (units.at(-1)?.globals ?? [])).flatMap((global) => {
      const cell = lisp.linker.cell(global);
      const set = (value: unknown): void => void (cell.value = value);
      return cell.value === undefined ? [] : [{ name: global.name, value: cell.value, set }];
    });
    return {
      scopes: [
        {
          name: "Locals",
          presentationHint: "locals",
          variablesReference: this.#values.openScope(locals),
          expensive: false,
        },
        { name: "Top level", variablesReference: this.#values.openScope(defined), expensive: defined.length > 200 },
      ],
    };
  }

  #setVariable(given: AdapterArguments): object {
    const part = this.#values.part(numberOf(given["variablesReference"], 0), String(given["name"]));
    if (part?.set == null) throw new AdapterError("this cannot be set");
    const value = this.#valueOf(String(given["value"]), this.#frames[0]);
    part.set(value);
    return this.#values.shown(value);
  }

  #evaluate(given: AdapterArguments): object {
    const frame = given["frameId"] === undefined ? undefined : this.#frame(given["frameId"]);
    const value = this.#valueOf(String(given["expression"] ?? ""), frame);
    if (value === UNSPECIFIED) return { result: "", variablesReference: 0 };
    const { value: result, ...rest } = this.#values.shown(value);
    return { result, ...rest };
  }

  /** @throws AdapterError  why there is none */
  #valueOf(text: string, frame: ShownFrame | undefined): unknown {
    const { lisp, debugger: control, around, file } = this.#opened;
    if (this.#stop === null && this.#isBegun && !this.#isOver) throw new AdapterError("the program runs");
    const { value, words } = control.evaluating(() =>
      evaluateInFrame(lisp, text, frame, around(frame?.site.source?.file ?? file)),
    );
    lisp.flush();
    if (words !== null) throw new AdapterError(words);
    return value;
  }
}

function raisedText(payload: unknown): string {
  return payload instanceof Condition ? conditionText(payload, writeShown) : writeShown(payload);
}

function wordsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** @throws AdapterError */
function wishOf(given: AdapterArguments): Omit<BreakpointWish, "line"> {
  const text = (name: string): string | undefined => {
    const value = given[name];
    return typeof value === "string" && value.trim() !== "" ? value : undefined;
  };
  const hits = text("hitCondition");
  const count = hits === undefined ? undefined : Number(/^\s*(?:>=)?\s*(\d+)\s*$/.exec(hits)?.[1]);
  if (Number.isNaN(count)) throw new AdapterError(`${hits}: a count of hits is expected, as 3 or >= 3`);
  return { condition: text("condition"), hits: count, message: text("logMessage") };
}

function told({ id, file, line, wish }: Breakpoint): object {
  return line === null
    ? { id, verified: false, line: wish.line, message: "nothing can be stopped at in this line or below" }
    : { id, verified: true, line, source: { path: file } };
}

const CAPABILITIES = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsEvaluateForHovers: true,
  supportsSetVariable: true,
  supportsExceptionInfoRequest: true,
  supportsTerminateRequest: true,
  exceptionBreakpointFilters: [
    { filter: "uncaught", label: "Errors that nobody handles", default: true },
    { filter: "raised", label: "All that is raised", description: "before handlers are told", default: false },
  ],
};
