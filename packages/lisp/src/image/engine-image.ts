/**
 * The runtime of an engine as it is after its start, so that it need not be compiled again: its modules, the part of
 * the memory that they have filled, and what the compiler knows of their functions. Made when Stratos is built; of no
 * use to a build with other primitives, which its fingerprint tells.
 */
import { crc32 } from "@stratos/base";
import type { ValueType as WasmType } from "@stratos/wasm";
import type { WaitingCall } from "../datum/condition.ts";
import { intern } from "../datum/datum.ts";
import type { Datum } from "../datum/datum.ts";
import type { Source } from "../datum/source.ts";
import type { ExportPlace } from "../back-wasm/compile-unit.ts";
import type { ClauseShape, MemoryPart } from "../heap/running-heap.ts";
import type { LowSignature } from "../low/compile.ts";
import { Fun, Var, constant } from "../middle/ir.ts";
import type { FunClause, HigherOrder, TopLevel } from "../middle/ir.ts";
import { decodeDatum, encodeDatum } from "./datum-codec.ts";
import type { EncodedDatum } from "./datum-codec.ts";
import { jsonLines, lineReader, readImageFile, writeImageFile } from "./image-file.ts";
import { decodeClause, encodeClause } from "./node-codec.ts";
import type { EncodedClause } from "./node-codec.ts";

export interface RuntimeModule {
  readonly name: string;
  /** Not a program's. */
  readonly isRuntime: boolean;
  readonly bytes: Uint8Array;
  readonly imports: readonly string[];
}
/** What an image holds as it stands in its JSON. */
interface PlainParts {
  readonly fingerprint: string;
  readonly registers: readonly number[];
  readonly tableNext: number;
  readonly symbols: readonly (readonly [name: string, address: number])[];
  /** Objects of the host in the heap: 0, 1, 2 for the standard ports. */
  readonly ports: readonly { readonly port: number; readonly address: number }[];
  readonly numbers: readonly (readonly [key: string, cell: number])[];
  /** CRC-32 of all code of the runtime. */
  readonly runtimeSum: number;
  /** What was compiled beside the runtime, and is to be run. */
  readonly program: ProgramPart | null;
  /** Words that programs of a native runtime do not have; of others none. */
  readonly unserved: readonly string[];
}

interface ProgramPart {
  /** Words of procedures. */
  readonly units: readonly number[];
  /** Of errors, by their numbers. */
  readonly sources: readonly Place[];
  /** Calls that wait, by the place of the table that goes on after them. */
  readonly calls: readonly (readonly [slot: number, procedure: string, place: Place])[];
}

/** A source in JSON. */
type Place = readonly [file: string, line: number, column: number, offset: number, length: number];

export function placesOf(sources: readonly Source[]): Place[] {
  return sources.map(({ file, line, column, offset, length }) => [file, line, column, offset, length]);
}

export function callsWithPlaces(calls: ReadonlyMap<number, WaitingCall>): ProgramPart["calls"] {
  return [...calls].map(([slot, { procedure, source }]) => [slot, procedure, placesOf([source])[0]!]);
}

export function sourcesOf(places: readonly Place[]): Source[] {
  return places.map(([file, line, column, offset, length]) => ({ file, line, column, offset, length }));
}

/** What an image is made of. */
interface ImageParts extends Omit<PlainParts, "runtimeSum"> {
  readonly low: Uint8Array;
  readonly lowSignatures: readonly (readonly [name: string, signature: LowSignature])[];
  readonly modules: readonly RuntimeModule[];
  readonly memory: readonly MemoryPart[];
  /** Functions by their place in the table. */
  readonly functions: readonly (readonly [slot: number, fun: Fun])[];
  readonly exporter: ReadonlyMap<Fun, ExportPlace>;
  readonly topLevels: readonly TopLevel[];
  readonly runtime: readonly (readonly [name: string, topLevel: TopLevel])[];
}

/** What comes out: functions and variables are made when they are asked for, since most programs need few. */
export interface EngineImage extends PlainParts {
  readonly low: Uint8Array;
  readonly lowSignatures: ReadonlyMap<string, LowSignature>;
  readonly modules: readonly RuntimeModule[];
  readonly memory: readonly MemoryPart[];
  functionAt(slot: number): Fun | undefined;
  placeOf(fun: Fun): ExportPlace | undefined;
  topLevel(name: string): TopLevel | undefined;
  /** All of it, for an engine that makes a further image of this one. */
  all(): WholeImage;
}

/** What the compiler knows, in the order in which it was written. */
type WholeImage = Pick<ImageParts, "functions" | "exporter" | "topLevels" | "runtime">;

/**
 * The image's JSON. Functions and top-level variables are named by their places: each is a line of JSON in a blob of
 * its own, since most programs need few.
 */
interface Header extends PlainParts {
  readonly lowSignatures: readonly (readonly [
    name: string,
    parameters: readonly WasmType[],
    result: WasmType | null,
  ])[];
  readonly modules: readonly Omit<RuntimeModule, "bytes">[];
  readonly memory: readonly number[];
  readonly functions: readonly (readonly [slot: number, fun: number])[];
  readonly runtime: readonly (readonly [name: string, topLevel: number])[];
}
type EncodedFun = readonly [
  name: string,
  clauses: readonly ClauseShape[],
  place: readonly [unit: string, names: readonly string[], word: number] | null,
];
/** `inline`: JSON of the clause; `higherOrder`: of clauses, each with which parameters it calls. */
type EncodedTopLevel = readonly [
  name: string,
  library: string,
  cell: number,
  isAssigned: boolean,
  isDefined: boolean,
  fun: number,
  inline: string | null,
  constant: EncodedDatum | null,
  higherOrder: readonly (readonly [clause: string, called: readonly number[]])[],
];

export function clauseShapes({ clauses }: Fun): ClauseShape[] {
  return clauses.map(({ parameters, hasRest }) => [parameters.length, hasRest]);
}

/** A function of which the code is there already. */
export function compiledFun(name: string, clauses: readonly ClauseShape[]): Fun {
  const parameters = (count: number): Var[] => Array.from({ length: count }, () => new Var("parameter"));
  const fun = new Fun(
    name,
    clauses.map(([count, hasRest]) => ({ parameters: parameters(count), hasRest, body: constant(false) })),
    null,
  );
  fun.isClosed = true;
  return fun;
}

export function writeEngineImage(image: ImageParts): Uint8Array {
  const funs: Fun[] = [];
  const places = new Map<Fun, number>();
  const placeOf = (fun: Fun): number => {
    let place = places.get(fun);
    if (place === undefined) places.set(fun, (place = funs.push(fun) - 1));
    return place;
  };
  const topLevels = new Map(image.topLevels.map((topLevel, index) => [topLevel, index]));
  const topLevelPlace = (topLevel: TopLevel): number => topLevels.get(topLevel)!;
  const { fingerprint, registers, tableNext, symbols, ports, numbers, program, unserved } = image;
  const header = {
    fingerprint,
    registers,
    tableNext,
    symbols,
    ports,
    numbers,
    program,
    unserved,
    runtimeSum: image.modules.reduce(
      (sum, each) => (each.isRuntime ? crc32(each.bytes, 0, each.bytes.length, sum) : sum),
      crc32(image.low),
    ),
    lowSignatures: image.lowSignatures.map(([name, { parameters, result }]) => [name, parameters, result] as const),
    modules: image.modules.map(({ name, isRuntime, imports }) => ({ name, isRuntime, imports })),
    memory: image.memory.map(({ start }) => start),
    functions: image.functions.map(([slot, fun]) => [slot, placeOf(fun)] as const),
    runtime: image.runtime.map(([name, topLevel]) => [name, topLevelPlace(topLevel)] as const),
  };
  const encodedTopLevels = image.topLevels.map((g): EncodedTopLevel => {
    const inline = g.inline === null ? null : encodeClause(g.inline, topLevelPlace);
    return [
      g.name,
      g.library,
      g.cell,
      g.isAssigned,
      g.isDefined,
      g.fun === null ? -1 : placeOf(g.fun),
      inline === null ? null : JSON.stringify(inline),
      g.constant === null ? null : encodeDatum(g.constant.datum),
      g.higherOrder.flatMap(({ clause, called }) => {
        const encoded = encodeClause(clause, topLevelPlace);
        return encoded === null ? [] : [[JSON.stringify(encoded), called] as const];
      }),
    ];
  });
  const encodedFuns = funs.map((fun): EncodedFun => {
    const place = image.exporter.get(fun);
    return [fun.name, clauseShapes(fun), place === undefined ? null : [place.unit, place.names, place.word]];
  });
  return writeImageFile(header satisfies Header, [
    image.low,
    jsonLines(encodedFuns),
    jsonLines(encodedTopLevels),
    ...image.modules.map(({ bytes }) => bytes),
    ...image.memory.map(({ bytes }) => bytes),
  ]);
}

/** @returns null where the bytes are no image */
export function readEngineImage(bytes: Uint8Array): EngineImage | null {
  const file = readImageFile(bytes);
  if (file === null) return null;
  const header = file.header as Header;
  const [low, funBytes, topLevelBytes, ...blobs] = file.blobs as [Uint8Array, Uint8Array, Uint8Array, ...Uint8Array[]];
  const encodedFuns = lineReader<EncodedFun>(funBytes);
  const encodedTopLevels = lineReader<EncodedTopLevel>(topLevelBytes);
  const funs: (Fun | undefined)[] = [];
  const exported = new Map<Fun, ExportPlace>();
  const topLevels: (TopLevel | undefined)[] = [];
  const slots = new Map(header.functions);
  const names = new Map(header.runtime);

  const funAt = (index: number): Fun => {
    let fun = funs[index];
    if (fun !== undefined) return fun;
    const [name, clauses, place] = encodedFuns.at(index);
    fun = compiledFun(name, clauses);
    if (place !== null) exported.set(fun, { unit: place[0], names: place[1], word: place[2] });
    return (funs[index] = fun);
  };
  const topLevelAt = (index: number): TopLevel =>
    (topLevels[index] ??= new ImageTopLevel(encodedTopLevels.at(index), funAt, topLevelAt));

  return {
    ...header,
    low,
    lowSignatures: new Map(header.lowSignatures.map(([name, parameters, result]) => [name, { parameters, result }])),
    modules: header.modules.map((module, index) => ({ ...module, bytes: blobs[index]! })),
    memory: header.memory.map((start, index) => ({ start, bytes: blobs[header.modules.length + index]! })),
    functionAt: (slot) => (slots.has(slot) ? funAt(slots.get(slot)!) : undefined),
    placeOf: (fun) => exported.get(fun),
    topLevel: (name) => (names.has(name) ? topLevelAt(names.get(name)!) : undefined),
    all: () => {
      const indexes = (lines: number): number[] => Array.from({ length: lines }, (_, index) => index);
      indexes(encodedFuns.count).forEach(funAt);
      return {
        functions: header.functions.map(([slot, fun]) => [slot, funAt(fun)]),
        exporter: exported,
        topLevels: indexes(encodedTopLevels.count).map(topLevelAt),
        runtime: header.runtime.map(([name, topLevel]) => [name, topLevelAt(topLevel)]),
      };
    },
  };
}

/** Whether two images were made by one build: what is known of their runtimes is the same. False for other bytes. */
export function haveSameRuntime(one: Uint8Array, other: Uint8Array): boolean {
  const [a, b] = [one, other].map((bytes) => (readImageFile(bytes)?.header ?? null) as Header | null) as [
    Header | null,
    Header | null,
  ];
  return a !== null && b !== null && a.fingerprint === b.fingerprint && a.runtimeSum === b.runtimeSum;
}

/** A top-level variable of the runtime. */
class ImageTopLevel implements TopLevel {
  readonly name: string;
  readonly library: string;
  readonly symbol: Datum;
  isAssigned: boolean;
  readonly cell: number;
  fun: Fun | null;
  constant: { datum: Datum } | null;
  isDefined: boolean;
  #inline: FunClause | null;
  #encoded: string | null;
  #higherOrder: readonly HigherOrder[];
  #encodedHigherOrder: EncodedTopLevel[8];
  readonly #topLevelAt: (index: number) => TopLevel;

  constructor(encoded: EncodedTopLevel, funAt: (index: number) => Fun, topLevelAt: (index: number) => TopLevel) {
    const [name, library, cell, isAssigned, isDefined, fun, inline, datum, higherOrder] = encoded;
    this.name = name;
    this.library = library;
    this.symbol = intern(name);
    this.isAssigned = isAssigned;
    this.cell = cell;
    this.fun = fun < 0 ? null : funAt(fun);
    this.constant = datum === null ? null : { datum: decodeDatum(datum) };
    this.isDefined = isDefined;
    this.#inline = null;
    this.#encoded = inline;
    this.#higherOrder = [];
    this.#encodedHigherOrder = higherOrder;
    this.#topLevelAt = topLevelAt;
  }

  get inline(): FunClause | null {
    if (this.#encoded !== null) {
      this.#inline = decodeClause(JSON.parse(this.#encoded) as EncodedClause, this.#topLevelAt);
      this.#encoded = null;
    }
    return this.#inline;
  }
  set inline(clause: FunClause | null) {
    this.#encoded = null;
    this.#inline = clause;
  }

  get higherOrder(): readonly HigherOrder[] {
    if (this.#encodedHigherOrder.length > 0) {
      this.#higherOrder = this.#encodedHigherOrder.map(([clause, called]) => ({
        clause: decodeClause(JSON.parse(clause) as EncodedClause, this.#topLevelAt),
        called,
      }));
      this.#encodedHigherOrder = [];
    }
    return this.#higherOrder;
  }
  set higherOrder(forms: readonly HigherOrder[]) {
    this.#encodedHigherOrder = [];
    this.#higherOrder = forms;
  }
}
