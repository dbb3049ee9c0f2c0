/** Variables of the functions on a thread's stack, as an editor asks for them: scopes, their parts, by expression. */
import { type AdapterArguments, AdapterError, numberOf } from "@stratos/base";
import { peekMemory, registersOf, type Task } from "@stratos/kernel";
import { HART, HART_F, HART_X } from "@stratos/riscv";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { DwarfError } from "../symbols/byte-reader.ts";
import { STACK_POINTER } from "../symbols/call-frames.ts";
import type { DataType } from "../symbols/data-type.ts";
import type { ProgramCode, StackFrame } from "../symbols/program-code.ts";
import type { FrameValues, Variable, VisibleVariables } from "../symbols/variables.ts";
import { hex } from "./adapter-request.ts";
import { ExpressionError } from "./arithmetic.ts";
import type { Expression, ValueSource } from "./expression.ts";
import { registerValue } from "./target-description.ts";
import {
  bytesOfValue,
  partsOfValue,
  pointedTo,
  type ReadMemory,
  textOfValue,
  type TypedValue,
  type ValuePart,
} from "./typed-value.ts";

/** References of this and above are of variables; below they are of registers. */
export const FIRST_REFERENCE: number = 1 << 24;
/** What an editor has open. */
const REFERENCES_MAX = 20_000;
const PARTS_MAX = 1000;
const VALUE_BYTES_MAX = 1 << 16;
/** x5 … x7, a0 … a7, t3 … t6 and their like of floating point: a call leaves nothing in them (psABI, 1.1 and 1.2). */
const isLostByCalls = (register: number): boolean => {
  const number = register & 31;
  if (register >= 32) return number < 8 || (number > 9 && number < 18) || number > 27;
  return (number > 4 && number < 8) || (number > 9 && number < 18) || number > 27;
};

/** Its parts from one on, as many as are wanted. @throws DwarfError */
type Opened = (from: number, count: number) => readonly (ValuePart | LostPart)[];

/** A variable without a value, and why. */
interface LostPart {
  readonly name: string;
  readonly type: string;
  readonly why: string;
}

export class ShownVariables {
  readonly #code: ProgramCode;
  /** What was shown that has parts; the machine stands where it stood then. */
  readonly #opened: { readonly task: Task; readonly parts: Opened }[] = [];

  constructor(code: ProgramCode) {
    this.#code = code;
  }

  /** The machine has gone on. */
  forget(): void {
    this.#opened.length = 0;
  }

  /** @param frame  the place in the thread's stack */
  scopes(task: Task, frame: number): DebugProtocol.Scope[] {
    const variables = this.#visible(task, frame)?.local ?? [];
    return [
      {
        name: "AdapterArguments",
        presentationHint: "arguments",
        chosen: variables.filter(({ isArgument }) => isArgument),
      },
      { name: "Locals", presentationHint: "locals", chosen: variables.filter(({ isArgument }) => !isArgument) },
    ].flatMap(({ name, presentationHint, chosen }) => {
      if (chosen.length === 0) return [];
      const parts: Opened = (from, count) =>
        chosen.slice(from, from + count).map((each) => this.#partOf(task, frame, each));
      const variablesReference = this.#open(task, parts);
      return [{ name, presentationHint, variablesReference, namedVariables: chosen.length, expensive: false }];
    });
  }

  /** @throws AdapterError */
  parts(given: AdapterArguments): DebugProtocol.Variable[] {
    const opened = this.#opened[numberOf(given["variablesReference"], -1) - FIRST_REFERENCE];
    if (opened === undefined) throw new AdapterError("the program has gone on since this was shown");
    this.#code.beginQuestion();
    const from = Math.max(0, numberOf(given["start"], 0));
    const count = Math.min(PARTS_MAX, numberOf(given["count"], 0) || PARTS_MAX);
    return this.#told(() =>
      opened.parts(from, count).map((part) => ({ name: part.name, ...this.#shown(opened.task, part) })),
    );
  }

  has(task: Task, frame: number, name: string): boolean {
    const visible = this.#visible(task, frame);
    const isLocal = visible?.local.some((each) => each.name === name) === true;
    return isLocal || (visible?.global(name) ?? null) !== null || this.#code.variableNamed(task, name) !== null;
  }

  /** What expressions ask of a thread that stands, and of a function on its stack. */
  valuesAt(task: Task, frame: number): ValueSource {
    return {
      register: (name) => registerValue(registersOf(task), name),
      variable: (name) => this.#named(task, frame, name),
      memory: memoryOf(task),
    };
  }

  /** @param text  as the expression was written. @throws AdapterError */
  evaluate(
    { task, frame }: { task: Task; frame: number },
    expression: Expression,
    text: string,
  ): Omit<DebugProtocol.Variable, "name"> {
    return this.#told(() => {
      const value = expression.evaluate(this.valuesAt(task, frame));
      const isPlain = value.type.kind !== "struct" && value.type.kind !== "array";
      if (isPlain && value.place.kind === "memory" && bytesOfValue(value, memoryOf(task)) === null)
        throw new ExpressionError(`${text}: nothing is mapped at ${hex(value.place.address)}`);
      return this.#shown(task, { name: text, value });
    });
  }

  #told<T>(answer: () => T): T {
    try {
      return answer();
    } catch (error) {
      if (error instanceof ExpressionError) throw new AdapterError(error.message);
      throw error instanceof DwarfError ? new AdapterError(`it cannot be told: ${error.message}`) : error;
    }
  }

  #visible(task: Task, frame: number): VisibleVariables | null {
    this.#code.beginQuestion();
    const at = this.#code.framesOf(task)[frame]?.at;
    return at === undefined ? null : (this.#code.variablesAt(task, at)?.visible ?? null);
  }

  /** @returns null: there is none of this name. @throws DwarfError, ExpressionError: it has no value */
  #named(task: Task, frame: number, name: string): TypedValue | null {
    const visible = this.#visible(task, frame);
    const variable = visible?.local.find((each) => each.name === name) ?? visible?.global(name) ?? null;
    if (variable !== null && !variable.isElsewhere) {
      const value = this.#valueOf(task, frame, variable);
      if (value === null) throw new ExpressionError(`${name}: it has no value here`);
      return value;
    }
    const symbol = this.#code.variableNamed(task, name);
    if (symbol === null) return null;
    const type = variable?.type() ?? untyped(symbol.size);
    return { type, place: { kind: "memory", address: symbol.address } };
  }

  /** @returns null: it is nowhere. @throws DwarfError */
  #valueOf(task: Task, frame: number, variable: Variable): TypedValue | null {
    const frames = this.#code.framesOf(task);
    const there = frames[frame];
    const known = there === undefined ? null : this.#code.variablesAt(task, there.at);
    if (there === undefined || known === null) return null;
    const place = variable.locate(frameValues(task, { frame: there, isInner: frame === 0, bias: known.bias }));
    return place === null ? null : { type: variable.type(), place };
  }

  #partOf(task: Task, frame: number, variable: Variable): ValuePart | LostPart {
    const { name } = variable;
    let type = "";
    try {
      type = variable.type().name;
      const value = this.#valueOf(task, frame, variable);
      return value === null ? { name, type, why: "<optimized out>" } : { name, value };
    } catch (error) {
      if (!(error instanceof DwarfError)) throw error;
      return { name, type, why: `<${error.message}>` };
    }
  }

  #shown(task: Task, part: ValuePart | LostPart): Omit<DebugProtocol.Variable, "name"> {
    if ("why" in part) return { value: part.why, type: part.type, variablesReference: 0 };
    const { value } = part;
    const { type, place } = value;
    const memory = memoryOf(task);
    let text: string;
    try {
      text = textOfValue(value, memory);
    } catch (error) {
      if (!(error instanceof DwarfError)) throw error;
      return { value: `<${error.message}>`, type: type.name, variablesReference: 0 };
    }
    const target = type.kind === "pointer" ? pointedTo(value, memory) : null;
    const address = target ?? value;
    const isThere = address.place.kind === "memory" && Number.isSafeInteger(address.place.address);
    return {
      ...{ value: text, type: type.name },
      variablesReference: this.#openParts(task, value),
      ...(type.kind === "array" ? { indexedVariables: type.count } : {}),
      ...(isThere && place.kind === "memory"
        ? { memoryReference: hex((address.place as { address: number }).address) }
        : {}),
    };
  }

  /** @returns a reference to what is in it; 0: nothing is */
  #openParts(task: Task, value: TypedValue): number {
    const { type } = value;
    const memory = memoryOf(task);
    if (type.kind === "pointer") {
      const target = pointedTo(value, memory);
      const size = target?.type.size ?? 0;
      const isThere = target?.place.kind === "memory" && size > 0 && memory(target.place.address, 1) !== null;
      if (!isThere || target.type.kind === "none") return 0;
      return this.#open(task, () => [{ name: "*", value: target }]);
    }
    const hasParts = type.kind === "struct" || (type.kind === "array" && type.count > 0);
    return hasParts ? this.#open(task, (from, count) => partsOfValue(value, { from, count })) : 0;
  }

  #open(task: Task, parts: Opened): number {
    if (this.#opened.length >= REFERENCES_MAX) return 0;
    return FIRST_REFERENCE - 1 + this.#opened.push({ task, parts });
  }
}

/** Of a variable that only the symbol table knows. */
function untyped(size: number): DataType {
  const isNumber = size === 1 || size === 2 || size === 4 || size === 8;
  const name = `${size} bytes`;
  return { kind: "base", name, size: isNumber ? size : 8, encoding: "unknown" };
}

function memoryOf({ space }: Task): ReadMemory {
  return (address, count) => {
    if (!(Number.isSafeInteger(address) && address >= 0 && count >= 0 && count <= VALUE_BYTES_MAX)) return null;
    const bytes = new Uint8Array(count);
    return peekMemory(space, address, bytes) === count ? bytes : null;
  };
}

function frameValues(
  task: Task,
  { frame, isInner, bias }: { frame: StackFrame; isInner: boolean; bias: number },
): FrameValues {
  const memory = memoryOf(task);
  const state = registersOf(task);
  return {
    memory,
    ...{ cfa: frame.cfa, bias },
    register: (number) => {
      const at = frame.saved.get(number);
      if (at !== undefined) return at === null ? null : memory(at, 8);
      if (number === STACK_POINTER) return pointerBytes(frame.stackPointer);
      if (!isInner && isLostByCalls(number)) return null;
      const offset = number < 32 ? HART_X - HART + 8 * number : HART_F - HART + 8 * (number - 32);
      return number === 0 ? new Uint8Array(8) : state.slice(offset, offset + 8);
    },
  };
}

function pointerBytes(address: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(address), true);
  return bytes;
}
