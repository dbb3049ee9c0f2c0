/**
 * One Lisp: its libraries, its machines (one for each phase), the REPL's namespace. The composition root of the
 * package; what it may touch of the outside comes as a `System` and a `LibraryFinder`.
 */
import type { Core, Global, Unit } from "./core/core.ts";
import type { Source } from "./datum/source.ts";
import { makeBegin, unspecifiedCore } from "./core/build.ts";
import { THREAD_LIBRARY, withFuel, withFuelInUnit } from "./core/fuel.ts";
import { coreToDatum } from "./core/unparse.ts";
import { Condition, failure, SchemeError, syntaxError, wrongType } from "./datum/condition.ts";
import { EOF, intern, list, MString, UNSPECIFIED } from "./datum/datum.ts";
import { bind } from "./expander/binding.ts";
import type { Context } from "./expander/body.ts";
import { Expander } from "./expander/expander.ts";
import type { ExpanderHost, ExpansionStep, Onlooker } from "./expander/form-expander.ts";
import { Namespace } from "./expander/namespace.ts";
import { ANY_PHASE, datumToSyntax, isIdentifier, Syntax, syntaxItems } from "./expander/syntax.ts";
import { Cell, type CompiledForm, compileForm } from "./interpreter/compile.ts";
import {
  Closure,
  CONTINUE,
  ControlPrimitive,
  isProcedure,
  Machine,
  type MachineLimits,
  MultipleValues,
  Primitive,
} from "./interpreter/machine.ts";
import type { PausePoints } from "./interpreter/pause-points.ts";
import { preludeDefinition } from "./interpreter/prelude.ts";
import { defineControl } from "./interpreter/primitives/control.ts";
import { defineForeign, defineSystemCalls } from "./interpreter/primitives/foreign.ts";
import { defineJavaScript } from "./interpreter/primitives/javascript.ts";
import { defineLists } from "./interpreter/primitives/lists.ts";
import { defineHeap } from "./interpreter/primitives/heap.ts";
import { defineMemory } from "./interpreter/primitives/memory.ts";
import { defineNumbers } from "./interpreter/primitives/numbers.ts";
import type { Table } from "./interpreter/primitives/operands.ts";
import { definePorts, makeStandardPorts, type StandardPorts } from "./interpreter/primitives/ports.ts";
import { defineSyntaxPrimitives } from "./interpreter/primitives/syntax.ts";
import { defineTypes } from "./interpreter/primitives/run-time-types.ts";
import { defineText } from "./interpreter/primitives/text.ts";
import { defineThreads, defineWaiting } from "./interpreter/primitives/threads.ts";
import { defineVectors } from "./interpreter/primitives/vectors.ts";
import { type TextInputPort, TextOutputPort } from "./interpreter/ports.ts";
import { closedSystem, type System } from "./interpreter/system.ts";
import { Bridge } from "./javascript/bridge.ts";
import { runSteps, runStepsWaiting, type Steps } from "./javascript/run-steps.ts";
import { Libraries, type LibraryFinder, makeUnit } from "./library/library.ts";
import { systemBinding } from "./library/standard.ts";
import { Reader } from "./reader/reader.ts";
import { sourceTextOf } from "./interpreter/source-text.ts";
import { writeText } from "./reader/writer.ts";
import { TextCursor } from "./reader/text-cursor.ts";
import { SourceTexts, writeShown } from "./source-texts.ts";

export const FEATURES: readonly string[] = [
  "r7rs",
  "exact-closed",
  "exact-complex",
  "ieee-float",
  "full-unicode",
  "ratios",
  "syntax-case",
  "stratos",
  "astralisp",
  "stratos-0.1",
];

export interface LispOptions {
  readonly system?: System;
  readonly findLibrary?: LibraryFinder;
  readonly limits?: MachineLimits;
}

export class Lisp implements ExpanderHost {
  readonly system: System;
  readonly expander: Expander;
  readonly libraries: Libraries;
  readonly ports: StandardPorts;
  /** What the REPL and `eval` in `(interaction-environment)` define. */
  readonly interaction: Namespace;
  onExpansion: ((step: ExpansionStep) => void) | null;
  onlooker: Onlooker | null;
  readonly #limits: MachineLimits | null;
  readonly #instances: (Instance | undefined)[];
  readonly #sources: SourceTexts;

  constructor({ system = closedSystem(), findLibrary = () => null, limits }: LispOptions = {}) {
    this.system = system;
    this.expander = new Expander(this);
    this.libraries = new Libraries({
      expander: this.expander,
      findLibrary,
      readForms: (text, file, namespace, foldsCase) => this.#readForms(text, file, namespace, foldsCase),
    });
    this.ports = makeStandardPorts(system);
    this.interaction = this.#openNamespace("(repl)", true);
    this.onExpansion = null;
    this.onlooker = null;
    this.#limits = limits ?? null;
    this.#instances = [];
    this.#sources = new SourceTexts();
    this.#importAll(this.interaction);
  }

  /** The machine of phase 0. */
  get machine(): Machine {
    return this.#instance(0).machine;
  }

  // Programs

  /**
   * Expands a whole program: the libraries that it needs in order, each before those that use it, then itself.
   *
   * @throws SchemeError  of kind "syntax" or "read", with its place
   */
  expandProgram(text: string, file: string, namespace = this.openProgram()): Unit[] {
    const body = this.expandForms(this.#readForms(text, file, namespace, false), namespace);
    const units: Unit[] = [];
    this.#collect(namespace.imports, units, new Set());
    return [...units, makeUnit(namespace, body, new Map())].map((unit) => this.preemptible(unit));
  }

  /** A program's namespace, which has nothing yet. */
  openProgram(): Namespace {
    return this.#openNamespace("(program)", false);
  }

  /** The forms of a program; it sees everything where it does not begin with an import. */
  expandForms(forms: readonly Syntax[], namespace: Namespace): Core[] {
    const first = forms.find((form) => headName(form) !== "define-library");
    if (first === undefined || headName(first) !== "import") this.#importAll(namespace);
    return this.#guarded(() => this.expander.top(forms, { namespace, phase: 0 }));
  }

  /** Forgets a library and those that import it: they are loaded anew. @returns their names */
  forgetLibrary(name: string): readonly string[] {
    const names = this.libraries.forget(name);
    for (const instance of this.#instances) instance?.forget(names);
    return names;
  }

  /** The unit as it is to be run: where the session has threads it lets them take turns. */
  preemptible(unit: Unit): Unit {
    return this.#hasThreads ? withFuelInUnit(unit) : unit;
  }

  get #hasThreads(): boolean {
    return this.libraries.get(THREAD_LIBRARY) !== undefined;
  }

  #collect(imports: Iterable<string>, units: Unit[], seen: Set<string>): void {
    for (const name of imports) {
      if (seen.has(name)) continue;
      seen.add(name);
      const unit = this.libraries.get(name)?.unit ?? null;
      if (unit === null) continue;
      this.#collect(unit.imports, units, seen);
      units.push(unit);
    }
  }

  /**
   * Runs a program to its end; output that is still held back is handed on. @throws SchemeError, UncaughtError,
   * ExitRequest
   */
  runProgram(text: string, file: string): unknown {
    return runSteps(this.#programSteps(text, file));
  }

  /** The same where it may wait for promises of JavaScript. */
  async runProgramWaiting(text: string, file: string): Promise<unknown> {
    return await this.waiting(this.#programSteps(text, file));
  }

  *#programSteps(text: string, file: string): Steps<unknown> {
    try {
      const units = this.expandProgram(text, file);
      const instance = this.#instance(0);
      let value: unknown = UNSPECIFIED;
      for (const unit of units) {
        value = yield () => {
          instance.machine.threads.current = false;
          return instance.run(unit);
        };
      }
      return value;
    } finally {
      this.flush();
    }
  }

  /** Runs steps of which each may wait for promises of JavaScript. */
  async waiting<T>(steps: Steps<T>): Promise<T> {
    return await runStepsWaiting(steps, this.#instance(0).javascript);
  }

  /** Evaluates all forms of a text in the interaction environment; each before the next is expanded. */
  evaluateText(text: string, file: string, line = 1): unknown {
    return runSteps(this.#textSteps(text, file, line));
  }

  /** The same where it may wait for promises of JavaScript. */
  async evaluateTextWaiting(text: string, file: string, line = 1): Promise<unknown> {
    return await this.waiting(this.#textSteps(text, file, line));
  }

  *#textSteps(text: string, file: string, line: number): Steps<unknown> {
    let value: unknown = UNSPECIFIED;
    this.#sources.keep(file, text);
    const reader = new Reader(new TextCursor(text, file, line), { wrapper: wrapperOf(this.interaction) });
    for (let form = reader.read(); !isEnd(form); form = reader.read())
      value = yield () => this.evaluateForm(form as Syntax, this.interaction);
    return value;
  }

  /**
   * Evaluates the forms of standard input, one after the other, and shows values as the REPL does. They may wait for
   * promises of JavaScript.
   */
  async evaluateInput(): Promise<void> {
    await this.waiting(this.#inputSteps());
  }

  *#inputSteps(): Steps<void> {
    const input = this.ports.input.value as TextInputPort;
    const reader = new Reader(input, { wrapper: wrapperOf(this.interaction) });
    const read = (): unknown => {
      const { offset } = input;
      const form = reader.read();
      // As of a file (source-text.ts); what programs read of the input by themselves is theirs.
      input.checkSource(offset);
      return form;
    };
    for (let form = read(); !isEnd(form); form = read()) {
      const value = yield () => this.evaluateForm(form as Syntax, this.interaction);
      const output = this.ports.output.value as TextOutputPort;
      if (value !== UNSPECIFIED && !(value instanceof MultipleValues && value.values.length === 0))
        output.write((output.column > 0 ? "\n" : "") + `${writeShown(value)}\n`);
    }
  }

  evaluateForm(form: Syntax, namespace: Namespace): unknown {
    const core = this.expandForm(form, namespace);
    this.#instance(0).link(namespace);
    this.machine.threads.current = false;
    return this.#instance(0).execute(core);
  }

  /**
   * Forms of a text, as syntax of a namespace. @throws IncompleteError where the text ends inside of
   * one
   */
  readForms(text: string, file: string, namespace = this.interaction): Syntax[] {
    return this.#readForms(text, file, namespace, false);
  }

  /** Nothing is run but its macros: see `Instance.link` for the libraries that it imports. */
  expandForm(form: Syntax, namespace: Namespace, phase = 0): Core {
    const cores = this.#guarded(() => this.expander.top([form], { namespace, phase }));
    const core = cores.length === 0 ? unspecifiedCore : makeBegin(cores);
    return phase === 0 && this.#hasThreads ? withFuel(core) : core;
  }

  flush(): void {
    for (const parameter of [this.ports.output, this.ports.error])
      if (parameter.value instanceof TextOutputPort && parameter.value.isOpen) parameter.value.flush();
  }

  /** The stack of JavaScript has its bound: what goes deeper in the expander is the program's error. */
  #guarded<T>(expand: () => T): T {
    try {
      return expand();
    } catch (error) {
      if (error instanceof RangeError) throw syntaxError("the program is nested too deeply to be expanded", null);
      throw error;
    }
  }

  // Namespaces

  #openNamespace(name: string, isInteractive: boolean): Namespace {
    const namespace = new Namespace(name, { isOpen: true, isInteractive });
    for (const word of ["import", "define-library"])
      bind(intern(word), namespace.scopes, ANY_PHASE, systemBinding(word));
    return namespace;
  }

  #importAll(namespace: Namespace): void {
    for (const name of ["scheme r5rs", "stratos lisp"]) this.importNamed(name.split(" "), namespace);
  }

  importNamed(parts: readonly (string | number)[], namespace: Namespace): void {
    const name = datumToSyntax(null, list(parts.map((part) => (typeof part === "string" ? intern(part) : part))));
    this.libraries.import(name, { namespace, phase: 0, body: null });
  }

  #readForms(text: string, file: string, namespace: Namespace, foldsCase: boolean): Syntax[] {
    this.#sources.keep(file, text);
    const reader = new Reader(new TextCursor(text, file), { wrapper: wrapperOf(namespace), foldsCase });
    const forms: Syntax[] = [];
    for (let form = reader.read(); !isEnd(form); form = reader.read()) forms.push(form as Syntax);
    return forms;
  }

  // What the expander asks (ExpanderHost)

  evaluate(core: Core, phase: number, namespace: Namespace): unknown {
    const instance = this.#instance(phase);
    instance.link(namespace);
    return instance.execute(core);
  }

  apply(procedure: unknown, operands: readonly unknown[], phase: number): unknown {
    return this.#instance(phase).machine.call(procedure, [...operands]);
  }

  isProcedure(value: unknown): boolean {
    return isProcedure(value);
  }

  wrapProcedure(name: string, count: number, call: (...operands: unknown[]) => unknown): unknown {
    return new Primitive(name, count, count, call);
  }

  import(importSet: Syntax, context: Context): void {
    this.libraries.import(importSet, context);
  }

  defineLibrary(form: Syntax): void {
    this.libraries.define(form);
  }

  written(datum: unknown): string {
    return writeText(datum);
  }

  hasFeature(requirement: Syntax): boolean {
    return this.libraries.hasFeature(requirement, FEATURES);
  }

  include(path: string, form: Syntax, foldsCase: boolean): Syntax[] {
    const beside = relativeTo(form.source?.file ?? "", path);
    const [file, text] = this.#included([beside, path], form);
    this.#sources.keep(file, text);
    const reader = new Reader(new TextCursor(text, file), {
      foldsCase,
      wrapper: {
        wrap: (value, source) => new Syntax(value, form.scopes, source),
        inside: (value) => (value instanceof Syntax ? value : null),
      },
    });
    const forms: Syntax[] = [];
    for (let one = reader.read(); !isEnd(one); one = reader.read()) forms.push(one as Syntax);
    return forms;
  }

  /** What stands beside the including file, else what the current folder has by this name; and which of them it is. */
  #included([beside, named]: readonly [string, string], form: Syntax): readonly [string, string] {
    try {
      return [beside, sourceTextOf(this.system.readFile(beside), beside)];
    } catch (error) {
      if (!(error instanceof Error) || error instanceof SchemeError) throw error;
      if (named !== beside && this.system.fileExists(named)) return this.#included([named, named], form);
      throw syntaxError(`include: ${error.message}`, form.source);
    }
  }

  // Errors

  /** An error in words (`SourceTexts.describe`). */
  describe(error: unknown): string | null {
    return this.#sources.describe(error);
  }

  /** The source line with a caret, on lines of their own; empty when the text is not known. */
  excerpt(source: Source): string {
    return this.#sources.excerpt(source);
  }

  // Machines

  #instance(phase: number): Instance {
    let instance = this.#instances[phase];
    if (instance === undefined) {
      instance = new Instance(this, phase);
      if (this.#limits !== null) instance.machine.limits = this.#limits;
      this.#instances[phase] = instance;
    }
    return instance;
  }

  /** Where names of the machine of phase 0 are found: for a debugger's evaluation in a frame. */
  get linker(): Instance {
    return this.#instance(0);
  }
}

/** A machine with its globals: what one phase of a session runs in. */
class Instance {
  readonly machine: Machine;
  readonly #lisp: Lisp;
  readonly #table: Table;
  readonly #cells: Map<Global, Cell>;
  readonly #done: Set<string>;
  javascript!: Bridge;
  /** Each call of a primitive is a step of its own, so that a debugger can go on from there; slower. */
  isStepped: boolean;
  pausePoints: PausePoints | null;

  constructor(lisp: Lisp, phase: number) {
    this.isStepped = false;
    this.pausePoints = null;
    this.#lisp = lisp;
    this.machine = new Machine();
    this.#table = new Map();
    this.#cells = new Map();
    this.#done = new Set();
    defineNumbers(this.#table);
    defineLists(this.#table, () => this.machine.checkMemory());
    defineText(this.#table);
    defineVectors(this.#table);
    defineControl(this.#table);
    defineTypes(this.#table);
    definePorts(this.#table, this.machine, lisp.system, lisp.ports);
    defineWaiting(this.#table, lisp.system);
    defineThreads(this.#table, this.machine);
    this.#defineJavaScript(lisp.system, phase);
    defineForeign(this.#table);
    defineSystemCalls(this.#table);
    defineMemory(this.#table);
    defineHeap(this.#table, null);
    defineSyntaxPrimitives(this.#table, phase);
    defineEvaluation(this.#table, lisp, this);
  }

  /** Macros have none: they are run when nothing of the program may yet happen. */
  #defineJavaScript(system: System, phase: number): void {
    const { machine } = this;
    const bridge = new Bridge(phase === 0 ? system : { ...system, javascript: null }, {
      hold: (procedure) => {
        machine.javascript = { bridge, entry: procedure };
      },
      enter: () => machine.call(machine.javascript!.entry, []),
    });
    defineJavaScript(this.#table, bridge);
    this.javascript = bridge;
  }

  cell(global: Global): Cell {
    let cell = this.#cells.get(global);
    if (cell === undefined) this.#cells.set(global, (cell = new Cell(global)));
    return cell;
  }

  /** @throws SchemeError  where the system has no such primitive */
  primitive(name: string): unknown {
    let found = this.#table.get(name);
    if (found !== undefined) return found;
    const text = preludeDefinition(name);
    if (text === null) throw failure(`there is no primitive ${name}`);
    found = this.#definePrelude(name, text);
    return found;
  }

  hasPrimitive(name: string): boolean {
    return this.#table.has(name) || preludeDefinition(name) !== null;
  }

  /** How many arguments a primitive takes; null: there is none, or it takes several counts. */
  arityOf(name: string): { readonly least: number; readonly most: number } | null {
    const value = this.hasPrimitive(name) ? this.primitive(name) : null;
    if (value instanceof Primitive || value instanceof ControlPrimitive) return value;
    const clauses = value instanceof Closure ? value.code.clauses : [];
    if (clauses.length !== 1) return null;
    const { count, hasRest } = clauses[0]!;
    return { least: count, most: hasRest ? Infinity : count };
  }

  /** Expanded in a namespace of primitives only, so that no program can change what it means. */
  #definePrelude(name: string, text: string): unknown {
    const namespace = new Namespace(`(prelude ${name})`, { isOpen: true, isInteractive: false });
    const words = new Set(["quote", ...[...text.matchAll(/[^\s()'"]+/g)].map(([word]) => word)]);
    for (const word of words) {
      if (word === name) continue;
      const binding = systemBinding(word);
      if (binding.kind !== "global" || this.hasPrimitive(word))
        bind(intern(word), namespace.scopes, ANY_PHASE, binding);
    }
    // Without places: an error in there is told where the program called it.
    const form = new Reader(new TextCursor(text, "(stratos primitive)"), {
      wrapper: { ...wrapperOf(namespace), wrap: (value) => new Syntax(value, namespace.scopes, null) },
    }).read() as Syntax;
    const cores = this.#lisp.expander.top([form], { namespace, phase: 0 });
    for (const core of cores) this.execute(core);
    const value = this.cell(namespace.globals.find((global) => global.name === name)!).value;
    this.#table.set(name, value);
    return value;
  }

  execute(core: Core): unknown {
    const form = compileForm(core, this);
    return this.machine.execute(form.run, form.makeEnv());
  }

  /** Runs a library's or a program's body; a library once only. */
  run(unit: Unit): unknown {
    return this.#runForms(unit, (index) => compileForm(unit.body[index]!, this));
  }

  /** Compiles all of it now, so that it is known where it can be stopped. @returns what runs it */
  prepare(unit: Unit): () => unknown {
    const forms = unit.body.map((core) => compileForm(core, this));
    return () => this.#runForms(unit, (index) => forms[index]!);
  }

  #runForms(unit: Unit, formAt: (index: number) => CompiledForm): unknown {
    this.#done.add(unit.library);
    // One form waits for the other as a frame: a continuation that is captured in one goes on with those after it.
    const next = (index: number, machine: Machine): unknown => {
      const form = formAt(index);
      if (index + 1 < unit.body.length) machine.push((_value, _env, later) => next(index + 1, later), []);
      machine.run = form.run;
      machine.env = form.makeEnv();
      return CONTINUE;
    };
    return unit.body.length === 0 ? UNSPECIFIED : this.machine.execute((_env, machine) => next(0, machine), []);
  }

  forget(libraries: readonly string[]): void {
    for (const name of libraries) this.#done.delete(name);
  }

  /** Runs the libraries that a namespace imports, and that have not been run. */
  link(namespace: Namespace): void {
    for (const name of namespace.imports) this.#link(name);
  }

  #link(name: string): void {
    if (this.#done.has(name)) return;
    this.#done.add(name);
    const unit = this.#lisp.libraries.get(name)?.unit ?? null;
    if (unit === null) return;
    for (const other of unit.imports) this.#link(other);
    this.run(this.#lisp.preemptible(unit));
  }
}

/** `eval`, environments, `load`, `features` and `expand`: they need the session. */
function defineEvaluation(table: Table, lisp: Lisp, instance: Instance): void {
  const control = (
    name: string,
    least: number,
    most: number,
    call: (machine: Machine, operands: unknown[]) => unknown,
  ): void => void table.set(name, new ControlPrimitive(name, least, most, call));
  const primitive = (name: string, least: number, most: number, call: (...operands: unknown[]) => unknown): void =>
    void table.set(name, new Primitive(name, least, most, call));
  const namespaceOf = (who: string, value: unknown): Namespace => {
    if (value === undefined) return lisp.interaction;
    if (!(value instanceof Namespace)) throw wrongType(who, "an environment", value);
    return value;
  };
  const syntaxIn = (datum: unknown, namespace: Namespace): Syntax =>
    datum instanceof Syntax ? datum : datumToSyntax(new Syntax(UNSPECIFIED, namespace.scopes, null), datum, null);
  control("eval", 1, 2, (machine, [datum, environment]) => {
    const namespace = namespaceOf("eval", environment);
    const core = lisp.expandForm(syntaxIn(datum, namespace), namespace);
    instance.link(namespace);
    const form = compileForm(core, instance);
    machine.run = form.run;
    machine.env = form.makeEnv();
    return CONTINUE;
  });
  primitive("interaction-environment", 0, 0, () => lisp.interaction);
  primitive("environment", 0, Infinity, (...sets) => {
    const namespace = new Namespace("(environment)", { isOpen: false, isInteractive: true });
    for (const set of sets) lisp.libraries.import(datumToSyntax(null, set), { namespace, phase: 0, body: null });
    return namespace;
  });
  const report = (name: string): void =>
    primitive(name, 1, 1, (version) => {
      if (version !== 5 && version !== 7) throw failure(`${name}: the versions 5 and 7 are known, not`, version);
      const namespace = new Namespace("(environment)", { isOpen: false, isInteractive: true });
      lisp.importNamed(["scheme", version === 5 ? "r5rs" : "base"], namespace);
      return namespace;
    });
  report("scheme-report-environment");
  report("null-environment");
  control("load", 1, 2, (machine, [path, environment]) => {
    if (!(path instanceof MString)) throw wrongType("load", "a string", path);
    const namespace = namespaceOf("load", environment),
      file = path.toString();
    let text: string;
    try {
      text = sourceTextOf(lisp.system.readFile(file), file);
    } catch (error) {
      if (error instanceof SchemeError || !(error instanceof Error)) throw error;
      throw new SchemeError(new Condition("file", error.message, [path]));
    }
    const reader = new Reader(new TextCursor(text, file), { wrapper: wrapperOf(namespace) });
    // One form after the other: each may define what the next needs.
    const next = (own: Machine): unknown => {
      const form = reader.read();
      if (isEnd(form)) return UNSPECIFIED;
      const core = lisp.expandForm(form as Syntax, namespace);
      instance.link(namespace);
      const compiled = compileForm(core, instance);
      own.push((_value, _env, later) => next(later), []);
      own.run = compiled.run;
      own.env = compiled.makeEnv();
      return CONTINUE;
    };
    return next(machine);
  });
  primitive("features", 0, 0, () => list(FEATURES.map(intern)));
  primitive("expand", 1, 2, (datum, environment) => {
    const namespace = namespaceOf("expand", environment);
    return coreToDatum(lisp.expandForm(syntaxIn(datum, namespace), namespace));
  });
}

function headName(form: Syntax): string {
  const items = syntaxItems(form);
  const word = items?.[0];
  return isIdentifier(word) ? word.datum.name : "";
}

function wrapperOf(namespace: Namespace): {
  wrap(value: unknown, source: Source): unknown;
  inside(value: unknown): { datum: unknown } | null;
} {
  return {
    wrap: (value, source) => new Syntax(value, namespace.scopes, source),
    inside: (value) => (value instanceof Syntax ? value : null),
  };
}

/** The reader's end is EOF itself; `#!eof` in a text would be wrapped. */
function isEnd(form: unknown): boolean {
  return form === EOF;
}

function relativeTo(file: string, path: string): string {
  if (path.startsWith("/") || !file.includes("/")) return path;
  return `${file.slice(0, file.lastIndexOf("/") + 1)}${path}`;
}
