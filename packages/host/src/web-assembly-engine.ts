import type { WasmEngine, WasmInstance, WasmMemory, WasmModule, WasmTable } from "./wasm-engine.ts";

/** What is used of the global `WebAssembly` that hosts of JavaScript have (WebAssembly JavaScript Interface §5). */
export interface WebAssemblyNamespace {
  readonly Memory: new (descriptor: { initial: number; maximum: number }) => WasmMemory;
  readonly Table: new (descriptor: { element: "anyfunc"; initial: number }) => WasmTable;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: Record<string, Record<string, unknown>>) => WasmInstance;
}

/** The engine of a host of JavaScript, whose compilers choose themselves what they compile well. */
export class WebAssemblyEngine implements WasmEngine {
  readonly #host: WebAssemblyNamespace;

  constructor(host: WebAssemblyNamespace) {
    this.#host = host;
  }

  createMemory(pages64KiB: number, maximumPages = pages64KiB): WasmMemory {
    return new this.#host.Memory({ initial: pages64KiB, maximum: maximumPages });
  }

  createTable(elements: number): WasmTable {
    return new this.#host.Table({ element: "anyfunc", initial: elements });
  }

  compile(bytes: Uint8Array): WasmModule {
    return new this.#host.Module(bytes);
  }

  compileHot(bytes: Uint8Array): WasmModule {
    return this.compile(bytes);
  }

  /** JavaScript has no way to keep machine code. */
  preserve(_bytes: Uint8Array): Uint8Array | null {
    return null;
  }

  restore(_code: Uint8Array, _bytes: Uint8Array): WasmModule | null {
    return null;
  }

  instantiate(module: WasmModule, imports: Record<string, Record<string, unknown>>): WasmInstance {
    return new this.#host.Instance(module, imports);
  }
}
