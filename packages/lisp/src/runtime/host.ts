/**
 * Operations that the host does for the runtime: operands lie at `sp`, the result goes to a cell; nothing is collected
 * meanwhile.
 */
import { Cell } from "../heap/layout.ts";
import type { Engine } from "../engine.ts";

export function hostOperation(engine: Engine, sp: number, operation: number): void {
  const { heap } = engine;
  const a = heap.integerOf(heap.word(sp));
  const b = heap.integerOf(heap.word(sp + 8));
  heap.setCell(Cell.temporary, heap.integer([a + b, a - b, a * b][operation]!));
}
