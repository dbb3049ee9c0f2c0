/** A unit through all passes to a module of WebAssembly. */
import type { Unit } from "../core/core.ts";
import type { Source } from "../datum/source.ts";
import type { Datum } from "../datum/datum.ts";
import { boxAssigned, convertClosures } from "../middle/closures.ts";
import type { Code } from "../middle/closures.ts";
import { contify, loopSelfCalls } from "../middle/contify.ts";
import { FromCore } from "../middle/from-core.ts";
import type { Globals } from "../middle/from-core.ts";
import type { LowSignature } from "../low/compile.ts";
import { Fun, Var, children, functionsOf, isOfRuntime } from "../middle/ir.ts";
import type { Node, TopLevel } from "../middle/ir.ts";
import { normalize } from "../middle/normalize.ts";
import { chooseEntries, chooseRepresentations } from "../middle/representation.ts";
import { LOOP_OF, higherOrderForms, inlineForm } from "../middle/inline-forms.ts";
import { countUses, simplify } from "../middle/simplify.ts";
import type { Passes } from "../middle/simplify.ts";
import { NOTHING_PROVED, ProvedTests, type ProofCounts } from "../middle/proved-tests.ts";
import { versionLoops } from "../middle/loop-versions.ts";
import { makeEntries, withoutUnusedEntries } from "../middle/typed-entries.ts";
import { inferTypes } from "../middle/type-inference.ts";
import { CodeEmitter } from "./emit-function.ts";
import type { Linker } from "./frame-writer.ts";
import { closureLow, emitVariadicEntry, isVariadic } from "./procedure-entry.ts";
import { FunctionRef, UnitModule, VARIADIC_SIGNATURE, entrySignatures, procedureSignature } from "./unit-module.ts";

/** What the engine gives to each unit. */
export interface Surroundings extends Globals {
  tableSlot(): number;
  staticClosure(low: number, slot: number): number;
  /** Tells whose code lies at a place of the table: for errors and for showing procedures. */
  functionAt(slot: number, fun: Fun): void;
  constantCell(datum: Datum): number;
  sourceIndex(source: Source): number;
  returnsTo(slot: number, name: string, source: Source): void;
  /** Signature of a low-level routine; undefined: there is none of this name. */
  lowSignature(name: string): LowSignature | undefined;
  readonly coldSlot: number;
}

interface CompiledUnit {
  readonly bytes: Uint8Array;
  /** Closure word of the procedure without arguments that runs the unit. */
  readonly main: number;
  /** Modules whose exports it imports: the names as given to `Exporter`. */
  readonly imports: ReadonlySet<string>;
}

/**
 * Where functions that other units may call directly are exported: by function, the unit's name and the export's name
 * of each clause.
 */
export interface Exporter {
  get(fun: Fun): ExportPlace | undefined;
  set(fun: Fun, place: ExportPlace): unknown;
}
export interface ExportPlace {
  readonly unit: string;
  readonly names: readonly string[];
  readonly word: number;
}

/** Name of the functions that run a unit's forms. */
const TOP_LEVEL = "the top level";
/** Top-level forms in one function at most: the functions stay of a size that the host compiles well. */
const FORMS_MAX = 24;

interface CompileOptions {
  readonly name: string;
  readonly passes: Passes;
  /** Nothing outside calls its top-level functions: their parameters' types may be inferred. */
  readonly isClosed: boolean;
  readonly checksStack: boolean;
  readonly looks: boolean;
  readonly isSmall: boolean;
  /** Counts what is proved and what is not. */
  readonly proofs: ProofCounts;
}

export function compileUnit(
  unit: Unit,
  surroundings: Surroundings,
  exporter: Exporter,
  options: CompileOptions,
): CompiledUnit {
  const { passes } = options;
  const converter = new FromCore(surroundings);
  const forms = unit.body.map((core) => converter.convert(core));

  // What top-level variables always are. Simplify in order: later forms see the small functions of earlier ones.
  const own = new Map<TopLevel, Fun>();
  for (const form of forms) {
    if (form.k !== "gset" || !form.isDefinition || form.g.isAssigned) continue;
    form.g.isDefined = form.value.k === "lambda";
    if (form.value.k !== "lambda") continue;
    form.g.fun = form.value.fun;
    form.value.fun.isClosed = true;
    own.set(form.g, form.value.fun);
  }
  const simplified = forms.flatMap((form) => {
    const result = simplify(form, passes);
    if (result.k !== "gset" || result.value.k !== "lambda" || result.g.fun !== result.value.fun) return [result];
    const { g } = result;
    if (isOfRuntime(g) && g.name.startsWith(LOOP_OF)) {
      for (const other of own.keys())
        if (LOOP_OF + other.name === g.name) other.higherOrder = higherOrderForms(result.value.fun, g);
      own.delete(g);
      return [];
    }
    if (passes.inlining) {
      g.inline = inlineForm(result.value.fun);
      if (g.inline === null) g.higherOrder = [...g.higherOrder, ...higherOrderForms(result.value.fun, g)];
    }
    return [result];
  });

  let codes: Code[] = [];
  const roots: Node[] = simplified.map((form) => {
    let root = form;
    if (passes.loops) {
      root = contify(root);
      if (root.k === "gset" && root.value.k === "lambda" && root.g.fun !== null) loopSelfCalls(root.value.fun, root.g);
      loopInner(root);
    }
    root = boxAssigned(root);
    countUses(root);
    const converted = convertClosures(root, passes);
    codes.push(...converted.codes);
    return converted.root;
  });
  codes.push(...mainCodes(roots));
  for (const code of codes) code.body = normalize(code.body);

  const open = new Set<Fun>();
  for (const code of codes)
    if (!(options.isClosed && own.size > 0 && [...own.values()].includes(code.fun)) && !code.fun.isLifted)
      open.add(code.fun);
  for (const code of codes) markEscaping(code.body, open);
  if (passes.proofs) codes = proveTests(codes, open, [...own.values()], options);
  else inferTypes(codes, open);
  if (passes.versions && passes.unboxing) {
    for (const code of codes) versionLoops(code);
    inferTypes(codes, open);
  }

  const linker = new UnitLinker(surroundings, exporter, options);
  const selves = codes.map(() => new Var("self"));
  if (passes.unboxing) {
    chooseEntries(codes);
    codes.forEach((code, index) => chooseRepresentations(code, selves[index]!));
  }
  const run = options.isClosed ? codesThatRun(codes, open) : new Set(codes);
  codes.forEach((code, index) => new CodeEmitter(code, selves[index]!, linker).emit(!run.has(code)));
  const main = linker.staticClosure(codes[codes.length - 1]!.fun);
  for (const [, fun] of own) linker.export(fun);
  linker.finishEntries();
  return { bytes: linker.module.finish(), main, imports: linker.imported };
}

/** Leaves out tests and checks that are proved, and makes the entries that this takes. @returns all code */
function proveTests(
  codes: readonly Code[],
  open: ReadonlySet<Fun>,
  own: readonly Fun[],
  { proofs, isClosed }: CompileOptions,
): Code[] {
  const all = [...makeEntries(codes), ...codes];
  const prove = (): ProofCounts => {
    inferTypes(all, open);
    const counts = { ...NOTHING_PROVED };
    const pass = new ProvedTests(counts);
    const run = isClosed ? codesThatRun(all, open) : new Set(all);
    for (const code of run) pass.rewrite(code);
    proofs.testsDropped += counts.testsDropped;
    proofs.callsUnchecked += counts.callsUnchecked;
    proofs.callsChecked += pass.checkedHere;
    return counts;
  };
  // What calls skip their checks is inferred from these calls alone: a second round proves more.
  prove();
  const last = prove();
  proofs.testsKept += last.testsKept;
  proofs.callsChecked += last.callsChecked;
  // Other units' callers may have proved what nobody has here.
  const kept = withoutUnusedEntries(all, new Set(isClosed ? [] : own));
  inferTypes(kept, open);
  return kept;
}

/** Of a program: what its top level reaches, and what may be called from anywhere; the rest was put in line. */
function codesThatRun(codes: readonly Code[], open: ReadonlySet<Fun>): Set<Code> {
  const byFun = Map.groupBy(codes, ({ fun }) => fun);
  const found = new Set(codes.filter(({ fun }) => open.has(fun) || fun.name === TOP_LEVEL));
  const visit = (node: Node): void => {
    if (node.k === "direct")
      for (const code of byFun.get(node.fun) ?? []) if (code.clause === node.clause) found.add(code);
    for (const child of children(node)) visit(child);
  };
  // A set tells those that are added meanwhile, too.
  for (const code of found) visit(code.body);
  return found;
}

function loopInner(node: Node): void {
  if (node.k === "fix") node.funs.forEach((fun, index) => loopSelfCalls(fun, node.vars[index]!));
  for (const fun of functionsOf(node)) for (const clause of fun.clauses) loopInner(clause.body);
  for (const child of children(node)) loopInner(child);
}

/** The unit's forms as a chain of functions; the last in the list is the first to run. */
function mainCodes(roots: readonly Node[]): Code[] {
  const codes: Code[] = [];
  let next: Fun | null = null;
  const count = Math.max(1, Math.ceil(roots.length / FORMS_MAX));
  for (let index = count - 1; index >= 0; index--) {
    const items = roots.slice(index * FORMS_MAX, (index + 1) * FORMS_MAX);
    if (next !== null) items.push({ k: "direct", fun: next, clause: 0, self: null, args: [], source: null });
    const body: Node =
      items.length === 1 ? items[0]! : items.length === 0 ? { k: "const", datum: false } : { k: "seq", items };
    const fun = new Fun(TOP_LEVEL, [{ parameters: [], hasRest: false, body }], null);
    fun.isClosed = true;
    codes.push({ fun, clause: 0, parameters: [], body });
    next = fun;
  }
  return codes;
}

/** Functions whose closure is a value somewhere may be called with anything. */
function markEscaping(node: Node, open: Set<Fun>): void {
  if (node.k === "closure") open.add(node.fun);
  if (node.k === "gref" && node.g.fun !== null) open.add(node.g.fun);
  if (node.k === "gset" && node.value.k === "closure") return;
  for (const child of children(node)) markEscaping(child, open);
}

class UnitLinker implements Linker {
  readonly module: UnitModule;
  readonly usesTypes: boolean;
  readonly checksStack: boolean;
  readonly looks: boolean;
  readonly isSmall: boolean;
  readonly proofs: ProofCounts;
  readonly imported: Set<string>;
  readonly #surroundings: Surroundings;
  readonly #exporter: Exporter;
  readonly #name: string;
  readonly #clauses: Map<Fun, FunctionRef[]>;
  readonly #headers: Map<Fun, { low: number; slot: number }>;
  readonly #statics: Map<Fun, number>;
  readonly #entries: (() => void)[];
  #exportCount: number;

  constructor(surroundings: Surroundings, exporter: Exporter, options: CompileOptions) {
    this.module = new UnitModule();
    this.usesTypes = options.passes.types;
    this.checksStack = options.checksStack;
    this.looks = options.looks;
    this.isSmall = options.isSmall;
    this.proofs = options.proofs;
    this.imported = new Set();
    this.#surroundings = surroundings;
    this.#exporter = exporter;
    this.#name = options.name;
    this.#clauses = new Map();
    this.#headers = new Map();
    this.#statics = new Map();
    this.#entries = [];
    this.#exportCount = 0;
  }

  get coldSlot(): number {
    return this.#surroundings.coldSlot;
  }

  tableSlot(): number {
    return this.#surroundings.tableSlot();
  }

  low(name: string): FunctionRef {
    const signature = this.#surroundings.lowSignature(name);
    if (signature === undefined) throw new Error(`no low-level routine ${name}`);
    return this.module.importFunction("low", name, signature);
  }

  clause(fun: Fun, clause: number): FunctionRef {
    const exported = this.#exporter.get(fun);
    const lifted = fun.isLifted ? fun.free.length : 0;
    if (exported !== undefined && exported.unit !== this.#name) {
      this.imported.add(exported.unit);
      return this.module.importFunction(
        exported.unit,
        exported.names[clause]!,
        clause < fun.clauses.length
          ? procedureSignature(fun.clauses[clause]!.parameters.length)
          : entrySignatures(fun.entry!)[clause - fun.clauses.length]!,
      );
    }
    let refs = this.#clauses.get(fun);
    if (refs === undefined) {
      refs = fun.clauses.map(
        ({ parameters }) => new FunctionRef(fun.name, procedureSignature(lifted + parameters.length)),
      );
      if (fun.entry !== null)
        refs.push(...entrySignatures(fun.entry).map((signature) => new FunctionRef(fun.name, signature)));
      this.#clauses.set(fun, refs);
    }
    return refs[clause]!;
  }

  closureHeader(fun: Fun): { low: number; slot: number } {
    let found = this.#headers.get(fun);
    if (found !== undefined) return found;
    const slot = this.tableSlot();
    this.#surroundings.functionAt(slot, fun);
    this.#headers.set(fun, (found = { low: closureLow(fun), slot }));
    if (isVariadic(fun)) {
      const entry = new FunctionRef(`${fun.name}/entry`, VARIADIC_SIGNATURE);
      this.module.addElement(slot, entry);
      this.#entries.push(() => emitVariadicEntry(fun, entry, this));
    } else this.module.addElement(slot, this.clause(fun, 0));
    return found;
  }

  staticClosure(fun: Fun): number {
    const exported = this.#exporter.get(fun);
    if (exported !== undefined && exported.unit !== this.#name) return exported.word;
    let word = this.#statics.get(fun);
    if (word === undefined) {
      const { low, slot } = this.closureHeader(fun);
      this.#statics.set(fun, (word = this.#surroundings.staticClosure(low, slot)));
    }
    return word;
  }

  returnsTo(slot: number, name: string, source: Source): void {
    this.#surroundings.returnsTo(slot, name, source);
  }

  sourceIndex(source: Source): number {
    return this.#surroundings.sourceIndex(source);
  }

  constantCell(datum: Datum): number {
    return this.#surroundings.constantCell(datum);
  }

  export(fun: Fun): void {
    const count = fun.clauses.length + (fun.entry === null ? 0 : entrySignatures(fun.entry).length);
    const names = Array.from({ length: count }, (_, index) => {
      const name = `f${this.#exportCount}_${index}`;
      this.module.exportFunction(name, this.clause(fun, index));
      return name;
    });
    this.#exportCount++;
    this.#exporter.set(fun, { unit: this.#name, names, word: this.staticClosure(fun) });
  }

  finishEntries(): void {
    while (this.#entries.length > 0) this.#entries.pop()!();
  }
}
