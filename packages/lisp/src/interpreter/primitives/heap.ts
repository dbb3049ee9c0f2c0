/** Forks of the heap, as scheme/stratos/heap-children.sld asks. The reference machine has no heap of its own. */
import { failure } from "../../datum/condition.ts";
import { define, symbolOf, type Table } from "./operands.ts";

/** Who does it: heap/forks.ts. */
interface ForkServer {
  call(name: string, operands: readonly unknown[]): unknown;
}

export function defineHeap(table: Table, forks: ForkServer | null): void {
  define(table, "%heap", 1, 3, (name: unknown, ...operands: unknown[]) => {
    const operation = symbolOf("%heap", name).name;
    if (forks !== null) return forks.call(operation, operands);
    if (operation === "forks") return false;
    if (operation === "served" || operation === "hold") return true;
    throw failure("fork-heap: the interpreter has no heap of its own; compiled programs have, here and native ones");
  });
}
