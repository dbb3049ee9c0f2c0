/**
 * A loop that computes with doubles, into which values come whose types nobody knows, gets a second form for the case
 * that they are doubles: who enters tests them once, and in that form they stay in registers.
 *
 *     (let loop ((x a) (n 0)) … (loop (+ (* x x) c) (+ n 1)))
 *     if (and (flonum? a) (flonum? c)) enter the form where x and c are doubles; else the loop as it was
 *
 * Only loops that have a double in them anyhow (a constant, a result) are taken, without calls and loops inside, of
 * VERSION_SIZE_MAX nodes at most. The code is normalised and its types inferred; they must be inferred anew.
 */
import { intern } from "../datum/datum.ts";
import type { Code } from "./closures.ts";
import { Label, Var, children, constant, mapChildren, ref, type Node } from "./ir.ts";
import { prim } from "./primitives.ts";
import { copyNode } from "./simplify.ts";
import { joinTypes, typeOf } from "./type-inference.ts";

const VERSION_SIZE_MAX = 150;
const ARITHMETIC: ReadonlySet<string> = new Set(["+", "-", "*", "/", "<", "<=", ">", ">=", "="]);

export function versionLoops(code: Code): void {
  code.body = rewritten(code.body);
}

function rewritten(node: Node): Node {
  const result = mapChildren(node, rewritten);
  return result.k === "label" && result.label.isLoop ? versioned(result) : result;
}

function versioned(node: Node & { k: "label" }): Node {
  const { label } = node;
  if (!isPlain(label.body) || sizeOf(label.body) > VERSION_SIZE_MAX) return node;
  let hasDoubles = false;
  const wanted = new Set<Var>();
  walk(label.body, (one) => {
    if (one.k !== "prim" || !ARITHMETIC.has(one.op.name)) return;
    if (typeOf(one) === "flonum") hasDoubles = true;
    for (const arg of one.args)
      if (typeOf(arg) === "flonum") hasDoubles = true;
      else if (arg.k === "ref" && arg.v.type === "any" && !arg.v.isAssigned) wanted.add(arg.v);
  });
  if (!hasDoubles) return node;
  const bound = new Set<Var>();
  walk(label.body, (one) => {
    if (one.k === "let") for (const v of one.vars) bound.add(v);
    if (one.k === "label") for (const v of one.label.parameters) bound.add(v);
  });
  for (const v of bound) wanted.delete(v);
  // What is no double where the loop is entered is none.
  walk(node.body, (one) => {
    if (one.k !== "jump" || one.label !== label) return;
    one.args.forEach((arg, index) => {
      const type = typeOf(arg);
      if (type !== "any" && type !== "flonum") wanted.delete(label.parameters[index]!);
    });
  });
  const second = secondForm(label, wanted);
  if (second === null) return node;
  const { form, own, outer } = second;
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
  return { k: "label", label, body: { k: "label", label: form, body: enter(node.body) } };
}

function asDouble(value: Node): Node {
  return typeOf(value) === "flonum"
    ? value
    : { k: "prim", op: prim("%the", 2), args: [value, constant(intern("flonum"))] };
}

/**
 * The loop once more, in which what is wanted is given as doubles, as far as its jumps keep it so. `own`: places of its
 * parameters that are; `outer`: variables from around it, further parameters of the form. Null: nothing is left.
 */
function secondForm(label: Label, wanted: Set<Var>): { form: Label; own: number[]; outer: Var[] } | null {
  const inLoop = new Set(label.parameters);
  while (wanted.size > 0) {
    const outer = [...wanted].filter((v) => !inLoop.has(v));
    const variables = new Map<Var, Var>();
    const renamed = (v: Var): Var => {
      const copy = new Var(v.name);
      copy.type = wanted.has(v) ? "flonum" : v.type;
      variables.set(v, copy);
      return copy;
    };
    const parameters = [...label.parameters, ...outer].map(renamed);
    const form = new Label(label.name, parameters, constant(false));
    form.isLoop = true;
    form.body = copyNode(label.body, variables, new Map([[label, form]]));
    const kept = parameters.slice(label.parameters.length).map(ref);
    walk(form.body, (one) => {
      if (one.k === "jump" && one.label === form) one.args.push(...kept);
    });
    inferWithin(form.body);
    const lost = label.parameters.filter((v) => wanted.has(v) && variables.get(v)!.type !== "flonum");
    if (lost.length === 0)
      return { form, own: [...label.parameters.keys()].filter((i) => wanted.has(label.parameters[i]!)), outer };
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
