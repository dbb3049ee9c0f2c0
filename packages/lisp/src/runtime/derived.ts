/** What of the runtime's Scheme follows from tables, behind `LIBRARY`. */
import { LIBRARY } from "./scheme.ts";

/**
 * Texts of what follows from tables: accessors of lists, procedures of operations in line, and the host's primitives.
 */
export function derivedText(options: {
  inline: readonly { name: string; counts: readonly number[] }[];
  hostNames: readonly string[];
  prelude: readonly { name: string; text: string }[];
  /** Definitions beside LIBRARY's. */
  own?: string;
}): string {
  const defined = new Set(
    [...`${options.own ?? ""}\n${LIBRARY}`.matchAll(/^\(define \(?([^\s()]+)/gmu)].map(([, name]) => name!),
  );
  const parts: string[] = [];
  const define = (name: string, text: string): void => {
    if (defined.has(name)) return;
    defined.add(name);
    parts.push(text);
  };
  for (const name of accessors()) {
    const steps = [...name.slice(1, -1)].reverse();
    const tests = steps.map((_, index) => `(pair? ${path(steps.slice(0, index))})`);
    define(name, `(define (${name} x) (if (and ${tests.join(" ")}) ${path(steps)} (%oracle ${name} x)))`);
  }
  for (const { name, counts } of options.inline) {
    const clauses = counts.map((count) => ["a", "b", "c"].slice(0, count).join(" "));
    if (!options.hostNames.includes(name) || !/[<>=]\?$/u.test(name))
      define(
        name,
        clauses.length === 1
          ? `(define (${name} ${clauses[0]}) (${name} ${clauses[0]}))`
          : `(define ${name} (case-lambda ${clauses.map((clause) => `((${clause}) (${name} ${clause}))`).join(" ")}))`,
      );
    else
      define(
        name,
        `(define ${name} (case-lambda ${clauses.map((clause) => `((${clause}) (${name} ${clause}))`).join(" ")} ` +
          `(operands (%oracle-list ${name} operands))))`,
      );
  }
  for (const { name, text } of options.prelude) define(name, text);
  for (const name of options.hostNames) define(name, `(define (${name} . operands) (%oracle-list ${name} operands))`);
  return parts.join("\n");
}

/** `caar` to `cddddr`. */
export function accessors(): string[] {
  let last = [""];
  const all: string[] = [];
  for (let length = 1; length <= 4; length++) {
    last = last.flatMap((letters) => [`a${letters}`, `d${letters}`]);
    if (length > 1) all.push(...last.map((letters) => `c${letters}r`));
  }
  return all;
}

/** (%car (%cdr x)) for steps in order of their doing. */
function path(steps: readonly string[]): string {
  return steps.reduce((inner, step) => `(%c${step}r ${inner})`, "x");
}
