/**
 * Where a program is to stop, as an editor has said it: by lines, functions and instructions, each with a condition or
 * with a line to print instead (a logpoint) and with which of its hits is meant, and by memory that is watched.
 */
import { type AdapterArguments, AdapterError, BREAKPOINTS_MAX, listOf, numberOf } from "@stratos/base";
import { type Stop, type Task, WATCH_LENGTH_MAX, type Watchpoint, WATCHES_MAX } from "@stratos/kernel";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { DwarfError } from "../symbols/byte-reader.ts";
import type { ProgramCode } from "../symbols/program-code.ts";
import { addressOf, hex } from "./adapter-request.ts";
import type { DebugStops } from "./debug-target.ts";
import { ExpressionError, isTrue } from "./arithmetic.ts";
import { type Expression, parseExpression, type ValueSource } from "./expression.ts";
import { textOfValue } from "./typed-value.ts";

/** Lines that logpoints print in one journey: who reads them may be slow. */
export const LOG_LINES_MAX = 5000;

interface BreakpointPorts {
  readonly taskOf: (tid: number) => Task | null;
  /** What expressions ask of the innermost function of a thread that stands. */
  readonly valuesOf: (task: Task) => ValueSource;
  /** A line for who sees the editor. */
  readonly print: (line: string) => void;
}

/** What is asked where a breakpoint is come to. */
interface Rule {
  /** Null: always. */
  readonly condition: Expression | null;
  /** Which hits count, by their number from 1 on. Null: each. */
  readonly isMeant: ((hits: number) => boolean) | null;
  /** Shared by all places that one line became. */
  readonly hits: { count: number };
  /** What is printed instead of stopping. Null: it stops. */
  readonly message: ((from: ValueSource) => string) | null;
}

type RuledAddress = Rule & { readonly address: number };

/** Where one breakpoint of a request lies, or why nowhere. */
type Found = DebugProtocol.Breakpoint & { readonly addresses: readonly number[] };

export class Breakpoints {
  readonly #code: ProgramCode;
  readonly #ports: BreakpointPorts;
  /** By who has set them: a source's path, functions, instructions. */
  readonly #breakpoints = new Map<string, readonly RuledAddress[]>();
  #watches: readonly Watchpoint[] = [];
  #logLines = 0;

  constructor(code: ProgramCode, ports: BreakpointPorts) {
    this.#code = code;
    this.#ports = ports;
  }

  get stops(): DebugStops {
    const all = [...this.#breakpoints.values()].flat();
    return { breakpoints: new Set(all.map(({ address }) => address)), watches: this.#watches };
  }

  /** The lines of logpoints are counted from here on. */
  beginJourney(): void {
    this.#logLines = 0;
  }

  /** Whether to stop where a breakpoint was come to; logpoints there print. A condition without a value stops. */
  isWanted({ tid, pc }: Stop): boolean {
    const task = this.#ports.taskOf(tid);
    if (task === null) return true;
    const values = this.#ports.valuesOf(task);
    const here = [...this.#breakpoints.values()].flat().filter(({ address }) => address === pc);
    return here.filter((rule) => this.#stopsBy(rule, values)).length > 0;
  }

  #stopsBy({ condition, isMeant, hits, message }: Rule, values: ValueSource): boolean {
    try {
      if (condition !== null && !isTrue(condition.evaluate(values), values.memory)) return false;
      if (isMeant?.(++hits.count) === false) return false;
      if (message === null) return true;
      this.#log(message(values));
      return false;
    } catch (error) {
      if (!(error instanceof ExpressionError || error instanceof DwarfError)) throw error;
      this.#ports.print(`a breakpoint's expression has no value here: ${error.message}`);
      return true;
    }
  }

  #log(line: string): void {
    if (++this.#logLines <= LOG_LINES_MAX) this.#ports.print(line);
    else if (this.#logLines === LOG_LINES_MAX + 1)
      this.#ports.print(`more than ${LOG_LINES_MAX} lines of logpoints: no more until the program stops`);
  }

  /** @throws AdapterError */
  setLines(given: AdapterArguments, task: Task | null): DebugProtocol.SetBreakpointsResponse["body"] {
    const { path, name } = (given["source"] ?? {}) as { path?: unknown; name?: unknown };
    const file = String(path ?? name ?? "");
    return this.#set(`source ${file}`, given, ({ line }) => {
      const found = task === null ? null : this.#code.lineOf(task, file, numberOf(line, 0));
      return found === null
        ? nowhere("no code of this line is mapped here, or it has no DWARF lines")
        : { ...foundAt(found.addresses), line: found.line };
    });
  }

  /** @throws AdapterError */
  setFunctions(given: AdapterArguments, task: Task | null): DebugProtocol.SetFunctionBreakpointsResponse["body"] {
    return this.#set("functions", given, ({ name }) => {
      const found = task === null ? [] : this.#code.functionsNamed(task, String(name));
      return found.length > 0 ? foundAt(found) : nowhere(`no function ${String(name)} is mapped here`);
    });
  }

  /** @throws AdapterError */
  setInstructions(given: AdapterArguments): DebugProtocol.SetInstructionBreakpointsResponse["body"] {
    return this.#set("instructions", given, ({ instructionReference, offset }) =>
      foundAt([addressOf(instructionReference) + numberOf(offset, 0)]),
    );
  }

  #set(
    by: string,
    given: AdapterArguments,
    find: (wanted: AdapterArguments) => Found,
  ): { breakpoints: DebugProtocol.Breakpoint[] } {
    const all: RuledAddress[] = [];
    const breakpoints = listOf(given["breakpoints"]).map((wanted) => {
      try {
        const { addresses, ...answer } = find(wanted);
        const rule = ruleOf(wanted);
        all.push(...addresses.map((address) => ({ address, ...rule })));
        return answer;
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        return { verified: false, message: error.message };
      }
    });
    let others = 0;
    for (const [each, list] of this.#breakpoints) if (each !== by) others += list.length;
    if (others + all.length > BREAKPOINTS_MAX) throw new AdapterError(`at most ${BREAKPOINTS_MAX} breakpoints`);
    this.#breakpoints.set(by, all);
    return { breakpoints };
  }

  setWatches(given: AdapterArguments): DebugProtocol.SetDataBreakpointsResponse["body"] {
    const wanted = listOf(given["breakpoints"]).map(({ dataId }) => {
      const [address, length] = String(dataId).split(",").map(Number);
      return { address: address ?? NaN, length: length ?? NaN };
    });
    const isFine = ({ address, length }: Watchpoint): boolean =>
      Number.isSafeInteger(address) && address >= 0 && length >= 1 && length <= WATCH_LENGTH_MAX;
    this.#watches = wanted.filter(isFine).slice(0, WATCHES_MAX);
    return {
      breakpoints: wanted.map((watch) =>
        this.#watches.includes(watch)
          ? { verified: true }
          : { verified: false, message: `${WATCHES_MAX} at once, of at most ${WATCH_LENGTH_MAX} bytes each` },
      ),
    };
  }

  /** Memory is watched by its address (`0x1234`), with the number of bytes, or by the name of a global variable. */
  watchInfo(given: AdapterArguments, task: Task | null): DebugProtocol.DataBreakpointInfoResponse["body"] {
    const name = String(given["name"] ?? "");
    // What is listed below something are registers.
    if (numberOf(given["variablesReference"], 0) > 0)
      return { dataId: null, description: "memory is watched, registers are not" };
    const isAddress = /^(0x[0-9a-f]{1,14}|\d{1,16})$/i.test(name);
    const variable = isAddress
      ? { address: Number(name), size: WATCH_LENGTH_MAX }
      : task === null
        ? null
        : this.#code.variableNamed(task, name);
    if (variable === null) {
      const known = "memory is watched by its address, as 0x1234, or by the name of a global variable";
      return { dataId: null, description: `${name}: no global variable of this name is mapped here; ${known}` };
    }
    const bytes = Math.min(WATCH_LENGTH_MAX, Math.max(1, numberOf(given["bytes"], variable.size)));
    const description = `${bytes} bytes at ${isAddress ? name : `${hex(variable.address)} (${name})`}`;
    return { dataId: `${variable.address},${bytes}`, description, accessTypes: ["write"] };
  }
}

function foundAt(addresses: readonly number[]): Found {
  return { verified: true, instructionReference: hex(addresses[0]!), addresses };
}

function nowhere(message: string): Found {
  return { verified: false, message, addresses: [] };
}

/** @throws ExpressionError */
function ruleOf({ condition, hitCondition, logMessage }: AdapterArguments): Rule {
  const isGiven = (value: unknown): value is string => typeof value === "string" && value.trim() !== "";
  return {
    condition: isGiven(condition) ? parseExpression(condition) : null,
    isMeant: isGiven(hitCondition) ? parseHits(hitCondition) : null,
    hits: { count: 0 },
    message: isGiven(logMessage) ? parseMessage(logMessage) : null,
  };
}

/** `3` (the third alone), `>= 3`, `% 3` (each third) and the like. @throws ExpressionError */
function parseHits(text: string): (hits: number) => boolean {
  const [, operator = "==", digits = ""] = /^\s*(==|[<>]=?|%)?\s*(\d{1,15})\s*$/.exec(text) ?? [];
  const wanted = Number(digits);
  if (digits === "" || (operator === "%" && wanted === 0))
    throw new ExpressionError(`${text}: hits are counted as 3, >= 3 or % 3`);
  const compare = HIT_OPERATORS[operator]!;
  return (hits) => compare(hits, wanted);
}

const HIT_OPERATORS: Readonly<Record<string, (hits: number, wanted: number) => boolean>> = {
  "==": (hits, wanted) => hits === wanted,
  "<": (hits, wanted) => hits < wanted,
  "<=": (hits, wanted) => hits <= wanted,
  ">": (hits, wanted) => hits > wanted,
  ">=": (hits, wanted) => hits >= wanted,
  "%": (hits, wanted) => hits % wanted === 0,
};

/** `i is {i}`: what stands in braces is computed. @throws ExpressionError */
function parseMessage(text: string): (from: ValueSource) => string {
  const parts = text.split(/\{([^{}]*)\}/).map((part, index) => (index % 2 === 0 ? part : parseExpression(part)));
  const textOf = (part: string | Expression, from: ValueSource): string =>
    typeof part === "string" ? part : textOfValue(part.evaluate(from), from.memory);
  return (from) => parts.map((part) => textOf(part, from)).join("");
}
