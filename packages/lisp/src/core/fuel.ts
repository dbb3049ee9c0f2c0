/**
 * Preemption of green threads, put into core forms: each procedure that may call another one takes a unit of fuel when
 * it is entered, and lets other threads run when none is left. The forms are the same on every engine and before every
 * pass, so that threads take turns at the same places on all of them. Programs without threads do not come here.
 */
import type { Clause, Core, Unit } from "./core.ts";
import { callPrimitive, makeBegin, makeIf, primitiveGlobal, unspecifiedCore } from "./build.ts";

/** Who imports this library has threads. */
export const THREAD_LIBRARY = "(stratos threads)";

/** What they do is done at once: no other thread sees it half done. */
const ATOMIC: ReadonlySet<string> = new Set([
  THREAD_LIBRARY,
  "(stratos channels)",
  "(stratos javascript)",
  "(stratos foreign-types)",
  "(stratos foreign-memory)",
  "(stratos foreign-calls)",
  "(stratos thread-hold)",
  "(stratos chance)",
  "(stratos heap-children)",
  "(stratos evaluation-machine)",
  "(stratos evaluation-assembler)",
  "(stratos evaluation-x86-64)",
  "(stratos evaluation-rv64)",
  "(stratos evaluation-ppc64le)",
  "(srfi 18)",
]);

/** Primitives that call no procedure: one whose body calls nothing else needs no fuel. */
const FIRST_ORDER: ReadonlySet<string> = new Set(
  (
    "* + - / < <= = > >= abs append boolean? bytevector-length bytevector-u8-ref bytevector-u8-set! bytevector? caar " +
    "cadr car cdar cddr cdr ceiling char->integer char<? char=? char? cons eof-object? eq? equal? eqv? even? exact " +
    "exact->inexact floor floor-quotient floor-remainder inexact integer->char integer? length list list-ref " +
    "list-tail max memq memv assq assv min modulo negative? not null? number? odd? pair? positive? procedure? " +
    "quotient remainder reverse round set-car! set-cdr! square sqrt string-length string-ref string-set! string=? " +
    "string? substring symbol? truncate vector vector-length vector-ref vector-set! vector? void zero?"
  ).split(" "),
);

/** What waits for input, by the form that lets other threads run meanwhile. */
const WAITING: ReadonlyMap<string, string> = new Map(
  ["read-char", "peek-char", "read-line", "read-string", "read", "read-u8", "peek-u8", "read-bytevector"].map(
    (name) => [name, `%waiting-${name}`],
  ),
);

export function withFuelInUnit(unit: Unit): Unit {
  return ATOMIC.has(unit.library) ? unit : { ...unit, body: unit.body.map(withFuel) };
}

export function withFuel(core: Core): Core {
  switch (core.kind) {
    case "const":
    case "local":
      return core;
    case "global": {
      const waiting = core.global.primitive === null ? undefined : WAITING.get(core.global.primitive);
      return waiting === undefined ? core : { ...core, global: primitiveGlobal(waiting) };
    }
    case "set-local":
    case "set-global":
    case "define-global":
      return { ...core, value: withFuel(core.value) };
    case "if":
      return { ...core, test: withFuel(core.test), then: withFuel(core.then), else: withFuel(core.else) };
    case "begin":
      return { ...core, body: core.body.map(withFuel) };
    case "lambda":
      return { ...core, clauses: core.clauses.map(withFuelInClause) };
    case "let":
    case "letrec*":
      return { ...core, values: core.values.map(withFuel), body: withFuel(core.body) };
    case "call":
      return { ...core, operator: withFuel(core.operator), operands: core.operands.map(withFuel) };
  }
}

function withFuelInClause(clause: Clause): Clause {
  const body = withFuel(clause.body);
  if (!callsProcedures(clause.body)) return { ...clause, body };
  const look = makeIf(callPrimitive("%fuel-out?", []), callPrimitive("%preempt", []), unspecifiedCore);
  return { ...clause, body: makeBegin([look, body]) };
}

/** Whether it may call a procedure of the program, be it by a primitive; bodies of procedures in it do not count. */
function callsProcedures(core: Core): boolean {
  switch (core.kind) {
    case "const":
    case "local":
    case "global":
    case "lambda":
      return false;
    case "set-local":
    case "set-global":
    case "define-global":
      return callsProcedures(core.value);
    case "if":
      return callsProcedures(core.test) || callsProcedures(core.then) || callsProcedures(core.else);
    case "begin":
      return core.body.some(callsProcedures);
    case "let":
    case "letrec*":
      return core.values.some(callsProcedures) || callsProcedures(core.body);
    case "call": {
      const { operator, operands } = core;
      if (operator.kind !== "global" || operator.global.primitive === null) return true;
      return !FIRST_ORDER.has(operator.global.primitive) || operands.some(callsProcedures);
    }
  }
}
