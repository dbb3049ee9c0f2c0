/**
 * What a native program needs for `eval`, `load` and environments: the evaluator, in Scheme
 * (scheme/stratos/evaluation.sld), and a unit that tells it of the system's procedures and of the libraries that the
 * program is linked with, which are kept whole.
 */
import { assert } from "@stratos/base";
import { callPrimitive, makeCall, makeConst, makeLambda, primitiveGlobal } from "../core/build.ts";
import type { Core, Global, Unit } from "../core/core.ts";
import { reachableUnits } from "../core/reachable.ts";
import { SchemeError } from "../datum/condition.ts";
import { intern, list, Pair } from "../datum/datum.ts";
import { resolve } from "../expander/binding.ts";
import {
  type Binding,
  datumToSyntax,
  type Identifier,
  isIdentifier,
  type Syntax,
  syntaxToDatum,
  unwrap,
} from "../expander/syntax.ts";
import { RulesTransformer } from "../expander/transformer.ts";
import { standardExports, standardNames } from "../library/standard.ts";
import type { Lisp } from "../session.ts";

const EVALUATION = "(stratos evaluation)";
/** Procedures that the evaluator's forms call, and that no library has. */
const OWN_PRIMITIVES = [
  "make-delayed",
  "make-eager-promise",
  "call-with-parameters",
  "assertion-failed",
  "make-record-type",
  "record-constructor",
  "record-predicate",
  "record-accessor",
  "record-modifier",
];
/** Operands of one call: more would not fit where calls put them. */
const OPERANDS_MAX = 64;

/** What knows which words native programs have. */
interface Served {
  serves(name: string): boolean;
  serveEvaluation(): void;
}

/**
 * @param units  a program's, which uses `eval` or its like
 * @returns the same with the evaluator in front of the program, or as they are where its library is not found
 */
export function withEvaluation(units: readonly Unit[], lisp: Lisp, engine: Served): readonly Unit[] {
  const name = datumToSyntax(null, list(["stratos", "evaluation"].map(intern)));
  if (lisp.libraries.find(name) === null) return units;
  engine.serveEvaluation();
  const program = units.at(-1)!;
  const own = lisp.expandProgram(`(import ${EVALUATION})`, EVALUATION).slice(0, -1);
  const reached = new Set(reachableUnits(units, { isWhole: false }).flatMap(({ body }) => body));
  const libraries = units.slice(0, -1).map((unit) => ({
    ...unit,
    body: unit.body.map((form) => (reached.has(form) ? form : withoutUnserved(form, engine))),
  }));
  const evaluation = own.find(({ library }) => library === EVALUATION);
  assert(evaluation !== undefined, "the evaluator is a library");
  // What the evaluator is made of comes first, also where the program imports a part of it.
  const parts = new Set(own.map(({ library }) => library));
  return [
    ...own,
    ...libraries.filter(({ library }) => !parts.has(library)),
    lisp.preemptible(
      new Registry(evaluation, engine).unit(
        libraries.map(({ library }) => ({ name: library, exports: lisp.libraries.get(library)!.exports })),
      ),
    ),
    program,
  ];
}

/** What only `eval` reaches may mention words that native programs do not have: calls of those raise an error. */
function withoutUnserved(core: Core, engine: Served): Core {
  const inside = (one: Core): Core => withoutUnserved(one, engine);
  switch (core.kind) {
    case "const":
    case "local":
      return core;
    case "global": {
      const { primitive } = core.global;
      return primitive === null || engine.serves(primitive)
        ? core
        : callPrimitive("%unserved", [makeConst(intern(primitive))], core.source);
    }
    case "set-local":
    case "set-global":
    case "define-global":
      return { ...core, value: inside(core.value) };
    case "if":
      return { ...core, test: inside(core.test), then: inside(core.then), else: inside(core.else) };
    case "begin":
      return { ...core, body: core.body.map(inside) };
    case "lambda":
      return { ...core, clauses: core.clauses.map((clause) => ({ ...clause, body: inside(clause.body) })) };
    case "let":
    case "letrec*":
      return { ...core, values: core.values.map(inside), body: inside(core.body) };
    case "call":
      return { ...core, operator: inside(core.operator), operands: core.operands.map(inside) };
  }
}

class Registry {
  readonly #evaluation: Unit;
  readonly #engine: Served;
  readonly #body: Core[];
  readonly #procedures: Set<string>;
  readonly #macros: Map<Binding, { readonly number: number; readonly form: Core }>;

  constructor(evaluation: Unit, engine: Served) {
    this.#evaluation = evaluation;
    this.#engine = engine;
    this.#body = [];
    this.#procedures = new Set(OWN_PRIMITIVES);
    this.#macros = new Map();
  }

  unit(libraries: readonly { readonly name: string; readonly exports: ReadonlyMap<string, Binding> }[]): Unit {
    const words = standardNames().map((name) => ({ name, exports: standardExports(name)! }));
    for (const { exports } of words)
      for (const [name, binding] of exports)
        if (binding.kind === "global" && !name.startsWith("%")) this.#procedures.add(name);
    // Macros are met while the libraries are gone through, and the primitives that they name.
    const added = libraries.map(({ name, exports }) =>
      this.#call("add-library!", [
        makeConst(nameOf(name)),
        listOf([...exports].flatMap(([word, binding]) => this.#entry(word, binding))),
      ]),
    );
    this.#addProcedures();
    for (const { name, exports } of words)
      this.#body.push(
        this.#call("add-words!", [
          makeConst(nameOf(name)),
          makeConst(list([...exports.keys()].filter((word) => !word.startsWith("%")).map(intern))),
        ]),
      );
    this.#body.push(...[...this.#macros.values()].map(({ form }) => form), ...added);
    const starts = this.#body.map((form) => makeLambda([], null, form));
    return {
      library: "(stratos evaluation registry)",
      imports: [EVALUATION, ...libraries.map(({ name }) => name)],
      globals: [],
      body: [
        this.#call("start-with!", [listOf(starts)]),
        callPrimitive("%set-evaluator!", [globalCore(this.#evaluation.exports.get("evaluator")!)]),
      ],
      exports: new Map(),
    };
  }

  #call(name: string, operands: readonly Core[]): Core {
    return makeCall(globalCore(this.#evaluation.exports.get(name)!), operands);
  }

  #addProcedures(): void {
    const served = [...this.#procedures].filter((name) => this.#engine.serves(name));
    for (let at = 0; at < served.length; at += OPERANDS_MAX) {
      const names = served.slice(at, at + OPERANDS_MAX);
      this.#body.push(
        this.#call("add-procedures!", [
          makeConst(list(names.map(intern))),
          listOf(names.map((name) => globalCore(primitiveGlobal(name)))),
        ]),
      );
    }
    const refused = [...this.#procedures].filter((name) => !this.#engine.serves(name));
    this.#body.push(this.#call("add-refused!", [makeConst(list(refused.map(intern)))]));
  }

  /** `(name . what)` for what a library exports, or a macro names; none: it has no meaning at run time. */
  #entry(word: string, binding: Binding): Core[] {
    const what = this.#meaning(binding);
    return what === null ? [] : [callPrimitive("cons", [makeConst(intern(word)), what])];
  }

  #meaning(binding: Binding): Core | null {
    switch (binding.kind) {
      case "core":
      case "auxiliary":
        return makeConst(intern(binding.name));
      case "global": {
        const { global } = binding;
        if (global.primitive !== null) {
          this.#procedures.add(global.name);
          return makeConst(intern(global.name));
        }
        return global.isAssigned
          ? makeLambda([], null, globalCore(global))
          : callPrimitive("vector", [globalCore(global)]);
      }
      case "macro":
        return makeConst(this.#macro(binding));
      case "local":
      case "pattern":
      case "type":
        return null;
    }
  }

  #macro(binding: Binding & { kind: "macro" }): number {
    const known = this.#macros.get(binding);
    if (known !== undefined) return known.number;
    const number = this.#macros.size;
    const { transformer } = binding;
    // Known before its names are looked at: it may name itself.
    this.#macros.set(binding, { number, form: makeConst(false) });
    const isRules = transformer instanceof RulesTransformer;
    const meanings = isRules ? [...meaningsIn(transformer.form)].flatMap(([word, own]) => this.#entry(word, own)) : [];
    const form = this.#call("add-macro!", [
      makeConst(number),
      makeConst(isRules ? syntaxToDatum(transformer.form) : intern("a procedure")),
      makeLambda([], null, listOf(meanings)),
    ]);
    this.#macros.set(binding, { number, form });
    return number;
  }
}

/** What the names in a macro's rules mean where it is defined; of two that are written alike, the first. */
function meaningsIn(form: Syntax): Map<string, Binding> {
  const found = new Map<string, Binding>();
  const open: unknown[] = [form];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (isIdentifier(value)) {
      const binding = resolveOrNull(value);
      if (binding !== null && !found.has(value.datum.name)) found.set(value.datum.name, binding);
      continue;
    }
    const datum = unwrap(value);
    if (datum instanceof Pair) open.push(datum.cdr, datum.car);
    else if (Array.isArray(datum)) open.push(...(datum as unknown[]));
  }
  return found;
}

function resolveOrNull(identifier: Identifier): Binding | null {
  try {
    return resolve(identifier, 0);
  } catch (error) {
    if (error instanceof SchemeError) return null;
    throw error;
  }
}

function globalCore(global: Global): Core {
  return { kind: "global", global, source: null };
}

/** A list of values, made in parts. */
function listOf(items: readonly Core[]): Core {
  const parts: Core[] = [];
  for (let at = 0; at < items.length; at += OPERANDS_MAX)
    parts.push(callPrimitive("list", items.slice(at, at + OPERANDS_MAX)));
  return parts.length === 0 ? makeConst(list([])) : callPrimitive("append", parts);
}

/** The name of a library as it is written, as a list. */
function nameOf(written: string): unknown {
  return list(
    written
      .slice(1, -1)
      .split(" ")
      .map((part) => (/^\d+$/u.test(part) ? Number(part) : intern(part))),
  );
}
