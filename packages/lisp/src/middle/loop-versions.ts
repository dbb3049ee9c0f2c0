/**
 * A loop that computes with doubles, into which values come whose types nobody knows, gets a second form for the case
 * that they are doubles: who enters tests them once, and in that form they stay in registers.
 *
 *     (let loop ((x a) (n 0)) … (loop (+ (* x x) c) (+ n 1)))
 *     if (and (flonum? a) (flonum? c)) enter the form where x and c are doubles; else the loop as it was
 *
 * What the loop reads and computes with is tested where it is read (loop-reads.ts). Only loops are taken that have
 * something in them which is a double anyhow or likely one, without calls and loops inside, of VERSION_SIZE_MAX nodes
 * at most. The code is normalised and its types inferred; they must be inferred anew.
 */
import type { Code } from "./closures.ts";
import { Label, Var, children, constant, mapChildren, ref, type Node } from "./ir.ts";
import { ARITHMETIC, TurnCopy, resumesOf, turnOf, type Turn } from "./loop-reads.ts";
import { prim } from "./primitives.ts";
import { asDouble, joinTypes, typeOf } from "./type-inference.ts";

const VERSION_SIZE_MAX = 300;
const COMPARISONS: ReadonlySet<string> = new Set(["<", "<=", ">", ">=", "="]);
const INDEXED: ReadonlySet<string> = new Set(["vector-ref", "vector-set!", "string-ref", "bytevector-u8-ref"]);
const WHOLE: ReadonlySet<string> = new Set(["quotient", "remainder", "modulo"]);

export function versionLoops(code: Code): void {
  const likely = likelyDoubles(code.body);
  const rewritten = (node: Node): Node => {
    const result = mapChildren(node, rewritten);
    return result.k === "label" && result.label.isLoop ? versioned(result, likely) : result;
  };
  code.body = rewritten(code.body);
}

/** Whether a value is probably a double: it is one, or made of one, or of such a variable; by a fixed point. */
type Likely = (node: Node) => boolean;

function likelyDoubles(body: Node): Likely {
  const variables = new Set<Var>();
  const isLikely = (node: Node): boolean => {
    const type = typeOf(node);
    if (type !== "any") return type === "flonum";
    if (node.k === "ref") return variables.has(node.v);
    if (node.k === "prim" && node.op.name === "sqrt") return true;
    if (node.k === "prim") return ARITHMETIC.has(node.op.name) && !node.op.isTest && node.args.some(isLikely);
    if (node.k === "if") return isLikely(node.then) || isLikely(node.else);
    if (node.k === "let") return isLikely(node.body);
    return node.k === "seq" && isLikely(node.items.at(-1)!);
  };
  for (let size = -1; size !== variables.size;) {
    size = variables.size;
    walk(body, (node) => {
      if (node.k === "let" && isLikely(node.values[0]!)) variables.add(node.vars[0]!);
      if (node.k !== "jump") return;
      node.label.parameters.forEach((v, index) => {
        if (v.type === "any" && isLikely(node.args[index]!)) variables.add(v);
      });
    });
  }
  return isLikely;
}

function versioned(node: Node & { k: "label" }, isLikely: Likely): Node {
  const { label } = node;
  if (!isPlain(label.body) || sizeOf(label.body) > VERSION_SIZE_MAX) return node;
  let hasDoubles = false;
  const wanted = new Set<Var>();
  walk(label.body, (one) => {
    if (one.k !== "prim" || !ARITHMETIC.has(one.op.name)) return;
    if (typeOf(one) === "flonum" || one.args.some(isLikely)) hasDoubles = true;
    for (const arg of one.args) if (arg.k === "ref" && arg.v.type === "any" && !arg.v.isAssigned) wanted.add(arg.v);
  });
  if (!hasDoubles) return node;
  walk(label.body, (one) => {
    if (one.k === "let") for (const v of one.vars) wanted.delete(v);
    if (one.k === "label") for (const v of one.label.parameters) wanted.delete(v);
  });
  for (const v of indices(label.body)) wanted.delete(v);
  // What is no double where the loop is entered is none.
  walk(node.body, (one) => {
    if (one.k !== "jump" || one.label !== label) return;
    one.args.forEach((arg, index) => {
      const type = typeOf(arg);
      if (type !== "any" && type !== "flonum") wanted.delete(label.parameters[index]!);
    });
  });
  const turn = turnOf(label, inferWithin);
  const second = secondForm(label, turn, wanted);
  if (second === null) return node;
  const { form, own, outer, resumes } = second;
  const enter = (one: Node): Node => {
    if (one.k !== "jump" || one.label !== label) return mapChildren(one, enter);
    const names = one.args.map((arg) => (arg.k === "ref" || arg.k === "const" ? null : new Var("entry")));
    names.forEach((v, index) => v !== null && (v.type = typeOf(one.args[index]!)));
    const values = one.args.map((arg, index) => (names[index] === null ? arg : ref(names[index]!)));
    const tested = [...own.map((index) => values[index]!), ...outer.map(ref)];
    const typed = values.map((value, index) => (own.includes(index) ? asDouble(value) : value));
    const chosen = tested.reduceRight<Node>(
      (then, value) =>
        typeOf(value) === "flonum"
          ? then
          : {
              k: "if",
              test: { k: "prim", op: prim("%flonum?", 1), args: [value] },
              then,
              else: { k: "jump", label, args: values },
            },
      { k: "jump", label: form, args: [...typed, ...outer.map((v) => asDouble(ref(v)))] },
    );
    return names.reduceRight<Node>(
      (body, v, index) => (v === null ? body : { k: "let", vars: [v], values: [one.args[index]!], body }),
      chosen,
    );
  };
  // Who leaves early goes on at a later one.
  const entered: Node = { k: "label", label: form, body: enter(node.body) };
  return { k: "label", label, body: resumes.reduce<Node>((body, one) => ({ k: "label", label: one, body }), entered) };
}

/** Variables that are whole numbers for what is done with them: indices, and what those are compared with. */
function indices(body: Node): Set<Var> {
  const found = new Set<Var>();
  const add = (node: Node): void => {
    if (node.k === "ref") found.add(node.v);
    if (node.k === "let") add(node.body);
    if (node.k === "prim" && ARITHMETIC.has(node.op.name)) node.args.forEach(add);
  };
  const isIndex = (node: Node): boolean =>
    node.k === "ref" ? found.has(node.v) : node.k === "prim" && ARITHMETIC.has(node.op.name) && node.args.some(isIndex);
  for (let size = -1; size !== found.size;) {
    size = found.size;
    walk(body, (one) => {
      if (one.k === "let" && found.has(one.vars[0]!)) add(one.values[0]!);
      if (one.k !== "prim") return;
      if (INDEXED.has(one.op.name)) add(one.args[1]!);
      if (WHOLE.has(one.op.name)) one.args.forEach(add);
      if (COMPARISONS.has(one.op.name) && one.args.some(isIndex)) one.args.forEach(add);
    });
  }
  return found;
}

interface SecondForm {
  readonly form: Label;
  /** Places of the loop's parameters that are doubles in it. */
  readonly own: readonly number[];
  /** Variables from around the loop, further parameters of the form. */
  readonly outer: readonly Var[];
  /** Where it leaves for when a value that it reads is no double, in the order of the turn. */
  readonly resumes: readonly Label[];
}

/**
 * The loop once more, in which what is wanted is given as doubles, as far as its jumps keep it so. Null: nothing is
 * left.
 */
function secondForm(label: Label, turn: Turn, wanted: Set<Var>): SecondForm | null {
  const inLoop = new Set(label.parameters);
  const resumes = resumesOf(turn, label);
  while (wanted.size > 0 || turn.reads.size > 0) {
    const outer = [...wanted].filter((v) => !inLoop.has(v));
    const variables = new Map<Var, Var>();
    const renamed = (v: Var): Var => {
      const copy = new Var(v.name);
      copy.type = wanted.has(v) ? "flonum" : v.type;
      return copy;
    };
    const parameters = [...label.parameters, ...outer].map(renamed);
    turn.label.parameters.forEach((v, index) => variables.set(v, parameters[index]!));
    outer.forEach((v, index) => variables.set(v, parameters[label.parameters.length + index]!));
    const form = new Label(label.name, parameters, constant(false));
    form.isLoop = true;
    const isOwn = (index: number): boolean => parameters[index]!.type === "flonum";
    form.body = new TurnCopy(turn, resumes, variables, new Map([[turn.label, form]]), isOwn).copy(turn.label.body);
    const kept = parameters.slice(label.parameters.length).map(ref);
    walk(form.body, (one) => {
      if (one.k === "jump" && one.label === form) one.args.push(...kept);
    });
    inferWithin(form.body);
    const lost = label.parameters.filter((v, index) => wanted.has(v) && parameters[index]!.type !== "flonum");
    if (lost.length === 0)
      return {
        form,
        own: [...label.parameters.keys()].filter((i) => wanted.has(label.parameters[i]!)),
        outer,
        resumes: [...resumes.labels.values()].map((one) => one.label),
      };
    for (const v of lost) wanted.delete(v);
  }
  return null;
}

/** Types of the variables of a body, those of the loop itself being set. */
function inferWithin(body: Node): void {
  walk(body, (one) => {
    if (one.k === "let") for (const v of one.vars) v.type = "none";
    if (one.k === "label") for (const v of one.label.parameters) v.type = "none";
  });
  for (let changed = true; changed;) {
    changed = false;
    const widen = (v: Var, value: Node): void => {
      const type = joinTypes(v.type, typeOf(value));
      if (type === v.type) return;
      v.type = type;
      changed = true;
    };
    walk(body, (one) => {
      if (one.k === "let") one.vars.forEach((v, index) => widen(v, one.values[index]!));
      else if (one.k === "jump") one.label.parameters.forEach((v, index) => widen(v, one.args[index]!));
    });
  }
}

/** Inner nodes first. */
function walk(node: Node, visit: (node: Node) => void): void {
  for (const child of children(node)) walk(child, visit);
  visit(node);
}

function isPlain(node: Node): boolean {
  switch (node.k) {
    case "call":
    case "direct":
    case "closure":
    case "lambda":
    case "fix":
    case "set":
      return false;
    case "label":
      return !node.label.isLoop && children(node).every(isPlain);
    default:
      return children(node).every(isPlain);
  }
}

function sizeOf(node: Node): number {
  return children(node).reduce((sum, child) => sum + sizeOf(child), 1);
}
