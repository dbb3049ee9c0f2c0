/** The WebAssembly of whatever runs the tests. */
import type { WasmEngine, WasmInstance, WasmMemory, WasmModule, WasmTable } from "@stratos/host";

declare const WebAssembly: {
  readonly Memory: new (descriptor: object) => WasmMemory;
  readonly Table: new (descriptor: object) => WasmTable;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: object) => WasmInstance;
};

export const testWasmEngine: WasmEngine = {
  createMemory: (pages, maximumPages = pages) => new WebAssembly.Memory({ initial: pages, maximum: maximumPages }),
  createTable: (elements) => new WebAssembly.Table({ element: "anyfunc", initial: elements }),
  compile: (bytes) => new WebAssembly.Module(bytes),
  compileHot: (bytes) => new WebAssembly.Module(bytes),
  preserve: () => null,
  restore: () => null,
  instantiate: (module, imports) => new WebAssembly.Instance(module, imports),
};
