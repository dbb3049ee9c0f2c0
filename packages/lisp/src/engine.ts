/**
 * The compiling engine: each unit becomes a module of WebAssembly; all share one memory (the heap), one table of
 * functions, and the runtime. Order of use: `createEngine`, then `load` for each unit in order of its imports; a value
 * comes back as a datum.
 */
import { assert } from "@stratos/base";
import type { WasmMemory } from "@stratos/host";
import type { Global, Unit } from "./core/core.ts";
import type { Source } from "./datum/source.ts";
import { Flonum, SchemeSymbol, UNSPECIFIED, intern } from "./datum/datum.ts";
import type { Datum } from "./datum/datum.ts";
import { Forks, LeftForHeap } from "./heap/forks.ts";
import { HeapVersions, type VersionRoutines } from "./heap/heap-versions.ts";
import type { FutureOutcome, MemoryPart, RunningHeap } from "./heap/running-heap.ts";
import { Heap, HeapFullError } from "./heap/heap.ts";
import { verifyHeap } from "./heap/verify-heap.ts";
import {
  Cell,
  Immediate,
  Kind,
  NURSERY_BYTES_MIN,
  Region,
  Register,
  Tag,
  VARIADIC,
  cellAddress,
  headerByte,
} from "./heap/layout.ts";
import { LoadedModules } from "./back-wasm/loaded-modules.ts";
import type { EngineOptions, EngineStatistics } from "./engine-options.ts";
import { compileUnit } from "./back-wasm/compile-unit.ts";
import type { ExportPlace, Exporter, Surroundings } from "./back-wasm/compile-unit.ts";
import { TableSlot, lowSignatures, runtimeModule } from "./back-wasm/runtime-module.ts";
import { callsWithPlaces, placesOf, readEngineImage, sourcesOf, writeEngineImage } from "./image/engine-image.ts";
import { goOnFrom, takeRunningHeap, type RunningParts } from "./image/running-parts.ts";
import type { EngineImage, RuntimeModule } from "./image/engine-image.ts";
import { REFLECTIVE } from "./core/reachable.ts";
import type { LowSignature } from "./low/compile.ts";
import { Bridge } from "./javascript/bridge.ts";
import { LeftForJavaScript } from "./javascript/outcome.ts";
import type { Steps } from "./javascript/run-steps.ts";
import { PauseClock } from "./heap/pause-clock.ts";
import { readForms } from "./low/read.ts";
import type { Fun, TopLevel } from "./middle/ir.ts";
import { NOTHING_PROVED, type ProofCounts } from "./middle/proved-tests.ts";
import { ALL_PASSES } from "./middle/simplify.ts";
import { expandRuntime } from "./runtime/boot-expander.ts";
import { HostPrimitives, type Evaluator, type HeapProcedure } from "./runtime/host.ts";
import { INTEGER_ROOT } from "./runtime/integer-root.ts";
import { NATIVE_ARITHMETIC } from "./runtime/native-arithmetic.ts";
import { nativeUnicode } from "./runtime/native-unicode.ts";
import { NATIVE_LIBRARY, NATIVE_OPERATIONS, definedNames, nativeErrors } from "./runtime/native-library.ts";
import { Objects } from "./runtime/objects.ts";
import { derivedText } from "./runtime/derived.ts";
import { ARITHMETIC, LIBRARY } from "./runtime/scheme.ts";
import { preludeDefinition, preludeNames } from "./interpreter/prelude.ts";
import { makeStandardPorts } from "./interpreter/primitives/ports.ts";
import type { StandardPorts } from "./interpreter/primitives/ports.ts";
import { closedSystem } from "./interpreter/system.ts";
import { publicPrimitives } from "./middle/primitives.ts";
import { failure, HEAP_FULL, RESERVE_FULL } from "./datum/condition.ts";
import type { WaitingCall } from "./datum/condition.ts";

interface CompileKind {
  readonly isClosed: boolean;
  readonly checksStack: boolean;
  readonly isHot: boolean;
  readonly isRuntime: boolean;
}

/** Frames that are looked through for a backtrace. */
const CALLS_MAX = 1000;
/** What an image puts into the old generation, generously. */
const OWN_BYTES = 1024 * 1024;
/**
 * Modules beyond this begin in the host's baseline code: of a thousand lines and more little is hot, and the best
 * compiler would take as long for them as all that comes before it. What is hot is then found within a moment.
 */
const HOT_BYTES_MAX = 128 * 1024;
const MEMORY_BYTES = 512 * 1024 * 1024;
const DEBUG_SLICE_WORDS = 5000;
const SAVED_REGISTERS = [Register.cellCount, Register.staticNext, Register.oldNext] as const;

export function createEngine(options: EngineOptions): Engine {
  return new Engine(options);
}

/** Libraries of what evaluates in native programs, of which nothing is called as often as the code that it makes. */
const EVALUATOR = "(stratos evaluation";
const EVALUATED = "(stratos evaluation-code)";

export class Engine {
  readonly heap: Heap;
  readonly options: EngineOptions;
  readonly #memory: WasmMemory;
  readonly #code: LoadedModules;
  readonly #lowSignatures: ReadonlyMap<string, LowSignature>;
  /** Modules of the runtime itself, and with `keepsModules` all others; else empty when they come from an image. */
  readonly #keptModules: RuntimeModule[];
  readonly host: HostPrimitives;
  /** What was proved of the types in the units that were compiled, the runtime's left out. */
  readonly proofs: ProofCounts;
  evaluator: Evaluator;
  readonly javascript: Bridge;
  /** Cell of the procedure that goes on after JavaScript; 0: none. */
  #entry: number;
  readonly versions: HeapVersions;
  readonly #forks: Forks;
  /** Cell of the procedure that goes on when another version of the heap is there; 0: none. */
  #forkEntry: number;
  readonly #ports: StandardPorts;
  readonly #objects: Objects;
  readonly #functions: Map<number, Fun>;
  readonly #topLevels: Map<Global, TopLevel>;
  /** Of an image that a further one is made of. */
  #imageTopLevels: readonly TopLevel[];
  readonly #runtime: Map<string, TopLevel>;
  readonly #exported: Map<Fun, ExportPlace>;
  readonly #image: EngineImage | null;
  readonly #constants: Map<Datum, number>;
  readonly #numbers: Map<string, number>;
  readonly #sources: Source[];
  /** Calls by the place of the table that goes on after them. */
  readonly #calls: Map<number, WaitingCall>;
  readonly #sourceIndexes: Map<Source, number>;
  readonly #unserved: Set<string>;
  readonly #refused: Set<string>;
  #isForeign: boolean;
  readonly #pauses: PauseClock | null;

  constructor({ running = null, ...options }: EngineOptions) {
    this.options = options;
    const { wasm, heapBytes } = options;
    const { nurseryBytes = running?.nurseryBytes ?? 4 * 1024 * 1024, usedNurseryBytes = nurseryBytes } = options;
    for (const [name, bytes] of Object.entries({ nurseryBytes, usedNurseryBytes }))
      if (!(bytes >= NURSERY_BYTES_MIN && bytes <= nurseryBytes && bytes % 64 === 0))
        throw new RangeError(`${name}: ${bytes}; a multiple of 64, at least ${NURSERY_BYTES_MIN}`);
    const {
      memoryBytes = running?.memoryBytes ??
        (heapBytes === undefined ? MEMORY_BYTES : Heap.memoryBytes({ heapBytes, nurseryBytes })),
    } = options;
    // A host collects its own garbage when it is asked for much, and takes time for each place of a table.
    const pages = Math.floor(memoryBytes / 65536);
    const first = running?.pages ?? Heap.firstPages({ nurseryBytes, ownBytes: OWN_BYTES });
    this.#memory = wasm.createMemory(Math.min(first, pages), pages);
    this.#code = new LoadedModules(wasm, this.#memory);
    this.heap = new Heap(this.#memory, { nurseryBytes, memoryBytes: pages * 65536 });
    const { system = closedSystem() } = options;
    this.#ports = options.ports ?? makeStandardPorts(system);
    this.#pauses = options.now === undefined ? null : new PauseClock(options.now);
    this.#entry = 0;
    this.javascript = new Bridge(system, {
      hold: (procedure) => this.#hold(procedure),
      enter: () => this.enter(),
    });
    this.#forkEntry = 0;
    this.versions = new HeapVersions(this.heap, this.#versionRoutines());
    const hold = (procedure: unknown): void => {
      if (this.#forkEntry === 0) this.#forkEntry = this.heap.newCell(0n);
      this.heap.setCell(this.#forkEntry, (procedure as HeapProcedure).word);
    };
    this.#forks = new Forks(this.versions, hold, () =>
      options.futures?.isFree === true ? options.futures.start(this.runningHeap()) : null,
    );
    this.host = new HostPrimitives(this, {
      system,
      ports: this.#ports,
      extra: options.primitives ?? new Map(),
      javascript: this.javascript,
      forks: this.#forks,
    });
    this.evaluator = {
      evaluate: () => {
        throw failure("eval: this engine has no expander");
      },
      load: () => {
        throw failure("load: this engine has no expander");
      },
    };
    this.proofs = { ...NOTHING_PROVED };
    this.#functions = new Map();
    this.#objects = new Objects(this.heap, (slot) => this.#functions.get(slot) ?? this.#image?.functionAt(slot));
    this.heap.codec = this.#objects;
    this.#topLevels = new Map();
    this.#imageTopLevels = [];
    this.#runtime = new Map();
    this.#exported = new Map();
    this.#constants = new Map();
    this.#numbers = new Map();
    this.#sources = [];
    this.#calls = new Map();
    this.#sourceIndexes = new Map();
    this.#keptModules = [];
    this.#unserved = new Set();
    this.#refused = new Set();
    this.#isForeign = false;
    const image = options.image === undefined || options.image === null ? null : readEngineImage(options.image);
    this.#image = image?.fingerprint === this.#fingerprint ? image : null;
    if (running !== null) {
      this.#code.loadLow(running.low, this.#lowImports());
      this.#lowSignatures = new Map();
      goOnFrom(running, this.#parts());
      this.#forkEntry = running.entry;
      return;
    }
    if (this.#image !== null) {
      this.#code.loadLow(wasm.compile(this.#image.low), this.#lowImports());
      this.#lowSignatures = this.#image.lowSignatures;
      this.#restore(this.#image);
    } else {
      this.#code.loadLow(wasm.compileHot(runtimeModule()), this.#lowImports());
      this.#lowSignatures = lowSignatures();
      this.#boot();
    }
    if (usedNurseryBytes < nurseryBytes) this.heap.useNursery(usedNurseryBytes);
    if (options.now !== undefined) this.heap.set(Register.torture, 1);
    if (options.debug !== undefined) {
      this.heap.set(Register.torture, options.debug === "torture" ? 2 : 1);
      // The old generation is marked all the time, a little after each collection.
      this.heap.set(Register.oldThreshold, 0);
      this.heap.set(Register.leastThreshold, 0);
      this.heap.set(Register.slice, DEBUG_SLICE_WORDS);
    }
    if (options.debug === "torture") this.heap.set(Register.limit, this.heap.get(Register.alloc));
  }

  /** What the low module asks of the host. */
  #lowImports(): Record<string, unknown> {
    return {
      "host-call": (sp: number, operation: number) => this.host.run(sp, operation),
      "grow-heap": () => {
        this.heap.grow();
        this.versions.noteGrowth();
      },
      "heap-full": () => {
        throw new HeapFullError(HEAP_FULL + (this.heap.get(Register.reserveUsed) > 0 ? RESERVE_FULL : ""));
      },
      // Hosts end a program by themselves.
      "look-due": () => {},
      "fork-work": (work: number) => this.versions.work(work),
      "collecting": () => {
        this.#pauses?.begin();
      },
      "collected": (sp: number) => {
        this.#pauses?.end(this.heap.oldBytes);
        if (this.options.debug !== undefined) verifyHeap(this.heap, sp);
        this.#objects.javascript.sweep();
      },
      "bignum->double": (word: bigint) => Number(this.heap.integerOf(BigInt.asUintN(64, word))),
    };
  }

  /** The low module is there when they are called. */
  #versionRoutines(): VersionRoutines {
    const low = <T>(name: string): T => this.#code.low(name);
    return {
      "collect": () => {
        this.heap.set(Register.argumentCount, 0);
        this.#promote();
      },
      "begin-log": () => low<() => void>("begin-log")(),
      "end-log": () => low<() => void>("end-log")(),
      "log-start": () => low<() => number>("log-start")(),
      "is-first": (at) => low<(at: number) => number>("is-first")(at),
      "forward-range": (...range) => low<(...range: number[]) => void>("forward-range")(...range),
    };
  }

  /** Compiles and runs the runtime's Scheme. */
  #boot(): void {
    const isNative = this.options.isNative === true;
    this.#loadRuntime("arithmetic", isNative ? NATIVE_ARITHMETIC : ARITHMETIC, false);
    this.#defineCode("call/cc", TableSlot.callcc, 1);
    this.#defineCode("call-with-current-continuation", TableSlot.callcc, 1);
    this.#defineCode("%throw-to", TableSlot.throwTo, 2);
    this.#defineCode("%call-at-base", TableSlot.callAtBase, 1);
    this.#defineCode("apply", TableSlot.apply, VARIADIC);
    this.#defineCode("values", TableSlot.values, VARIADIC);
    const counts = Map.groupBy(publicPrimitives(), ({ name }) => name);
    const prelude = preludeNames().map((name) => ({ name, text: preludeDefinition(name)! }));
    const inline = [...counts].map(([name, all]) => ({ name, counts: all.map(({ count }) => count) }));
    // What is code of its own already is not the host's to do.
    const hostNames = this.host.names.filter((name) => !this.#runtime.has(name));
    const own = isNative ? `${nativeErrors()}\n${NATIVE_LIBRARY}\n${nativeUnicode()}` : INTEGER_ROOT;
    const text = `${own}\n${LIBRARY}\n${derivedText({ inline, hostNames, prelude, own })}`;
    this.#loadRuntime("library", text, true);
    if (isNative)
      this.#findUnserved(
        hostNames,
        definedNames(
          `${own}\n${LIBRARY}`,
          [...inline, ...prelude].map(({ name }) => name),
        ),
      );
    if (this.options.keepsModules !== true) return;
    // So that a program is compiled into the same bytes with an image of the runtime and without.
    this.#promote();
    this.#constants.clear();
  }

  #findUnserved(hostNames: readonly string[], served: ReadonlySet<string>): void {
    for (const name of hostNames) if (!served.has(name)) this.#unserved.add(name);
    for (const name of REFLECTIVE) this.#unserved.add(name);
  }

  /** What lives goes to the old generation. */
  #promote(): void {
    this.#code.low<(sp: number, bytes: number) => void>("collect")(Region.stack, 0);
  }

  /** Of a native engine: the program will have what `eval` and its like ask for (back-native/evaluation.ts). */
  serveEvaluation(): void {
    for (const name of REFLECTIVE) this.#unserved.delete(name);
  }

  /** Whether programs may use a primitive's word. */
  serves(name: string): boolean {
    return this.hasPrimitive(name) && !this.#unserved.has(name);
  }

  get nurseryBytes(): number {
    return this.heap.get(Register.nurserySize);
  }

  /** Names that units use and that a native program does not have. */
  get refusedNames(): readonly string[] {
    return [...this.#refused];
  }

  /** Whether a unit has foreign functions of C. */
  get isForeign(): boolean {
    return this.#isForeign;
  }

  // Images

  /** What an image must have been made with to be used: places among the host's primitives, and of the generations. */
  get #fingerprint(): string {
    const { nurseryBytes, passes = ALL_PASSES, isNative = false } = this.options;
    return JSON.stringify([
      nurseryBytes ?? null,
      Object.values(passes),
      this.host.names,
      ...(isNative ? ["native"] : []),
    ]);
  }

  /**
   * The runtime, ready to go on from; of an engine that has compiled its runtime, or has that from an image and keeps
   * its modules, and has run nothing else.
   * @param units  what `compile` gave for the units of a program, which `runImage` will run; with `keepsModules`
   */
  saveImage(units: readonly bigint[] = []): Uint8Array {
    const { heap } = this;
    assert(this.#keptModules.length === this.#code.modules.length, "an image holds all modules of its engine");
    // It fills the start of the old generation.
    this.#promote();
    const ports = this.#standardPorts();
    const range = (start: number, end: number): MemoryPart => ({ start, bytes: heap.copyOut(start, end) });
    return writeEngineImage({
      fingerprint: this.#fingerprint,
      low: runtimeModule(),
      lowSignatures: [...this.#lowSignatures],
      modules: this.#keptModules,
      memory: [
        range(Region.cells, cellAddress(heap.get(Register.cellCount))),
        range(Region.statics, heap.get(Register.staticNext)),
        range(heap.get(Register.oldStart), heap.get(Register.oldNext)),
      ],
      registers: SAVED_REGISTERS.map((register) => heap.get(register)),
      tableNext: this.#code.tableNext,
      symbols: [...heap.symbols],
      ports: this.#objects.handles.map(({ object, address }) => ({ port: ports.indexOf(object), address })),
      numbers: [...this.#numbers],
      functions: [...this.#functions],
      exporter: this.#exported,
      topLevels: [...this.#imageTopLevels, ...this.#topLevels.values()],
      runtime: [...this.#runtime],
      unserved: [...this.#unserved],
      program:
        units.length === 0
          ? null
          : {
              units: [...units, ...this.#finishing()].map(Number),
              sources: placesOf(this.#sources),
              calls: callsWithPlaces(this.#calls),
            },
    });
  }

  /** What a native program does last: its ports are flushed. */
  #finishing(): bigint[] {
    if (this.options.isNative !== true) return [];
    return [BigInt(this.#exported.get(this.#runtimeOf("%flush-all")!.fun!)!.word)];
  }

  /** Whether the image that was given is in use. */
  get hasImage(): boolean {
    return this.#image !== null;
  }

  // Futures

  /** What another thread needs to go on from here; at the base of the stack, of a heap without other versions. */
  runningHeap(): RunningHeap {
    this.#promote();
    // What is marked or swept meanwhile is begun anew: the other half is not copied.
    this.#code.low<() => void>("be-idle")();
    return takeRunningHeap(this.#parts(), this.#forkEntry);
  }

  #parts(): RunningParts {
    const { identities } = this.host;
    const [code, objects, functions] = [this.#code, this.#objects, this.#functions];
    return { heap: this.heap, code, objects, ports: this.#standardPorts(), functions, identities };
  }

  /** Of an engine that was made with `running`: answers, once. */
  answerAsFuture(): FutureOutcome {
    return this.#forks.answerAsFuture(() => void this.#run(this.heap.cell(this.#forkEntry)));
  }

  #standardPorts(): unknown[] {
    return [this.#ports.input, this.#ports.output, this.#ports.error].map(({ value }) => value);
  }

  /** The program of the image, a unit after the other. @returns the value of its last form */
  *imageSteps(): Steps<unknown> {
    const program = this.#image?.program ?? null;
    assert(program !== null, "the image must hold a program");
    let value: unknown = UNSPECIFIED;
    for (const unit of program.units) value = yield () => this.heap.toDatum(this.#run(BigInt(unit)));
    return value;
  }

  #restore(image: EngineImage): void {
    const { heap } = this;
    for (const { start, bytes } of image.memory) heap.copyIn(start, bytes);
    SAVED_REGISTERS.forEach((register, index) => heap.set(register, image.registers[index]!));
    this.#code.tableNext = image.tableNext;
    for (const [name, address] of image.symbols) heap.knowSymbol(intern(name), address);
    const ports = this.#standardPorts();
    for (const { port, address } of image.ports) this.#objects.knowHandle(ports[port] as object, address);
    for (const [key, cell] of image.numbers) this.#numbers.set(key, cell);
    for (const source of sourcesOf(image.program?.sources ?? [])) this.#sourceIndex(source);
    for (const [slot, procedure, place] of image.program?.calls ?? [])
      this.#calls.set(slot, { procedure, source: sourcesOf([place])[0]! });
    for (const { name, bytes, imports } of image.modules)
      this.#code.load({ name, module: this.options.wasm.compile(bytes), imports });
    if (this.options.keepsModules === true) this.#goOnFrom(image);
  }

  /** Takes over what an image that is made of this engine must hold, too. */
  #goOnFrom(image: EngineImage): void {
    assert(image.program === null, "of an image with a program no other one is made");
    const { functions, exporter, topLevels, runtime } = image.all();
    for (const [slot, fun] of functions) this.#functions.set(slot, fun);
    for (const [fun, place] of exporter) this.#exported.set(fun, place);
    this.#imageTopLevels = topLevels;
    for (const [name, topLevel] of runtime) this.#runtime.set(name, topLevel);
    for (const name of image.unserved) this.#unserved.add(name);
    this.#keptModules.push(...image.modules);
  }

  /** Compiles and runs a unit; its imports must have been loaded. @returns the value of its last form */
  load(unit: Unit, { isClosed = false }: { isClosed?: boolean } = {}): unknown {
    return this.heap.toDatum(this.#run(this.compile(unit, { isClosed })));
  }

  /** Compiles a unit. @returns the word of the procedure that runs it */
  compile(unit: Unit, { isClosed = false }: { isClosed?: boolean } = {}): bigint {
    return this.#compile(unit, { isClosed, checksStack: true, isHot: isClosed, isRuntime: false });
  }

  get statistics(): EngineStatistics {
    return {
      minorCount: this.heap.get(Register.minorCount),
      majorCount: this.heap.get(Register.majorCount),
      markCount: this.heap.get(Register.markCount),
      oldBytes: this.heap.oldBytes,
      unwindCount: this.heap.get(Register.unwindCount),
      handleCount: this.#objects.javascript.count,
      pauses: this.#pauses?.counts ?? null,
    };
  }

  /** Where the program was when it last did what may fail. */
  get lastSource(): Source | null {
    return this.#sources[this.heap.get(Register.lastSite) - 1] ?? null;
  }

  /** The calls that a continuation waits for, with places in a source; at most `CALLS_MAX`. */
  callsOf(continuation: bigint): WaitingCall[] {
    return this.heap
      .framesOf(continuation, CALLS_MAX)
      .map((slot) => this.#calls.get(slot))
      .filter((call) => call !== undefined);
  }

  #sourceIndex(source: Source): number {
    let index = this.#sourceIndexes.get(source);
    if (index === undefined) this.#sourceIndexes.set(source, (index = this.#sources.push(source)));
    return index;
  }

  /** Whether the runtime has a procedure for a primitive's word. */
  hasPrimitive(name: string): boolean {
    return this.#runtimeOf(name) !== undefined;
  }

  #runtimeOf(name: string): TopLevel | undefined {
    return this.#runtime.get(name) ?? this.#image?.topLevel(name);
  }

  /** A procedure of the runtime whose code is a low-level routine. */
  #defineCode(name: string, slot: number, arity: number): void {
    const global: Global = { library: "runtime", name, isAssigned: false, primitive: name, source: null };
    const topLevel = this.#topLevelOf(global);
    topLevel.isDefined = true;
    this.heap.setCell(topLevel.cell, BigInt(this.#staticClosure(headerByte(Kind.procedure) | (arity << 8), slot)));
    this.#runtime.set(name, topLevel);
  }

  #loadRuntime(name: string, text: string, checksStack: boolean): void {
    const unit = expandRuntime(readForms(text), {
      library: name,
      globalOf: (word) => this.runtimeGlobal(word),
      hostIndex: (word) => this.host.indexOf(word),
      native: this.options.isNative === true ? NATIVE_OPERATIONS : null,
    });
    for (const global of unit.globals) {
      if (unit.body.some((form) => form.kind === "define-global" && form.global === global))
        this.#runtime.set(global.name, this.#topLevelOf(global));
    }
    this.#run(this.#compile(unit, { isClosed: false, checksStack, isHot: !checksStack, isRuntime: true }));
  }

  /** The global of a word of the runtime, for units expanded without libraries. */
  runtimeGlobal(name: string): Global | undefined {
    const found = this.#runtimeOf(name);
    return found === undefined
      ? undefined
      : { library: found.library, name, isAssigned: found.isAssigned, primitive: name, source: null };
  }

  #compile(unit: Unit, { isClosed, checksStack, isHot, isRuntime }: CompileKind): bigint {
    const name = `unit${this.#code.modules.length}`;
    const surroundings: Surroundings = {
      topLevel: (global) => this.#topLevelOf(global),
      runtime: (word) => {
        if (this.#unserved.has(word)) this.#refused.add(word);
        if (word === "%foreign" && !isRuntime) this.#isForeign = true;
        return this.#runtimeOf(word);
      },
      tableSlot: () => this.#code.tableNext++,
      staticClosure: (low, slot) => this.#staticClosure(low, slot),
      functionAt: (slot, fun) => {
        this.#functions.set(slot, fun);
      },
      constantCell: (datum) => this.#constantCell(datum),
      returnsTo: (slot, procedure, source) => {
        this.#calls.set(slot, { procedure, source });
      },
      sourceIndex: (source) => this.#sourceIndex(source),
      lowSignature: (word) => this.#lowSignatures.get(word),
      coldSlot: TableSlot.coldResume,
    };
    const exporter: Exporter = {
      get: (fun) => this.#exported.get(fun) ?? this.#image?.placeOf(fun),
      set: (fun, place) => this.#exported.set(fun, place),
    };
    const { bytes, main, imports } = compileUnit(unit, surroundings, exporter, {
      name,
      passes: this.options.passes ?? ALL_PASSES,
      isClosed,
      checksStack,
      looks: checksStack && this.options.isNative === true,
      isSmall: unit.library.startsWith(EVALUATOR) && unit.library !== EVALUATED,
      proofs: isRuntime ? { ...NOTHING_PROVED } : this.proofs,
    });
    const { wasm } = this.options;
    if (isRuntime || this.options.keepsModules === true)
      this.#keptModules.push({ name, isRuntime, bytes, imports: [...imports] });
    const module = isHot && bytes.length <= HOT_BYTES_MAX ? wasm.compileHot(bytes) : wasm.compile(bytes);
    this.#code.load({ name, module, imports: [...imports] });
    return BigInt(main);
  }

  /** Runs a procedure to its end, JavaScript's part of it and that of other versions of the heap included. */
  #run(procedure: bigint): bigint {
    for (let next = procedure; ;) {
      try {
        const value = this.#runOnce(next);
        if (!this.#forks.isInChild) return value;
        // A continuation from before the fork was entered: the program came to its end in the child.
        this.#forks.end("it came to its end");
        next = this.heap.cell(this.#forkEntry);
      } catch (error) {
        next = this.#cellAfter(error);
      }
    }
  }

  /** What is entered after a run was left. @throws what left it for good */
  #cellAfter(error: unknown): bigint {
    if (error instanceof LeftForHeap) {
      try {
        this.#forks.perform();
      } catch (failed) {
        return this.#cellAfter(failed);
      }
    } else if (error instanceof LeftForJavaScript) {
      this.javascript.perform();
      return this.heap.cell(this.#entry);
    } else if (this.#forks.isInChild && error instanceof Error) this.#forks.end(error.message);
    else throw error;
    return this.heap.cell(this.#forkEntry);
  }

  /** Takes a program up that left its run for JavaScript's events (`runWaiting`), or hands it a call. */
  enter(): unknown {
    return this.heap.toDatum(this.#run(this.heap.cell(this.#entry)));
  }

  #hold(procedure: unknown): void {
    if (this.#entry === 0) this.#entry = this.heap.newCell(0n);
    this.heap.setCell(this.#entry, (procedure as HeapProcedure).word);
  }

  /** Nothing is left of a run before that ended by an error. */
  #runOnce(procedure: bigint): bigint {
    for (const cell of [Cell.continuation, Cell.newHead, Cell.newTail, Cell.pendingProcedure])
      this.heap.setCell(cell, 0n);
    for (const cell of [Cell.winders, Cell.handlers, Cell.parameters]) this.heap.setCell(cell, BigInt(Immediate.nil));
    this.heap.setCell(Cell.thread, BigInt(Immediate.false));
    this.heap.set(Register.argumentCount, 0);
    this.heap.set(Register.lastSite, 0);
    this.heap.setCell(Cell.value, procedure);
    this.#code.low<() => void>("run")();
    return this.heap.cell(Cell.value);
  }

  #topLevelOf(global: Global): TopLevel {
    let found = this.#topLevels.get(global);
    if (found === undefined) {
      const symbol = intern(global.name);
      found = {
        name: global.name,
        library: global.library,
        symbol,
        isAssigned: global.isAssigned,
        cell: this.#variableCell(),
        fun: null,
        inline: null,
        higherOrder: [],
        constant: null,
        isDefined: false,
      };
      this.#topLevels.set(global, found);
    }
    if (global.isAssigned) found.isAssigned = true;
    return found;
  }

  #variableCell(): number {
    const cell = this.heap.newCell(BigInt(Immediate.unbound));
    this.versions.noteVariable(cell);
    return cell;
  }

  #staticClosure(low: number, slot: number): number {
    const address = this.heap.allocateStatic(8);
    this.heap.view.setUint32(address, low, true);
    this.heap.view.setUint32(address + 4, slot, true);
    return address - 8 + Tag.procedure;
  }

  #constantCell(datum: Datum): number {
    // Equal numbers and symbols share a cell; other constants are known by identity.
    const key =
      datum instanceof Flonum
        ? `f${Object.is(datum.value, -0) ? "-0" : String(datum.value)}`
        : typeof datum === "bigint"
          ? `b${String(datum)}`
          : datum instanceof SchemeSymbol && datum.isInterned
            ? `s${datum.name}`
            : null;
    const known = key === null ? this.#constants.get(datum) : this.#numbers.get(key);
    if (known !== undefined) return known;
    const cell = this.heap.newCell(this.heap.fromDatum(datum));
    if (key === null) this.#constants.set(datum, cell);
    else this.#numbers.set(key, cell);
    return cell;
  }
}
