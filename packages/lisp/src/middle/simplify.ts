/**
 * Source-level optimisation: constants and copies are propagated, functions that are called once or are small are put
 * in place of their call, tests of tests become jumps, what has no effect and no use goes. Each kind has a switch, so
 * that tests can show what it does.
 */
import { NIL, Pair, SchemeSymbol, UNSPECIFIED } from "../datum/datum.ts";
import type { Datum } from "../datum/datum.ts";
import type { Source } from "../datum/source.ts";
import { primitiveCall, sequence } from "./from-core.ts";
import { copyClause, copyNode, sizeOf } from "./copy.ts";
import { INLINE_SIZE_MAX, higherOrderForm } from "./inline-forms.ts";
import {
  Fun,
  Label,
  Var,
  children,
  constant,
  functionsOf,
  isOfRuntime,
  keepsDouble,
  mapChildren,
  noteCaller,
  place,
  ref,
} from "./ir.ts";
import type { FunClause, Node, TopLevel } from "./ir.ts";
import { prim } from "./primitives.ts";

export interface Passes {
  /** Operations on constants are done by the compiler. */
  readonly folding: boolean;
  /** Bindings and values without use or effect are dropped. */
  readonly deadCode: boolean;
  readonly inlining: boolean;
  /** Local functions that are only ever called in a tail become jumps; self calls in a tail become loops. */
  readonly loops: boolean;
  /** Free variables become parameters where all calls are known. */
  readonly lifting: boolean;
  /** Doubles are kept unboxed in local variables. */
  readonly unboxing: boolean;
  /** Type tests in operations that are known to hold are left out. */
  readonly types: boolean;
  /** Other type tests whose outcome is known are left out, and checks by calls whose arguments are proved. */
  readonly proofs: boolean;
  /** Loops that compute with doubles have a second form for values of unknown types that are doubles. */
  readonly versions: boolean;
  /** Machine code begins early what takes long. */
  readonly scheduling: boolean;
}

export const ALL_PASSES: Passes = {
  folding: true,
  deadCode: true,
  inlining: true,
  loops: true,
  lifting: true,
  unboxing: true,
  types: true,
  proofs: true,
  versions: true,
  scheduling: true,
};

/** Rounds of counting and rewriting; each uncovers what the one before made possible. */
const ROUNDS = 3;

export function simplify(root: Node, passes: Passes): Node {
  let node = root;
  for (let round = 0; round < ROUNDS; round++) {
    countUses(node);
    node = new Simplifier(passes).rewrite(node);
  }
  countUses(node);
  return node;
}

/**
 * Sets `references` and `calls` of all variables bound in the tree, and `fun` of those that are bound to a function.
 */
export function countUses(node: Node): void {
  const reset = (v: Var): void => {
    v.references = 0;
    v.calls = 0;
    v.fun = null;
  };
  const visit = (n: Node): void => {
    switch (n.k) {
      case "ref":
      case "set":
        n.v.references++;
        break;
      case "let":
        n.vars.forEach((v, index) => {
          reset(v);
          const value = n.values[index]!;
          if (value.k === "lambda" && !v.isAssigned) v.fun = value.fun;
        });
        break;
      case "fix":
        n.vars.forEach((v, index) => {
          reset(v);
          v.fun = n.funs[index]!;
        });
        break;
      case "label":
        n.label.parameters.forEach(reset);
        break;
      case "call":
        if (n.f.k === "ref") n.f.v.calls++;
        break;
    }
    for (const fun of functionsOf(n)) {
      for (const clause of fun.clauses) {
        clause.parameters.forEach(reset);
        visit(clause.body);
      }
    }
    for (const child of children(n)) visit(child);
  };
  visit(node);
}

/** Evaluating it has no effect and cannot fail. */
function isPure(node: Node): boolean {
  switch (node.k) {
    case "const":
    case "ref":
    case "lambda":
    case "captured":
      return true;
    case "gref":
      return node.g.fun !== null || node.g.constant !== null;
    case "if":
    case "seq":
    case "let":
    case "fix":
      return children(node).every(isPure);
    case "prim":
      return node.op.isPure && node.args.every(isPure);
    default:
      return false;
  }
}

class Simplifier {
  readonly #passes: Passes;
  /**
   * What a variable stands for: a constant, another variable, or a function that is put in place at its only call or
   * copied there.
   */
  readonly #known: Map<Var, Node>;
  readonly #copied: Set<Var>;
  #depth: number;
  /** What is at the top level runs once. */
  #isInFunction: boolean;

  constructor(passes: Passes) {
    this.#passes = passes;
    this.#known = new Map();
    this.#copied = new Set();
    this.#depth = 0;
    this.#isInFunction = false;
  }

  rewrite(node: Node): Node {
    switch (node.k) {
      case "ref": {
        const known = this.#known.get(node.v);
        return known === undefined || known.k === "lambda" ? node : known;
      }
      case "gref":
        return this.#passes.folding && node.g.constant !== null ? constant(node.g.constant.datum) : node;
      case "lambda":
        this.#function(node.fun);
        return node;
      case "let":
        return this.#let(node);
      case "fix":
        return this.#fix(node);
      case "seq":
        return this.#sequence(node.items.map((item) => this.rewrite(item)));
      case "if":
        return this.#if(this.rewrite(node.test), node.then, node.else);
      case "call":
        return this.#call(node);
      case "prim":
        return this.#prim(node.op.name, { ...node, args: node.args.map((arg) => this.rewrite(arg)) });
      case "label": {
        node.label.body = this.rewrite(node.label.body);
        return { k: "label", label: node.label, body: this.rewrite(node.body) };
      }
      default:
        return mapChildren(node, (child) => this.rewrite(child));
    }
  }

  #function(fun: Fun): void {
    const isInFunction = this.#isInFunction;
    this.#isInFunction = true;
    for (const clause of fun.clauses) clause.body = this.rewrite(clause.body);
    this.#isInFunction = isInFunction;
  }

  #sequence(items: Node[]): Node {
    const last = items.pop()!;
    return sequence([...(this.#passes.deadCode ? items.filter((item) => !isPure(item)) : items), last]);
  }

  #let(node: Node & { k: "let" }): Node {
    const vars: Var[] = [];
    const values: Node[] = [];
    const effects: Node[] = [];
    node.vars.forEach((v, index) => {
      const value = node.values[index]!;
      if (value.k === "lambda" && !v.isAssigned && this.#passes.inlining) {
        const { fun } = value;
        if (v.references === 1 && v.calls === 1) {
          this.#function(fun);
          this.#known.set(v, value);
          if (fun.clauses.length === 1) return;
        } else if (
          v.references > 0 &&
          v.references === v.calls &&
          fun.clauses.length === 1 &&
          sizeOf(fun.clauses[0]!.body, INLINE_SIZE_MAX + 1) <= INLINE_SIZE_MAX
        ) {
          this.#function(fun);
          this.#known.set(v, value);
          this.#copied.add(v);
          return;
        }
      }
      const rewritten = this.rewrite(value);
      if (!v.isAssigned) {
        if (v.references === 0 && this.#passes.deadCode) {
          if (!isPure(rewritten)) effects.push(rewritten);
          return;
        }
        // A copy of a variable that is assigned would see later values.
        if (
          this.#passes.folding &&
          ((rewritten.k === "const" && isImmediate(rewritten.datum)) ||
            (rewritten.k === "ref" && !rewritten.v.isAssigned) ||
            (rewritten.k === "gref" && rewritten.g.fun !== null))
        ) {
          this.#known.set(v, rewritten);
          return;
        }
      }
      // Values before this one are evaluated before its effects: keep the order.
      if (effects.length > 0) values.push(sequence([...effects.splice(0), rewritten]));
      else values.push(rewritten);
      vars.push(v);
    });
    const body = this.rewrite(node.body);
    const inner = effects.length > 0 ? sequence([...effects, body]) : body;
    if (vars.length === 0) return inner;
    // (let ((x e)) x)
    if (vars.length === 1 && inner.k === "ref" && inner.v === vars[0] && !vars[0].isAssigned) return values[0]!;
    return { k: "let", vars, values, body: inner };
  }

  #fix(node: Node & { k: "fix" }): Node {
    const isUsed = (v: Var): boolean => v.references > 0 || !this.#passes.deadCode;
    const kept = node.vars.map((v, index) => ({ v, fun: node.funs[index]! })).filter(({ v }) => isUsed(v));
    for (const { fun } of kept) this.#function(fun);
    const body = this.rewrite(node.body);
    if (kept.length === 0) return body;
    return { k: "fix", vars: kept.map(({ v }) => v), funs: kept.map(({ fun }) => fun), body };
  }

  #call(node: Node & { k: "call" }): Node {
    const { f } = node;
    // What binds around the operator may bind around the call. A named let is one: its loop is known there.
    if (f.k === "let" && f.vars.every((v) => !v.isAssigned))
      return this.rewrite({ k: "let", vars: f.vars, values: f.values, body: { ...node, f: f.body } });
    if (f.k === "fix") return this.rewrite({ ...f, body: { ...node, f: f.body } });
    const args = node.args.map((arg) => this.rewrite(arg));
    if (f.k === "ref") {
      const known = this.#known.get(f.v);
      if (known !== undefined && known.k === "lambda") {
        const own = this.#copied.has(f.v) ? (copyNode(known) as Node & { k: "lambda" }) : known;
        return this.#apply(own, args, node.source) ?? { ...node, f: own, args };
      }
    }
    if (f.k === "lambda") {
      this.#function(f.fun);
      return this.#apply(f, args, node.source) ?? { ...node, args };
    }
    if (f.k === "gref" && this.#passes.inlining && isRuntime(f.g, "call-with-values")) {
      const joined = joinValues(args);
      if (joined !== null) return joined;
    }
    if (f.k === "gref" && this.#passes.inlining && f.g.fun !== null && !keepsDouble(f.g) && this.#depth < 4) {
      const small = f.g.fun.clauses.length === 1 ? f.g.inline : null;
      const form = small ?? (this.#isInFunction ? higherOrderForm(f.g, args) : null);
      if (form !== null) {
        this.#depth++;
        const copy = copyClause(form);
        place(copy.body, node.source);
        const fun = new Fun(f.g.name, [copy], f.g.fun.source);
        fun.hasChecks = f.g.fun.hasChecks;
        const inlined = this.#apply({ k: "lambda", fun }, args, node.source);
        this.#depth--;
        if (inlined !== null) return inlined;
      }
    }
    const operator = this.rewrite(f);
    if (operator.k === "lambda") return this.#apply(operator, args, node.source) ?? { ...node, f: operator, args };
    return { ...node, f: operator, args };
  }

  /** The function's body with its parameters bound; null when the count of arguments does not fit. */
  #apply(lambda: Node & { k: "lambda" }, args: Node[], caller: Source | null): Node | null {
    if (!this.#passes.inlining) return null;
    const clause = lambda.fun.clauses.find(({ parameters, hasRest }) =>
      hasRest ? args.length >= parameters.length - 1 : args.length === parameters.length,
    );
    if (clause === undefined) return null;
    const { parameters, hasRest, body } = clause;
    if (lambda.fun.hasChecks) noteCaller(body, caller);
    if (hasRest) {
      const count = parameters.length - 1;
      const rest = args.slice(count).map(() => new Var("item"));
      const list = primitiveCall("list", rest.map(ref));
      if (list === null) return null;
      return {
        k: "let",
        vars: [...parameters.slice(0, count), ...rest],
        values: args,
        body: { k: "let", vars: [parameters[count]!], values: [list], body },
      };
    }
    if (parameters.length === 0) return body;
    return { k: "let", vars: parameters, values: args, body };
  }

  #if(test: Node, thenSource: Node, elseSource: Node): Node {
    if (this.#passes.folding) {
      if (test.k === "const") return this.rewrite(test.datum === false ? elseSource : thenSource);
      if (test.k === "lambda") return this.rewrite(thenSource);
      if (test.k === "prim" && test.op.name === "not") return this.#if(test.args[0]!, elseSource, thenSource);
    }
    return this.#ifWith(test, this.rewrite(thenSource), this.rewrite(elseSource));
  }

  /** An `if` whose parts are rewritten already. */
  #ifWith(test: Node, then: Node, otherwise: Node): Node {
    if (this.#passes.folding) {
      if (test.k === "const") return test.datum === false ? otherwise : then;
      if (test.k === "prim" && test.op.name === "not") return this.#ifWith(test.args[0]!, otherwise, then);
      if (test.k === "let")
        return { k: "let", vars: test.vars, values: test.values, body: this.#ifWith(test.body, then, otherwise) };
      if (test.k === "seq")
        return sequence([...test.items.slice(0, -1), this.#ifWith(test.items.at(-1)!, then, otherwise)]);
      if (test.k === "if") {
        const { test: first } = test;
        const isSame = (n: Node, outcome: boolean): Node =>
          first.k === "ref" && n.k === "ref" && n.v === first.v && !n.v.isAssigned ? constant(outcome) : n;
        const second = isSame(test.then, true);
        const third = isSame(test.else, false);
        if (second.k === "const" || third.k === "const") {
          return this.#shared(then, (one) =>
            this.#shared(otherwise, (other) =>
              this.#ifWith(first, this.#ifWith(second, one(), other()), this.#ifWith(third, one(), other())),
            ),
          );
        }
      }
    }
    return { k: "if", test, then, else: otherwise };
  }

  /** Lets `use` put a branch in several places: small ones are copied, others become a join point. */
  #shared(branch: Node, use: (one: () => Node) => Node): Node {
    if (
      branch.k === "const" ||
      branch.k === "ref" ||
      (branch.k === "jump" && branch.args.every((arg) => arg.k === "const" || arg.k === "ref"))
    )
      return use(() => branch);
    let count = 0;
    const label = new Label("join", [], branch);
    const result = use(() => {
      count++;
      return { k: "jump", label, args: [] };
    });
    return count === 0 ? result : { k: "label", label, body: result };
  }

  #prim(name: string, node: Node & { k: "prim" }): Node {
    if (!this.#passes.folding) return node;
    const data = node.args.map((arg) => (arg.k === "const" ? arg.datum : undefined));
    const [a, b] = data;
    if (node.args.length === 1 && a !== undefined) {
      if (name === "not") return constant(a === false);
      if (name === "null?") return constant(a === NIL);
      if (name === "pair?") return constant(a instanceof Pair);
      if (name === "-" && typeof a === "number") return constant(0 - a);
    }
    if (node.args.length === 2 && a !== undefined && b !== undefined) {
      if (name === "eq?" && isImmediate(a) && isImmediate(b)) return constant(a === b);
      if (typeof a === "number" && typeof b === "number") {
        const value = FOLDS[name]?.(a, b);
        if (typeof value === "boolean" || (value !== undefined && Number.isSafeInteger(value) && !Object.is(value, -0)))
          return constant(value);
      }
    }
    if (name === "eqv?" && node.args.some((arg) => arg.k === "const" && isImmediate(arg.datum)))
      return { k: "prim", op: prim("eq?", 2), args: node.args };
    return node;
  }
}

function isRuntime(g: TopLevel, name: string): boolean {
  return isOfRuntime(g) && g.name === name;
}

/**
 * `(call-with-values (lambda () … (values a b)) (lambda (x y) …))`: where each tail of the producer tells its values
 * they are bound, and no object holds them. @returns null where one does not, or their count is another
 */
function joinValues([producer, consumer]: readonly Node[]): Node | null {
  if (producer?.k !== "lambda" || consumer?.k !== "lambda") return null;
  const [made] = producer.fun.clauses as [FunClause];
  const [taken] = consumer.fun.clauses as [FunClause];
  if (producer.fun.clauses.length !== 1 || consumer.fun.clauses.length !== 1) return null;
  if (made.parameters.length > 0 || taken.hasRest || taken.parameters.some((v) => v.isAssigned)) return null;
  const count = taken.parameters.length;
  const tails: Node[] = [];
  if (!collectTails(made.body, tails) || !tails.every((tail) => valuesOf(tail)?.length === count)) return null;
  const only = tails.length === 1 && count > 0;
  const label = new Label("values", only ? [] : taken.parameters, taken.body);
  const body = replaceTails(made.body, (tail): Node => {
    const values = [...valuesOf(tail)!];
    return only ? { k: "let", vars: taken.parameters, values, body: taken.body } : { k: "jump", label, args: values };
  });
  return only ? body : { k: "label", label, body };
}

/** The values that a tail is known to give; null: a call may give any number. */
function valuesOf(tail: Node): readonly Node[] | null {
  if (tail.k === "call") return tail.f.k === "gref" && isRuntime(tail.f.g, "values") ? tail.args : null;
  return ["const", "ref", "gref", "prim", "lambda"].includes(tail.k) ? [tail] : null;
}

/** @returns false where there is a tail of a kind that is left alone */
function collectTails(node: Node, tails: Node[]): boolean {
  switch (node.k) {
    case "if":
      return collectTails(node.then, tails) && collectTails(node.else, tails);
    case "seq":
      return collectTails(node.items.at(-1)!, tails);
    case "let":
    case "fix":
      return collectTails(node.body, tails);
    case "label":
    case "jump":
      return false;
    default:
      tails.push(node);
      return true;
  }
}

function replaceTails(node: Node, replace: (tail: Node) => Node): Node {
  switch (node.k) {
    case "if":
      return { ...node, then: replaceTails(node.then, replace), else: replaceTails(node.else, replace) };
    case "seq":
      return sequence([...node.items.slice(0, -1), replaceTails(node.items.at(-1)!, replace)]);
    case "let":
    case "fix":
      return { ...node, body: replaceTails(node.body, replace) };
    default:
      return replace(node);
  }
}

const FOLDS: Record<string, (a: number, b: number) => number | boolean> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "%fx+": (a, b) => a + b,
  "%fx-": (a, b) => a - b,
  "%fx*": (a, b) => a * b,
  "%fxshl": (a, b) => a * 2 ** b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
};

/** A word that needs no memory: it may be copied to each use. Symbols are one object each. */
function isImmediate(datum: Datum): boolean {
  return (
    typeof datum === "boolean" ||
    typeof datum === "number" ||
    datum === NIL ||
    datum === UNSPECIFIED ||
    datum instanceof SchemeSymbol ||
    (typeof datum === "object" && "code" in datum) ||
    "name" in Object(datum)
  );
}
