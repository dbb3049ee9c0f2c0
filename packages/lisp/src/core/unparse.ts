/** Core forms as data that a person can read: what `(expand …)` shows. */
import { intern, list, NIL, Pair, SchemeSymbol, UNSPECIFIED } from "../datum/datum.ts";
import { isNumber } from "../number/arithmetic.ts";
import type { Clause, Core, Variable } from "./core.ts";

export function coreToDatum(core: Core): unknown {
  const names = new Map<Variable, SchemeSymbol>();
  const taken = new Set<string>();
  /** Variables of one name are told apart by a number. */
  const nameOf = (variable: Variable): SchemeSymbol => {
    let found = names.get(variable);
    if (found === undefined) {
      let name = variable.name;
      for (let count = 1; taken.has(name); count++) name = `${variable.name}.${count}`;
      taken.add(name);
      names.set(variable, (found = intern(name)));
    }
    return found;
  };
  const clause = ({ required, rest, body }: Clause): unknown[] => [
    list(required.map(nameOf), rest === null ? NIL : nameOf(rest)),
    show(body),
  ];
  const word = (name: string, ...items: unknown[]): unknown => list([intern(name), ...items]);
  const show = (form: Core): unknown => {
    switch (form.kind) {
      case "const": {
        const { datum } = form;
        if (datum === UNSPECIFIED) return word("void");
        return datum === NIL ||
          datum instanceof Pair ||
          datum instanceof SchemeSymbol ||
          Array.isArray(datum) ||
          !(isNumber(datum) || typeof datum === "boolean" || typeof datum === "object")
          ? word("quote", datum)
          : datum;
      }
      case "local":
        return nameOf(form.variable);
      case "set-local":
        return word("set!", nameOf(form.variable), show(form.value));
      case "global":
        return intern(form.global.name);
      case "set-global":
        return word("set!", intern(form.global.name), show(form.value));
      case "define-global":
        return word("define", intern(form.global.name), show(form.value));
      case "if":
        return word("if", show(form.test), show(form.then), show(form.else));
      case "begin":
        return word("begin", ...form.body.map(show));
      case "lambda":
        return form.clauses.length === 1
          ? word("lambda", ...clause(form.clauses[0]!))
          : word("case-lambda", ...form.clauses.map((one) => list(clause(one))));
      case "let":
      case "letrec*":
        return word(
          form.kind,
          list(form.variables.map((variable, index) => list([nameOf(variable), show(form.values[index]!)]))),
          show(form.body),
        );
      case "call":
        return list([show(form.operator), ...form.operands.map(show)]);
    }
  };
  return show(core);
}
