/**
 * The Debug Adapter Protocol: an editor looks at a process of a recorded run and goes along it in both directions, or
 * at one of a live machine. Nothing can be written. One client; its requests are answered one after the other, but for
 * `pause`.
 */
import { SIGNAL_NAMES } from "@stratos/abi";
import {
  type AdapterArguments,
  AdapterError,
  AdapterProtocol,
  byteStringToUtf8,
  numberOf,
  toBase64,
} from "@stratos/base";
import { peekMemory, registersOf, type Task } from "@stratos/kernel";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { endOfWaitStatus, exitStatusOf } from "../exit-status.ts";
import { describeTask } from "../recording/describe-place.ts";
import { ProgramCode } from "../symbols/program-code.ts";
import { addressOf, hex } from "./adapter-request.ts";
import { Breakpoints } from "./breakpoints.ts";
import {
  currentThread,
  type DebugArrival,
  type DebugPast,
  type DebugStops,
  type DebugTarget,
  threadsOf,
} from "./debug-target.ts";
import { disassembly } from "./disassembly.ts";
import { ExpressionError } from "./arithmetic.ts";
import { type Expression, parseExpression, type ValueSource } from "./expression.ts";
import { EVERYDAY_SIGNALS } from "./live-target.ts";
import { LineSteps } from "./line-steps.ts";
import { FIRST_REFERENCE, ShownVariables } from "./shown-variables.ts";
import { REGISTER_NAMES, registerValue } from "./target-description.ts";

const THREADS_MAX = 512;
const MEMORY_MAX = 1 << 20;
/** Frames are named by thread and place in the stack. */
const FRAMES_PER_THREAD = 1024;

interface DebugAdapterOptions {
  readonly write: (bytes: Uint8Array) => void;
  /** What is typed at the prompt that is no register and no address: lines to show; it may have gone elsewhere. */
  readonly monitor: (words: readonly string[]) => Promise<readonly string[]>;
}

export class DebugAdapter {
  readonly #target: DebugTarget;
  readonly #monitor: DebugAdapterOptions["monitor"];
  readonly #protocol: AdapterProtocol;
  readonly #code = new ProgramCode();
  readonly #shown = new ShownVariables(this.#code);
  readonly #steps: LineSteps;
  readonly #breakpoints: Breakpoints;
  /** What a thread of a live process was stopped for: it gets it when it goes on. */
  #signal: (DebugArrival & { readonly kind: "signal" }) | null = null;
  #end!: () => void;
  #fail!: (error: unknown) => void;
  /** Resolves when the client has gone; rejects when the replay went another way. */
  readonly ended: Promise<void>;

  constructor(target: DebugTarget, { write, monitor }: DebugAdapterOptions) {
    this.#target = target;
    this.#monitor = monitor;
    this.#protocol = new AdapterProtocol({
      write,
      answer: async (command, given) => await this.#respond(command, given),
      onRequest: (command) => void ((command === "pause" || command === "disconnect") && this.#interrupt()),
      onRefused: () => this.hangUp(),
      onFailure: (error) => this.#fail(error),
    });
    const taskOf = (tid: number): Task | null => threadsOf(target).find((each) => each.tid === tid) ?? null;
    const print = (line: string): void => this.#event("output", { category: "console", output: `${line}\n` });
    const valuesOf = (task: Task): ValueSource => this.#shown.valuesAt(task, 0);
    this.#breakpoints = new Breakpoints(this.#code, { taskOf, valuesOf, print });
    this.#steps = new LineSteps(target, this.#code, { taskOf, isWanted: (stop) => this.#breakpoints.isWanted(stop) });
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
    this.#interrupt();
    this.#end();
  }

  #interrupt(): void {
    this.#steps.isInterrupted = true;
    this.#target.interrupt();
  }

  async #respond(
    command: string,
    given: AdapterArguments,
  ): Promise<{ body?: object | undefined; next: () => Promise<void> }> {
    const answer = await this.#answer(command, given);
    const journey = answer instanceof Journey ? answer : null;
    return {
      body: answer instanceof Journey ? answer.body : answer,
      next: async () => await this.#goOn(command, journey),
    };
  }

  async #goOn(command: string, journey: Journey | null): Promise<void> {
    if (command === "initialize") this.#event("initialized");
    if (journey !== null) {
      this.#steps.isInterrupted = false;
      this.#breakpoints.beginJourney();
      this.#shown.forget();
      this.#tellStop(await journey.go());
    }
    if (command === "disconnect" || command === "terminate") {
      if (command === "terminate") this.#event("terminated");
      this.#end();
    }
  }

  #event(event: string, body?: object): void {
    this.#protocol.event(event, body);
  }

  /** @throws AdapterError */
  async #answer(command: string, given: AdapterArguments): Promise<object | undefined | Journey> {
    switch (command) {
      case "initialize":
        return capabilitiesOf(this.#target);
      case "launch":
      case "attach":
      case "pause":
        return undefined;
      case "disconnect":
        return this.#leave(given["terminateDebuggee"] === true);
      case "terminate":
        return this.#leave(true);
      case "setExceptionBreakpoints":
        return this.#setSignals(given);
      case "configurationDone":
        return new Journey(async () => "entry");
      case "setBreakpoints":
        return this.#breakpoints.setLines(given, this.#current);
      case "setFunctionBreakpoints":
        return this.#breakpoints.setFunctions(given, this.#current);
      case "setInstructionBreakpoints":
        return this.#breakpoints.setInstructions(given);
      case "dataBreakpointInfo":
        return this.#breakpoints.watchInfo(given, this.#current);
      case "setDataBreakpoints":
        return this.#breakpoints.setWatches(given);
      case "threads":
        return {
          threads: this.#threads()
            .slice(0, THREADS_MAX)
            .map((task) => ({ id: task.tid, name: describeTask(task) })),
        };
      case "stackTrace":
        return this.#stack(given);
      case "scopes":
        return this.#scopes(given);
      case "variables":
        return this.#variables(given);
      case "setVariable":
      case "setExpression":
        throw new AdapterError(UNCHANGEABLE);
      case "readMemory":
        return this.#memory(given);
      case "disassemble":
        return this.#disassemble(given);
      case "evaluate":
        return this.#evaluate(given);
      default:
        return this.#travel(command, given);
    }
  }

  // ---- Going

  #travel(command: string, given: AdapterArguments): Journey {
    const target = this.#target;
    const { live } = target;
    const signalled = this.#threads().find((task) => task.tid === this.#signal?.tid);
    if (signalled !== undefined) live?.signal(signalled, this.#signal!.info.signal);
    this.#signal = null;
    const tid = typeof given["threadId"] === "number" ? given["threadId"] : this.#target.pid;
    const isFine = given["granularity"] === "instruction";
    const on = (): DebugStops => this.#breakpoints.stops;
    switch (command) {
      case "continue":
        return new Journey(() => this.#steps.onward(on(), -1), { allThreadsContinued: true });
      case "reverseContinue": {
        const past = recorded(target);
        return new Journey(() => this.#steps.backward(past, on()));
      }
      case "next":
      case "stepIn":
        return new Journey(() =>
          isFine ? this.#steps.onward(on(), tid) : this.#steps.forward(tid, on(), command === "stepIn"),
        );
      case "stepOut":
        return new Journey(() => this.#steps.out(tid, on()));
      case "stepBack": {
        const past = recorded(target);
        return new Journey(() => (isFine ? past.stepBack(tid) : this.#steps.back(tid)));
      }
      default:
        throw new AdapterError(`${command}: not supported`);
    }
  }

  #leave(kills: boolean): undefined {
    const { live } = this.#target;
    if (kills) live?.kill();
    else live?.detach();
  }

  /** Of a live process: which signals stop it. They are passed on when it goes on. */
  #setSignals(given: AdapterArguments): undefined {
    const { live } = this.#target;
    const filters = given["filters"];
    if (live !== null)
      live.passed = Array.isArray(filters) && filters.includes(SIGNALS) ? EVERYDAY_SIGNALS : ALL_SIGNALS;
  }

  #tellStop(arrival: DebugArrival | "entry"): void {
    const threadId = this.#current?.tid ?? this.#target.pid;
    const tell = (reason: string, description?: string): void =>
      this.#event("stopped", {
        reason,
        threadId,
        allThreadsStopped: true,
        ...(description === undefined ? {} : { description, text: description }),
      });
    if (arrival === "entry") return tell("entry");
    switch (arrival.kind) {
      case "begin":
        return tell("pause", "the beginning of what was recorded");
      case "end":
        return tell("pause", "the end of what was recorded");
      case "interrupted":
        return tell("pause");
      case "exec":
        return tell("entry", `executes ${byteStringToUtf8(arrival.path)}`);
      case "fork":
        return tell("entry", "a child that was forked");
      case "signal":
        this.#signal = arrival;
        return tell("exception", `SIG${SIGNAL_NAMES[arrival.info.signal] ?? arrival.info.signal}`);
      case "exited":
        this.#event("exited", { exitCode: exitStatusOf(endOfWaitStatus(arrival.waitStatus)) });
        return this.#event("terminated");
      case "stop": {
        const { kind } = arrival.stop.reason;
        return tell(kind === "watch" ? "data breakpoint" : kind === "position" ? "goto" : kind);
      }
    }
  }

  // ---- Threads, stacks, registers, memory

  #threads(): readonly Task[] {
    return threadsOf(this.#target);
  }

  get #current(): Task | null {
    return currentThread(this.#target);
  }

  #thread(tid: unknown): Task {
    const task = this.#threads().find((each) => each.tid === tid);
    if (task === undefined) throw new AdapterError("no such thread here");
    return task;
  }

  #stack(given: AdapterArguments): DebugProtocol.StackTraceResponse["body"] {
    const task = this.#thread(given["threadId"]);
    const all = this.#code.stackOf(task);
    const first = numberOf(given["startFrame"], 0);
    const count = numberOf(given["levels"], 0) || all.length;
    const stackFrames = all.slice(first, first + count).map(({ pc, name, functionName, object, source }, index) => ({
      id: task.tid * FRAMES_PER_THREAD + first + index,
      name: functionName ?? name ?? `${hex(pc)}${object === "" ? "" : ` in ${object}`}`,
      line: source?.line ?? 0,
      column: 0,
      instructionPointerReference: hex(pc),
      ...(source === null ? {} : { source: { name: source.file.split("/").at(-1)!, path: source.file } }),
    }));
    return { stackFrames, totalFrames: all.length };
  }

  #scopes(given: AdapterArguments): DebugProtocol.ScopesResponse["body"] {
    const { task, frame } = this.#frame(given["frameId"]);
    const scopes = this.#shown.scopes(task, frame);
    // Of the innermost function alone: what a caller had in its registers may be lost.
    if (frame > 0) return { scopes };
    const registers = { name: "Registers", presentationHint: "registers", variablesReference: task.tid };
    return { scopes: [...scopes, { ...registers, expensive: false }] };
  }

  /** @throws AdapterError */
  #frame(id: unknown): { task: Task; frame: number } {
    const frame = numberOf(id, -1);
    return { task: this.#thread(Math.floor(frame / FRAMES_PER_THREAD)), frame: frame % FRAMES_PER_THREAD };
  }

  #variables(given: AdapterArguments): DebugProtocol.VariablesResponse["body"] {
    if (numberOf(given["variablesReference"], 0) >= FIRST_REFERENCE) return { variables: this.#shown.parts(given) };
    const registers = registersOf(this.#thread(given["variablesReference"]));
    return {
      variables: REGISTER_NAMES.map((name) => {
        const value = `0x${registerValue(registers, name)!.toString(16)}`;
        return { name, value, variablesReference: 0, memoryReference: value };
      }),
    };
  }

  #memory(given: AdapterArguments): DebugProtocol.ReadMemoryResponse["body"] {
    const address = addressOf(given["memoryReference"]) + numberOf(given["offset"], 0);
    const count = numberOf(given["count"], 0);
    if (!(count >= 0 && count <= MEMORY_MAX)) throw new AdapterError(`at most ${MEMORY_MAX} bytes at a time`);
    const bytes = new Uint8Array(count);
    const task = this.#current;
    const read = task === null || address < 0 ? 0 : peekMemory(task.space, address, bytes);
    return {
      address: hex(Math.max(0, address)),
      unreadableBytes: count - read,
      data: toBase64(bytes.subarray(0, read)),
    };
  }

  #disassemble(given: AdapterArguments): DebugProtocol.DisassembleResponse["body"] {
    const task = this.#current;
    if (task === null) throw new AdapterError("there is no thread here");
    return { instructions: disassembly(task, this.#code, given) };
  }

  /** An expression (`list->next`, `i + 1`, `$a0`), or words for the monitor (`where`, `seek 1000`). */
  async #evaluate(given: AdapterArguments): Promise<DebugProtocol.EvaluateResponse["body"]> {
    const text = String(given["expression"] ?? "").trim();
    const expression = parsed(text);
    if (given["context"] === "repl" && /^[a-z]/i.test(text)) {
      const name = expression instanceof ExpressionError ? null : expression.firstName;
      if (name === null || !this.#isVariable(name, given["frameId"])) return await this.#tellMonitor(text);
    }
    if (expression instanceof ExpressionError) throw new AdapterError(expression.message);
    const { task, frame } = this.#looked(given["frameId"]);
    if (task === null) throw new AdapterError("there is no thread here");
    const { value, ...rest } = this.#shown.evaluate({ task, frame }, expression, text);
    // Registers and addresses are shown as such.
    return expression.firstName === null && rest.type === "long"
      ? { result: hexOfLong(value), variablesReference: 0 }
      : { result: value, ...rest };
  }

  #isVariable(name: string, frameId: unknown): boolean {
    const { task, frame } = this.#looked(frameId);
    return task !== null && this.#shown.has(task, frame, name);
  }

  /** The frame that the editor looks at, or the innermost of the thread that stopped. @throws AdapterError */
  #looked(frameId: unknown): { task: Task | null; frame: number } {
    return frameId === undefined ? { task: this.#current, frame: 0 } : this.#frame(frameId);
  }

  async #tellMonitor(text: string): Promise<DebugProtocol.EvaluateResponse["body"]> {
    const before = this.#target.past?.position;
    const lines = await this.#monitor(text.split(/\s+/).filter((word) => word !== ""));
    if (this.#target.past?.position !== before) this.#shown.forget();
    if (this.#target.past?.position !== before) this.#tellStop({ kind: "interrupted" });
    return { result: lines.join("\n"), variablesReference: 0 };
  }
}

/** The answer comes first, then the machine goes, then it is told where it stopped. */
class Journey {
  readonly go: () => Promise<DebugArrival | "entry">;
  readonly body: object | undefined;

  constructor(go: () => Promise<DebugArrival | "entry">, body?: object) {
    this.go = go;
    this.body = body;
  }
}

/** @returns why it is none */
function parsed(text: string): Expression | ExpressionError {
  try {
    return parseExpression(text);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
}

/** @param value  in digits */
function hexOfLong(value: string): string {
  return `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
}

/** @throws AdapterError */
function recorded({ past }: DebugTarget): DebugPast {
  if (past === null) throw new AdapterError("a live program goes forwards alone: record the run, then replay it");
  return past;
}

function capabilitiesOf({ past, live }: DebugTarget): DebugProtocol.Capabilities {
  const filter = { filter: SIGNALS, label: "Signals", description: "before a signal is acted on", default: true };
  return {
    ...CAPABILITIES,
    supportsStepBack: past !== null,
    ...(live === null ? {} : { exceptionBreakpointFilters: [filter], supportTerminateDebuggee: true }),
  };
}

const UNCHANGEABLE = "variables are shown and not set: a recorded run cannot be changed, a live one by gdb (--gdb)";
const SIGNALS = "signals";
const ALL_SIGNALS: ReadonlySet<number> = new Set(Array.from({ length: 64 }, (_, index) => index + 1));

const CAPABILITIES: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsInstructionBreakpoints: true,
  supportsDataBreakpoints: true,
  supportsDataBreakpointBytes: true,
  supportsEvaluateForHovers: true,
  supportsReadMemoryRequest: true,
  supportsDisassembleRequest: true,
  supportsSteppingGranularity: true,
  supportsTerminateRequest: true,
};
