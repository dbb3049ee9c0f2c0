/**
 * A session whose programs are compiled: the expander and its macros are the `Lisp`'s, what they give is run by the
 * engine.
 */
import type { WasmEngine } from "@stratos/host";
import type { Core, Unit } from "./core/core.ts";
import { PLATFORMS, type NativeTarget } from "./back-native/platforms.ts";
import { withEvaluation } from "./back-native/evaluation.ts";
import { compiledRuntime, nativeProgram, type NativePlatform } from "./back-native/program.ts";
import { Condition, SchemeError, failure, wrongType } from "./datum/condition.ts";
import { EOF, MString, UNSPECIFIED } from "./datum/datum.ts";
import { createEngine } from "./engine.ts";
import type { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine-options.ts";
import { Namespace } from "./expander/namespace.ts";
import { Syntax, datumToSyntax } from "./expander/syntax.ts";
import type { VersionedSession } from "./heap/heap-versions.ts";
import { Opaque } from "./heap/heap.ts";
import { readEngineImage } from "./image/engine-image.ts";
import { Primitive } from "./interpreter/machine.ts";
import { makeBegin } from "./core/build.ts";
import { isReflective, reachableUnits } from "./core/reachable.ts";
import { runSteps, runStepsWaiting, type Steps } from "./javascript/run-steps.ts";
import { ALL_PASSES } from "./middle/simplify.ts";
import { Reader } from "./reader/reader.ts";
import { sourceTextOf } from "./interpreter/source-text.ts";
import { TextCursor } from "./reader/text-cursor.ts";
import type { Lisp } from "./session.ts";

/** Primitives that the session itself gives. */
const SESSION_PRIMITIVES = [
  "interaction-environment",
  "environment",
  "scheme-report-environment",
  "null-environment",
  "features",
  "expand",
];

export class CompiledLisp {
  readonly lisp: Lisp;
  readonly engine: Engine;
  #loaded: Set<string>;

  constructor(lisp: Lisp, options: { wasm: WasmEngine } & Partial<EngineOptions>) {
    this.lisp = lisp;
    this.#loaded = new Set();
    const primitives = new Map(SESSION_PRIMITIVES.map((name) => [name, lisp.linker.primitive(name) as Primitive]));
    this.engine = createEngine({ ...options, system: lisp.system, ports: lisp.ports, primitives });
    this.engine.versions.session = this.#versions();
    if (options.running != null) {
      const refuse = (): never => {
        throw failure("eval: a future has no expander; evaluate before it is made, or in who touches it");
      };
      this.engine.evaluator = { evaluate: refuse, load: refuse };
      return;
    }
    this.engine.evaluator = {
      evaluate: (datum, [environment]) => this.#evaluate(datum, environment),
      load: (path, [environment]) => this.#load(path, environment),
    };
  }

  /** What was loaded, is of the version of the heap in which it was run. */
  #versions(): VersionedSession {
    return {
      save: () => new Set(this.#loaded),
      restore: (loaded) => {
        this.#loaded = loaded as Set<string>;
      },
    };
  }

  /**
   * Runs a program to its end, as `Lisp.runProgram` does. Of its libraries only what it reaches is compiled, so that
   * nothing else may be run in this session after it. @throws SchemeError, ExitRequest
   */
  runProgram(text: string, file: string): unknown {
    return runSteps(this.#programSteps(text, file));
  }

  /** The same where it may wait for promises of JavaScript. */
  async runProgramWaiting(text: string, file: string): Promise<unknown> {
    return await runStepsWaiting(this.#programSteps(text, file), this.engine.javascript);
  }

  *#programSteps(text: string, file: string): Steps<unknown> {
    try {
      const units = reachableUnits(
        this.lisp.expandProgram(text, file).filter(({ library }) => !this.#loaded.has(library)),
      );
      let value: unknown = UNSPECIFIED;
      for (const [index, unit] of units.entries()) {
        const isProgram = index === units.length - 1;
        if (!isProgram) this.#loaded.add(unit.library);
        value = yield () => this.engine.load(unit, { isClosed: isProgram });
      }
      return value;
    } finally {
      this.lisp.flush();
    }
  }

  /**
   * Compiles a program with all that it needs; nothing is run. Of a session with `keepsModules`.
   * @returns an image; a session that is given it runs the program by `runImage`
   */
  buildProgram(text: string, file: string): Uint8Array {
    const expanded = this.lisp.expandProgram(text, file);
    const units =
      this.engine.options.isNative === true && isReflective(reachableUnits(expanded))
        ? withEvaluation(expanded, this.lisp, this.engine)
        : reachableUnits(expanded);
    return this.engine.saveImage(
      units.map((unit, index) => this.engine.compile(unit, { isClosed: index === units.length - 1 })),
    );
  }

  /**
   * Compiles a program with all that it needs into ELF files, one for each target: static ones, or such as are linked
   * to libc where it has foreign functions of C. Of a session with
   * `keepsModules` and `isNative`.
   * @throws SchemeError  the program uses what native programs do not have: each name is told
   */
  buildNative<T extends NativeTarget>(text: string, file: string, targets: readonly T[]): Record<T, Uint8Array> {
    const image = this.buildProgram(text, file);
    const refused = this.engine.refusedNames;
    if (refused.some((name) => name.startsWith("%js")))
      throw failure("a native program has no JavaScript, and none of (stratos javascript): build it for wasm");
    if (refused.length > 0)
      throw failure(
        `a native program has no ${refused.join(", ")} yet: build it for wasm (without --target), where it does`,
      );
    const decoded = readEngineImage(image)!;
    const { nurseryBytes, isForeign, options } = this.engine;
    const { scheduling: isScheduled } = options.passes ?? ALL_PASSES;
    const build = (target: T): [T, Uint8Array] => {
      const platform: NativePlatform = PLATFORMS[target];
      if (isForeign && platform.foreign === undefined)
        throw failure(`a native program for ${target} has no foreign functions of C yet (stratos foreign)`);
      const runtime = options.runtimeCode?.(target) ?? null;
      return [target, nativeProgram(decoded, platform, { nurseryBytes, isForeign, isScheduled, runtime })];
    };
    return Object.fromEntries(targets.map(build)) as Record<T, Uint8Array>;
  }

  /** The runtime's machine code, with which `buildNative` links programs. Of a session with `isNative`, new. */
  compileRuntime(target: NativeTarget): Uint8Array {
    const image = readEngineImage(this.engine.saveImage())!;
    const { scheduling } = this.engine.options.passes ?? ALL_PASSES;
    return compiledRuntime(image, PLATFORMS[target], scheduling);
  }

  /** Runs the program of the image that this session was given. @throws SchemeError, ExitRequest */
  runImage(): unknown {
    return runSteps(this.#imageSteps());
  }

  /** The same where it may wait for promises of JavaScript. */
  async runImageWaiting(): Promise<unknown> {
    return await runStepsWaiting(this.#imageSteps(), this.engine.javascript);
  }

  *#imageSteps(): Steps<unknown> {
    try {
      return yield* this.engine.imageSteps();
    } finally {
      this.lisp.flush();
    }
  }

  /** Evaluates all forms of a text in the interaction environment; each before the next is expanded. */
  evaluateText(text: string, file: string): unknown {
    return runSteps(this.#textSteps(text, file));
  }

  /** The same where it may wait for promises of JavaScript. */
  async evaluateTextWaiting(text: string, file: string): Promise<unknown> {
    return await runStepsWaiting(this.#textSteps(text, file), this.engine.javascript);
  }

  *#textSteps(text: string, file: string): Steps<unknown> {
    let value: unknown = UNSPECIFIED;
    const reader = this.#reader(text, file, this.lisp.interaction);
    for (let form = reader.read(); form !== EOF; form = reader.read())
      for (const unit of this.#units(
        [this.lisp.expandForm(form as Syntax, this.lisp.interaction)],
        this.lisp.interaction,
      ))
        value = yield () => this.engine.load(unit);
    return value;
  }

  #namespace(who: string, environment: unknown): Namespace {
    if (environment === undefined) return this.lisp.interaction;
    if (!(environment instanceof Namespace)) throw wrongType(who, "an environment", environment);
    return environment;
  }

  #evaluate(datum: unknown, environment: unknown): Opaque[] {
    const namespace = this.#namespace("eval", environment);
    const syntax =
      datum instanceof Syntax ? datum : datumToSyntax(new Syntax(UNSPECIFIED, namespace.scopes, null), datum, null);
    return this.#compileAll([this.lisp.expandForm(syntax, namespace)], namespace);
  }

  /** All forms are expanded before the first is run. */
  #load(path: unknown, environment: unknown): Opaque[] {
    if (!(path instanceof MString)) throw wrongType("load", "a string", path);
    const namespace = this.#namespace("load", environment);
    const file = path.toString();
    let text: string;
    try {
      text = sourceTextOf(this.lisp.system.readFile(file), file);
    } catch (error) {
      if (error instanceof SchemeError || !(error instanceof Error)) throw error;
      throw new SchemeError(new Condition("file", error.message, [path]));
    }
    const reader = this.#reader(text, file, namespace);
    const cores: Core[] = [];
    for (let form = reader.read(); form !== EOF; form = reader.read())
      cores.push(this.lisp.expandForm(form as Syntax, namespace));
    return this.#compileAll(cores, namespace);
  }

  #reader(text: string, file: string, namespace: Namespace): Reader {
    return new Reader(new TextCursor(text, file), {
      wrapper: {
        wrap: (value, source) => new Syntax(value, namespace.scopes, source),
        inside: (value) => (value instanceof Syntax ? value : null),
      },
    });
  }

  #compileAll(cores: readonly Core[], namespace: Namespace): Opaque[] {
    return this.#units(cores, namespace).map((unit) => new Opaque(this.engine.compile(unit)));
  }

  /** The forms as a unit, after those of libraries that the namespace imports and that were not loaded yet. */
  #units(cores: readonly Core[], namespace: Namespace): Unit[] {
    const units: Unit[] = [];
    for (const name of namespace.imports) this.#addLibrary(name, units);
    const body = cores.length === 0 ? [] : [makeBegin([...cores])];
    return [
      ...units,
      { library: namespace.name, imports: [...namespace.imports], globals: [], body, exports: new Map() },
    ];
  }

  #addLibrary(name: string, units: Unit[]): void {
    if (this.#loaded.has(name)) return;
    this.#loaded.add(name);
    const unit = this.lisp.libraries.get(name)?.unit ?? null;
    if (unit === null) return;
    for (const other of unit.imports) this.#addLibrary(other, units);
    units.push(this.lisp.preemptible(unit));
  }
}
