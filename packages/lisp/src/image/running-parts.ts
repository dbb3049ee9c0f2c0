/** A heap at rest for another thread: what is taken of an engine, and put into one that goes on with it. */
import type { LoadedModules } from "../back-wasm/loaded-modules.ts";
import { intern, SchemeSymbol } from "../datum/datum.ts";
import type { Heap } from "../heap/heap.ts";
import type { Identities } from "../heap/identity.ts";
import { cellAddress, Region, Register } from "../heap/layout.ts";
import type { RunningHeap } from "../heap/running-heap.ts";
import type { Fun } from "../middle/ir.ts";
import type { Objects } from "../runtime/objects.ts";
import { clauseShapes, compiledFun } from "./engine-image.ts";

/** An object of the host that stays behind: a port that is not a standard one, an environment. */
class LeftBehind {}

/** Of an engine. */
export interface RunningParts {
  readonly heap: Heap;
  readonly code: LoadedModules;
  readonly objects: Objects;
  /** The standard ones. */
  readonly ports: readonly unknown[];
  /** By their places in the table, those that no image has. */
  readonly functions: Map<number, Fun>;
  readonly identities: Identities;
}

/** The nursery must be empty, and nothing half marked or swept. */
export function takeRunningHeap(parts: RunningParts, entry: number): RunningHeap {
  const { heap, code, objects, ports, functions, identities } = parts;
  return {
    low: code.lowModule,
    modules: code.modules,
    tableNext: code.tableNext,
    memoryBytes: heap.memoryBytes,
    nurseryBytes: heap.get(Register.nurserySize),
    pages: heap.pages,
    memory: heap.copyParts([
      [Region.registers, Region.arguments],
      [Region.cells, cellAddress(heap.get(Register.cellCount))],
      [Region.statics, heap.get(Register.staticNext)],
      [heap.get(Register.oldStart), heap.get(Register.oldNext)],
    ]),
    symbols: [...heap.symbols],
    uninterned: [...heap.uninterned].map(([{ name }, address]) => [name, address]),
    ports: objects.handles.map(({ object, address }) => ({ port: ports.indexOf(object), address })),
    functions: [...functions].map(([slot, fun]) => [slot, fun.name, clauseShapes(fun)]),
    identityCount: identities.count,
    entry,
  };
}

/** @param parts  of an engine whose low module alone is loaded */
export function goOnFrom(
  running: RunningHeap,
  { heap, code, objects, ports, functions, identities }: RunningParts,
): void {
  code.tableNext = running.tableNext;
  for (const module of running.modules) code.load(module);
  for (const { start, bytes } of running.memory) heap.copyIn(start, bytes);
  for (const [name, address] of running.symbols) heap.knowSymbol(intern(name), address);
  for (const [name, address] of running.uninterned) heap.knowSymbol(new SchemeSymbol(name), address);
  for (const { port, address } of running.ports)
    objects.knowHandle((ports[port] ?? new LeftBehind()) as object, address);
  for (const [slot, name, clauses] of running.functions) functions.set(slot, compiledFun(name, clauses));
  identities.goOnFrom(running.identityCount);
}
