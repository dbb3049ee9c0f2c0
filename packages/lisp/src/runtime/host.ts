/**
 * Operations that the host does for the runtime: operands lie at `sp`, the result goes to a cell; nothing is collected
 * meanwhile. An error is left in a cell of its own, and the result is the word `unbound`.
 *
 * Primitives without a form of their own here are the reference interpreter's: operands become data, the result becomes
 * a word. That gives the same results and errors; what changes its operands or calls procedures cannot be one of these.
 */
import type { Source } from "../datum/source.ts";
import {
  CompiledError,
  Condition,
  HEAP_FULL,
  limitReached,
  outOfRange,
  SchemeError,
  type WaitingCall,
  wrongType,
} from "../datum/condition.ts";
import { itemsOf, list, MString } from "../datum/datum.ts";
import type { Real, SchemeSymbol } from "../datum/datum.ts";
import { Heap, HeapFullError } from "../heap/heap.ts";
import type { Forks } from "../heap/forks.ts";
import { Identities } from "../heap/identity.ts";
import { isEqualInHeap } from "../heap/equal.ts";
import { Cell, Immediate, Kind, Tag } from "../heap/layout.ts";
import { atomHash, hashOf } from "../interpreter/hash.ts";
import { Machine, Primitive, procedureName, wrongCount } from "../interpreter/machine.ts";
import { defineControl } from "../interpreter/primitives/control.ts";
import type { RecordType } from "../interpreter/primitives/control.ts";
import { defineForeign, defineSystemCalls } from "../interpreter/primitives/foreign.ts";
import { defineHeap } from "../interpreter/primitives/heap.ts";
import { defineMemory } from "../interpreter/primitives/memory.ts";
import { defineJavaScript } from "../interpreter/primitives/javascript.ts";
import { defineLists } from "../interpreter/primitives/lists.ts";
import { defineNumbers } from "../interpreter/primitives/numbers.ts";
import { define } from "../interpreter/primitives/operands.ts";
import type { Table } from "../interpreter/primitives/operands.ts";
import { definePorts } from "../interpreter/primitives/ports.ts";
import type { StandardPorts } from "../interpreter/primitives/ports.ts";
import { defineTypes } from "../interpreter/primitives/run-time-types.ts";
import { defineText } from "../interpreter/primitives/text.ts";
import { defineWaiting } from "../interpreter/primitives/threads.ts";
import { defineVectors } from "../interpreter/primitives/vectors.ts";
import type { System } from "../interpreter/system.ts";
import type { Bridge } from "../javascript/bridge.ts";
import * as A from "../number/arithmetic.ts";
import * as I from "../number/integer.ts";
import * as T from "../number/transcendental.ts";
import { errorOf } from "./errors.ts";

type Operation = (...operands: unknown[]) => unknown;

/** Primitives that act on the current ports when they are given none. */
const CURRENT_PORTS = new Set([
  "read-char",
  "peek-char",
  "char-ready?",
  "read-line",
  "read-string",
  "read",
  "read-u8",
  "peek-u8",
  "u8-ready?",
  "read-bytevector",
  "write",
  "display",
  "write-shared",
  "write-simple",
  "newline",
  "fresh-line",
  "write-char",
  "write-string",
  "write-u8",
  "write-bytevector",
  "flush-output-port",
  "flush-output",
]);

/** What `eval` and `load` ask of the session. */
export interface Evaluator {
  /** @returns procedures without arguments that do it, one after the other */
  evaluate(datum: unknown, environment: readonly unknown[]): readonly unknown[];
  load(path: unknown, environment: readonly unknown[]): readonly unknown[];
}

/** What the primitives need of the engine that calls them. */
interface CallingEngine {
  readonly heap: Heap;
  readonly lastSource: Source | null;
  readonly evaluator: Evaluator;
  callsOf(continuation: bigint): WaitingCall[];
}

export class HostPrimitives {
  readonly names: string[];
  readonly #table: Table;
  readonly #machine: Machine;
  readonly #ports: StandardPorts;
  readonly #engine: CallingEngine;
  readonly #operations: readonly Operation[];
  readonly identities: Identities;

  constructor(
    engine: CallingEngine,
    options: {
      system: System;
      ports: StandardPorts;
      extra: ReadonlyMap<string, Primitive>;
      javascript: Bridge;
      forks: Forks;
    },
  ) {
    this.#engine = engine;
    this.identities = new Identities(engine.heap);
    this.#machine = new Machine();
    this.#ports = options.ports;
    this.#table = new Map();
    defineNumbers(this.#table);
    defineLists(this.#table);
    defineText(this.#table);
    defineVectors(this.#table);
    defineControl(this.#table);
    defineTypes(this.#table);
    definePorts(this.#table, this.#machine, options.system, options.ports);
    defineWaiting(this.#table, options.system);
    defineJavaScript(this.#table, options.javascript);
    defineForeign(this.#table);
    defineSystemCalls(this.#table);
    defineMemory(this.#table);
    defineHeap(this.#table, options.forks);
    for (const [name, primitive] of options.extra) this.#table.set(name, primitive);
    this.#defineErrors();
    this.names = [...this.#table.keys()].filter((name) => this.#table.get(name) instanceof Primitive);
    this.#operations = this.#makeOperations();
  }

  indexOf(name: string): number {
    const index = this.names.indexOf(name);
    if (index < 0) throw new Error(`the host has no primitive ${name}`);
    return index;
  }

  run(sp: number, operation: number): void {
    const { heap } = this.#engine;
    if (operation === EQUAL) {
      heap.setCell(Cell.temporary, BigInt(isEqualInHeap(heap, sp) ? Immediate.true : Immediate.false));
      return;
    }
    if (operation === IDENTITY_HASH && isKnownByIdentity(heap, heap.word(sp))) {
      heap.setCell(Cell.temporary, BigInt(this.identities.numberOf(heap.word(sp))) << 3n);
      return;
    }
    const seen = new Map<bigint, unknown>();
    try {
      const count = this.#operations[operation]!.length;
      const operands: unknown[] = [];
      for (let index = 0; index < count; index++) operands.push(heap.toDatum(heap.word(sp + 8 * index), seen));
      const result = this.#operations[operation]!(...operands);
      heap.setCell(Cell.temporary, heap.fromDatum(result, wordsOf(result, seen)));
    } catch (error) {
      const own = error instanceof RangeError ? limitReached(`out of bounds: ${error.message}`) : error;
      if (!(own instanceof SchemeError) || operation === UNCAUGHT) throw own;
      heap.setCell(Cell.raised, this.#raisedWord(own, seen));
      heap.setCell(Cell.temporary, BigInt(Immediate.unbound));
    }
  }

  #raisedWord(error: SchemeError, seen: ReadonlyMap<bigint, unknown>): bigint {
    const { heap } = this.#engine;
    try {
      if (error.message !== HEAP_FULL) return heap.fromDatum(error.payload, wordsOf(error.payload, seen));
    } catch (inner) {
      if (!(inner instanceof HeapFullError)) throw inner;
    }
    // There may be room when what is dead was collected: what is made next waits for that.
    heap.setCell(Cell.majorAsked, TRUE_FIXNUM);
    return heap.cell(Cell.heapFullCondition);
  }

  /** The host sees copies of records and procedures, and its own objects themselves. */
  #numberOf(object: object): number {
    const word = (object as { word?: unknown }).word;
    return typeof word === "bigint" ? this.identities.numberOf(word) : 0;
  }

  /** Helpers of the runtime whose only work is to raise. */
  #defineErrors(): void {
    const table = this.#table;
    define(table, "%check-procedure", 1, 1, (x: unknown) => {
      throw new SchemeError(new Condition("type", "not a procedure:", [x]));
    });
    define(table, "%check-promise", 1, 1, (x: unknown) => {
      throw wrongType("delay-force", "a promise", x);
    });
    define(table, "%parameter-operands", 0, Infinity, (...all: unknown[]) => {
      throw new SchemeError(
        new Condition("arity", `an anonymous procedure: wrong number of arguments (0 expected, ${all.length} given)`),
      );
    });
    define(table, "%parameter-converter", 1, 1, (x: unknown) => {
      throw wrongType("parameterize", "a parameter", x);
    });
    define(table, "%wrong-count", 3, 3, (name: unknown, wanted: unknown, given: unknown) => {
      throw new SchemeError(
        new Condition(
          "arity",
          `${(name as SchemeSymbol).name}: wrong number of arguments (${String(wanted)} expected, ${String(given)} ` +
            "given)",
        ),
      );
    });
    define(table, "%record-error", 3, 3, (name: unknown, type: unknown, x: unknown) => {
      // Of a check that a program's types ask for: the words are there.
      if (name instanceof MString) throw new SchemeError(new Condition("type", name.toString(), [x]));
      throw wrongType((name as SchemeSymbol).name, `a record of type ${(type as RecordType).name}`, x);
    });
  }

  #makeOperations(): Operation[] {
    const order =
      (name: string, test: (a: Real, b: Real) => boolean): Operation =>
      (a, b) => {
        for (const x of [a, b]) if (!A.isReal(x)) return this.#call(name, [a, b]);
        return test(a as Real, b as Real);
      };
    const engine = this.#engine;
    const operations: Operation[] = [
      (a, b) => A.add(a, b),
      (a, b) => A.subtract(a, b),
      (a, b) => A.multiply(a, b),
      (a, b) => A.divide(a, b),
      order("<", (a, b) => A.compare(a, b) < 0),
      order("<=", (a, b) => A.compare(a, b) <= 0),
      order(">", (a, b) => A.compare(a, b) > 0),
      order(">=", (a, b) => A.compare(a, b) >= 0),
      (a, b) => this.#call("=", [a, b]),
      (a, b) => I.truncateQuotient(a, b, "quotient"),
      (a, b) => I.truncateRemainder(a, b, "remainder"),
      (a, b) => I.floorRemainder(a, b, "modulo"),
      (a) => this.#call("inexact", [a]),
      (a) => T.sqrt(a),
      (index, operands) => this.#call(this.names[index as number]!, itemsOf(operands)!),
      (code, value) => typeErrorOf(code as number, value).payload,
      (f, operands) => applyErrorOf(f, itemsOf(operands)!).payload,
      (payload, continuation) => {
        throw new CompiledError(payload, engine.lastSource, engine.callsOf((continuation as HeapProcedure).word));
      },
      (which) => [this.#ports.input, this.#ports.output, this.#ports.error][which as number]!.value,
      () => {
        throw new Error("equal? looks at the heap itself");
      },
      (datum, environment) => list(engine.evaluator.evaluate(datum, itemsOf(environment)!)),
      (path, environment) => list(engine.evaluator.load(path, itemsOf(environment)!)),
      (value) => hashOf(value, (object) => this.#numberOf(object)),
      (value) => atomHash(value, (object) => this.#numberOf(object)),
    ];
    return operations;
  }

  #call(name: string, operands: unknown[]): unknown {
    const primitive = this.#table.get(name) as Primitive;
    if (operands.length < primitive.least || operands.length > primitive.most)
      throw wrongCount(primitive, operands.length);
    if (CURRENT_PORTS.has(name)) this.#bindPorts();
    return primitive.call(...operands);
  }

  /** What the program has bound the current ports to. */
  #bindPorts(): void {
    const { heap } = this.#engine;
    this.#machine.parameters = null;
    const nil = BigInt(Immediate.nil);
    for (const [cell, parameter] of [
      [Cell.inputPort, this.#ports.input],
      [Cell.outputPort, this.#ports.output],
      [Cell.errorPort, this.#ports.error],
    ] as const) {
      const own = heap.cell(cell);
      for (let at = heap.cell(Cell.parameters); at !== nil; at = heap.cdr(at)) {
        const binding = heap.car(at);
        if (heap.car(binding) !== own) continue;
        this.#machine.parameters = {
          parameter,
          value: heap.toDatum(heap.cdr(binding)),
          next: this.#machine.parameters,
        };
        break;
      }
    }
  }
}

/** What comes back may hold what was given: those keep their identity. */
function wordsOf(result: unknown, seen: ReadonlyMap<bigint, unknown>): Map<object, bigint> {
  const known = new Map<object, bigint>();
  if (typeof result === "object" && result !== null)
    for (const [word, datum] of seen) if (typeof datum === "object" && datum !== null) known.set(datum, word);
  return known;
}

const TRUE_FIXNUM = 8n;
const UNCAUGHT = 17;
const EQUAL = 19;
const IDENTITY_HASH = 23;

/** What `eqv?` compares by its address: all but numbers, characters, symbols and their like. */
function isKnownByIdentity(heap: Heap, word: bigint): boolean {
  const tag = Heap.tag(word);
  if (tag === Tag.pair || tag === Tag.vector || tag === Tag.procedure) return true;
  return tag === Tag.object && !BY_VALUE.has(heap.kind(word));
}
const BY_VALUE: ReadonlySet<number> = new Set([Kind.symbol, Kind.bignum, Kind.ratnum, Kind.compnum]);

const NOUNS: Record<string, string> = {
  pair: "a pair",
  vector: "a vector",
  string: "a string",
  char: "a character",
  bytevector: "a bytevector",
  byte: "an exact integer from 0 to 255",
  list: "a list as the last argument",
  procedure: "a procedure",
};

function typeErrorOf(code: number, value: unknown): SchemeError {
  const { primitive, expected } = errorOf(code);
  if (expected === "index")
    return typeof value === "number" ? outOfRange(primitive, "index", value) : wrongType(primitive, "an index", value);
  if (expected === "defined variable")
    return new SchemeError(new Condition("unbound", `unbound variable: ${(value as SchemeSymbol).name}`));
  if (expected === "code of a character") return wrongType("integer->char", "the code of a character", value);
  if (expected === "a continuation that can be returned to")
    return new SchemeError(new Condition("error", "an error's continuation cannot be returned to:", [value]));
  if (expected === "fewer arguments") return limitReached("apply: more arguments than a call may have");
  return wrongType(primitive, NOUNS[expected] ?? expected, value);
}

function applyErrorOf(f: unknown, operands: unknown[]): SchemeError {
  if (!(f instanceof Primitive)) return new SchemeError(new Condition("type", "not a procedure:", [f]));
  const counts = f instanceof HeapProcedure ? f.counts : "";
  return new SchemeError(
    new Condition(
      "arity",
      `${procedureName(f) ?? "an anonymous procedure"}: wrong number of arguments (${counts} expected, ` +
        `${operands.length} given)`,
    ),
  );
}

/** A procedure of the heap as the host sees it: it can be shown, not called. */
export class HeapProcedure extends Primitive {
  readonly word: bigint;
  /** Counts of arguments that it takes, in words. */
  readonly counts: string;
  constructor(word: bigint, name: string, counts: string) {
    super(name, 0, Infinity, () => {
      throw new Error("a compiled procedure is called by compiled code only");
    });
    this.word = word;
    this.counts = counts;
  }
}
