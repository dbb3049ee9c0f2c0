/**
 * What is known of procedures without running anything: how many arguments they take, and calls that give them another
 * count.
 */
import type { Core, Global, Unit, Variable } from "../core/core.ts";
import type { Source } from "../datum/source.ts";
import { SchemeSymbol } from "../datum/datum.ts";
import { writeText } from "../reader/writer.ts";
import type { Lisp } from "../session.ts";
import { walkCore } from "./walk-core.ts";

/** Counts of arguments that a procedure takes: one row for each clause. `most` may be Infinity. */
type Arity = readonly { readonly least: number; readonly most: number }[];

/** A procedure that a name stands for, as long as nothing assigns it. */
interface Known {
  readonly arity: Arity;
  /** Of a procedure that is written as a lambda: its parameters, a line for each clause. */
  readonly parameters: readonly string[] | null;
}

export class Procedures {
  readonly #lisp: Lisp;
  readonly #units: WeakMap<Unit, ReadonlyMap<Global, Known>>;

  constructor(lisp: Lisp) {
    this.#lisp = lisp;
    this.#units = new WeakMap();
  }

  /** Of a library's or the system's global; null: it is none that is known. */
  ofGlobal(global: Global): Known | null {
    if (global.primitive !== null) return this.#ofPrimitive(global.primitive);
    const unit = this.#lisp.libraries.get(global.library)?.unit ?? null;
    if (unit === null) return null;
    let known = this.#units.get(unit);
    if (known === undefined) this.#units.set(unit, (known = definitionsIn(unit.body).globals));
    return known.get(global) ?? null;
  }

  #ofPrimitive(name: string): Known | null {
    const arity = this.#lisp.linker.arityOf(name);
    return arity === null ? null : { arity: [arity], parameters: null };
  }

  /** Calls whose count of operands is none that the procedure takes, each with its place. */
  wrongCalls(core: readonly Core[]): { readonly source: Source; readonly message: string }[] {
    const { globals, variables } = definitionsIn(core);
    const found: { source: Source; message: string }[] = [];
    walkCore(core, (one) => {
      if (one.kind !== "call" || one.source === null) return;
      const { operator, operands, source } = one;
      const say = (message: string): void => void found.push({ source, message });
      if (operator.kind === "const" && operator.source !== null)
        return say(`${writeText(operator.datum)} is called, and is no procedure`);
      const name = nameOf(operator);
      // Of calls that forms of the system become, the program has written nothing.
      if (name === null || operator.source === null) return;
      const known =
        operator.kind === "global"
          ? (globals.get(operator.global) ?? this.ofGlobal(operator.global))
          : operator.kind === "local"
            ? (variables.get(operator.variable) ?? null)
            : operator.kind === "lambda"
              ? ofLambda(operator)
              : null;
      if (known === null) return;
      const count = operands.length;
      if (known.arity.some(({ least, most }) => least <= count && count <= most)) return;
      say(`${name} takes ${countText(known.arity)}, and is given ${count}`);
    });
    return found;
  }
}

function nameOf(core: Core): string | null {
  switch (core.kind) {
    case "global":
      return core.global.name;
    case "local":
      return core.variable.name;
    case "lambda":
      return core.name ?? "this procedure";
    default:
      return null;
  }
}

function countText(arity: Arity): string {
  const ranges = arity.map(({ least, most }) =>
    most === Infinity ? `${least} or more` : most > least ? `${least} to ${most}` : String(least),
  );
  const isOne = arity.length === 1 && arity[0]!.least === 1 && arity[0]!.most === 1;
  return `${ranges.join(" or ")} ${isOne ? "argument" : "arguments"}`;
}

/** What is bound to a procedure for good: by one definition, and by no `set!`. */
export function definitionsIn(core: readonly Core[]): {
  readonly globals: ReadonlyMap<Global, Known>;
  readonly variables: ReadonlyMap<Variable, Known>;
} {
  const globals = new Map<Global, Known | null>(),
    variables = new Map<Variable, Known>();
  walkCore(core, (one) => {
    if (one.kind === "define-global") globals.set(one.global, globals.has(one.global) ? null : procedureOf(one.value));
    else if (one.kind === "set-global") globals.set(one.global, null);
    else if (one.kind === "let" || one.kind === "letrec*")
      for (const [index, variable] of one.variables.entries()) {
        const known = variable.isAssigned ? null : procedureOf(one.values[index]!);
        if (known !== null) variables.set(variable, known);
      }
  });
  return {
    globals: new Map([...globals].flatMap(([global, known]) => (known === null ? [] : [[global, known]]))),
    variables,
  };
}

function procedureOf(core: Core): Known | null {
  if (core.kind === "lambda") return ofLambda(core);
  if (core.kind !== "call" || core.operator.kind !== "global") return null;
  const exactly = (count: number): Known => ({ arity: [{ least: count, most: count }], parameters: null });
  switch (core.operator.global.primitive) {
    case "record-constructor": {
      const fields = core.operands[1];
      return fields?.kind === "const" && Array.isArray(fields.datum) ? exactly(fields.datum.length) : null;
    }
    case "record-predicate":
    case "record-accessor":
      return exactly(1);
    case "record-modifier":
      return exactly(2);
    default:
      return null;
  }
}

function ofLambda({ clauses }: Core & { kind: "lambda" }): Known {
  return {
    arity: clauses.map(({ required, rest }) => ({
      least: required.length,
      most: rest === null ? required.length : Infinity,
    })),
    parameters: clauses.map(({ required, rest }) =>
      [...required.map(({ name }) => symbolText(name)), ...(rest === null ? [] : [".", symbolText(rest.name)])].join(
        " ",
      ),
    ),
  };
}

function symbolText(name: string): string {
  return writeText(new SchemeSymbol(name, true));
}
