import type { Core, Variable } from "../core/core.ts";

/** Visits core forms, and the variables that they bind, without recursion; the outer before the inner. */
export function walkCore(
  roots: readonly Core[],
  visit: ((core: Core) => void) | null,
  bound: ((variable: Variable) => void) | null = null,
): void {
  const waiting: Core[] = [...roots].reverse();
  for (let core = waiting.pop(); core !== undefined; core = waiting.pop()) {
    visit?.(core);
    switch (core.kind) {
      case "set-local":
      case "set-global":
      case "define-global":
        waiting.push(core.value);
        break;
      case "if":
        waiting.push(core.else, core.then, core.test);
        break;
      case "begin":
        for (const one of core.body) waiting.push(one);
        break;
      case "lambda":
        for (const { required, rest, body } of core.clauses) {
          if (bound !== null) for (const one of rest === null ? required : [...required, rest]) bound(one);
          waiting.push(body);
        }
        break;
      case "let":
      case "letrec*":
        if (bound !== null) core.variables.forEach(bound);
        waiting.push(core.body);
        for (const one of core.values) waiting.push(one);
        break;
      case "call":
        for (const one of core.operands) waiting.push(one);
        waiting.push(core.operator);
        break;
      default:
    }
  }
}
