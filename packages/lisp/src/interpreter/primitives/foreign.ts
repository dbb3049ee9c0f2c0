/** Foreign functions of C, which native programs alone have (scheme/stratos/foreign.sld). */
import { Condition, type ConditionKind, SchemeError } from "../../datum/condition.ts";
import { itemsOf } from "../../datum/datum.ts";
import { define, symbolOf, type Table } from "./operands.ts";

/** System calls of Linux, which native programs alone have, too: what processes and sockets are made of. */
export function defineSystemCalls(table: Table): void {
  const refuse = (): never => {
    throw new SchemeError(
      new Condition(
        "system",
        "processes and sockets need a native program: stratos lisp build --target rv64 (or another)",
      ),
    );
  };
  for (const [name, count] of [
    ["%system-call", 6],
    ["%machine", 0],
    ["%copy-to-memory", 3],
    ["%descriptor-port", 2],
    ["%recover-with!", 1],
    ["%procedure-code", 2],
    ["%captured-index", 2],
  ] as const)
    define(table, name, count, count, refuse);
}

export function defineForeign(table: Table): void {
  const refuse = (): never => {
    throw new SchemeError(
      new Condition(
        "foreign",
        "foreign functions of C need a native program: stratos lisp build --target rv64 or --target x86_64",
      ),
    );
  };
  define(table, "%foreign", 5, 5, refuse);
  define(table, "%foreign-entry!", 1, 1, refuse);
  define(table, "%foreign-fail", 3, 3, (kind: unknown, message: unknown, irritants: unknown) => {
    const { name } = symbolOf("%foreign-fail", kind);
    throw new SchemeError(new Condition(name as ConditionKind, message, itemsOf(irritants) ?? []));
  });
}
