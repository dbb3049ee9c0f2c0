/** The modules of an engine: the low one, whose routines all others call, and one for each unit, over one table. */
import { assert } from "@stratos/base";
import type { WasmEngine, WasmInstance, WasmMemory, WasmModule, WasmTable } from "@stratos/host";
import type { LoadedModule } from "../heap/running-heap.ts";
import { TableSlot } from "./runtime-module.ts";

/** Places of the table at first: the runtime's, and a program's. */
const TABLE_FIRST = 1024;

export class LoadedModules {
  readonly #wasm: WasmEngine;
  readonly #memory: WasmMemory;
  readonly #table: WasmTable;
  #low: { readonly module: WasmModule; readonly instance: WasmInstance } | null;
  readonly #units: Map<string, WasmInstance>;
  /** Those of the units, in the order of their loading. */
  readonly modules: LoadedModule[];
  /** The first place of the table that nothing has. */
  tableNext: number;

  constructor(wasm: WasmEngine, memory: WasmMemory) {
    this.#wasm = wasm;
    this.#memory = memory;
    this.#table = wasm.createTable(TABLE_FIRST);
    this.#low = null;
    this.#units = new Map();
    this.modules = [];
    this.tableNext = TableSlot.first;
  }

  loadLow(module: WasmModule, host: Record<string, unknown>): void {
    const vm = { memory: this.#memory, table: this.#table };
    this.#low = { module, instance: this.#wasm.instantiate(module, { vm, host }) };
  }

  get lowModule(): WasmModule {
    assert(this.#low !== null, "the low module comes first");
    return this.#low.module;
  }

  /** A routine of the low module, by its name. */
  low<T>(name: string): T {
    return this.#low!.instance.exports[name] as T;
  }

  load(module: LoadedModule): void {
    this.modules.push(module);
    while (this.#table.length < this.tableNext) this.#table.grow(this.#table.length);
    const imports: Record<string, Record<string, unknown>> = {
      vm: { memory: this.#memory, table: this.#table, unwind: this.low("unwind") },
      low: this.#low!.instance.exports,
    };
    for (const imported of module.imports) imports[imported] = this.#units.get(imported)!.exports;
    this.#units.set(module.name, this.#wasm.instantiate(module.module, imports));
  }
}
