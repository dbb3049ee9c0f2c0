/**
 * What calls of a top-level function may be replaced by: a copy of its body, where that is small; and where it is
 * larger but calls procedures that it is given, if the caller gives some that are known.
 *
 *     (define (count-if f l) (let loop ((l l) (n 0)) (if (pair? l) (loop (cdr l) (if (f (car l)) (+ n 1) n)) n)))
 *     (count-if (lambda (x) (< x y)) l)          no closure is made, and nothing is called
 */
import { copyClause, sizeOf } from "./copy.ts";
import { children, functionsOf } from "./ir.ts";
import type { Fun, FunClause, HigherOrder, Node, TopLevel, Var } from "./ir.ts";

/** Nodes of a body up to which each call of a function gets a copy of it. */
export const INLINE_SIZE_MAX = 20;
/** The same of functions that call what they are given. */
const HIGHER_ORDER_SIZE_MAX = 60;
/** Nodes of a procedure up to which it is known by that. */
const KNOWN_SIZE_MAX = 30;
/** Before the name of a procedure of the system: a form of it for calls with procedures that are known. */
export const LOOP_OF = "%loop:";

/** A copy for other callers when the function is small and calls no procedure of its own name. */
export function inlineForm(fun: Fun): FunClause | null {
  const clause = fun.clauses[0]!;
  if (
    fun.clauses.length !== 1 ||
    sizeOf(clause.body, INLINE_SIZE_MAX + 1) > INLINE_SIZE_MAX ||
    hasFunctions(clause.body)
  )
    return null;
  return copyClause(clause);
}

function hasFunctions(node: Node): boolean {
  return functionsOf(node).length > 0 || node.k === "gset" || children(node).some(hasFunctions);
}

/** The clauses that call some of their parameters in a loop. `own`: its variable; who calls itself is left alone. */
export function higherOrderForms(fun: Fun, own: TopLevel): HigherOrder[] {
  return fun.clauses.flatMap((clause) => {
    if (clause.hasRest || sizeOf(clause.body, HIGHER_ORDER_SIZE_MAX + 1) > HIGHER_ORDER_SIZE_MAX) return [];
    const called = new Set<Var>();
    let canBeCopied = true;
    const visit = (node: Node, isInLoop: boolean): void => {
      if (node.k === "call" && node.f.k === "ref" && isInLoop) called.add(node.f.v);
      if (node.k === "gset" || node.k === "label" || (node.k === "gref" && node.g === own)) canBeCopied = false;
      for (const { clauses } of functionsOf(node))
        for (const { body } of clauses) visit(body, isInLoop || node.k === "fix");
      for (const child of children(node)) visit(child, isInLoop);
    };
    visit(clause.body, false);
    const places = [...clause.parameters.keys()].filter((index) => called.has(clause.parameters[index]!));
    if (places.length === 0 || !canBeCopied || clause.parameters.some((v) => v.isAssigned)) return [];
    return [{ clause: copyClause(clause), called: places }];
  });
}

/** The form for a call that gives known procedures wherever it calls what it is given. */
export function higherOrderForm({ higherOrder }: TopLevel, args: readonly Node[]): FunClause | null {
  const form = higherOrder.find(
    ({ clause, called }) =>
      clause.parameters.length === args.length && called.every((index) => isKnownProcedure(args[index]!)),
  );
  return form?.clause ?? null;
}

function isKnownProcedure(node: Node): boolean {
  if (node.k === "lambda") return isSmall(node.fun);
  if (node.k === "ref") return node.v.fun !== null && !node.v.isAssigned && isSmall(node.v.fun);
  return node.k === "gref" && node.g.fun !== null;
}

/** Of a large one the call costs little, and code behind calls in a loop is there twice. */
function isSmall({ clauses }: Fun): boolean {
  return clauses.every(({ body }) => sizeOf(body, KNOWN_SIZE_MAX + 1) <= KNOWN_SIZE_MAX);
}
