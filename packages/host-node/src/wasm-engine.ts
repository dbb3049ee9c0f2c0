import { setFlagsFromString } from "node:v8";
import type { WasmEngine, WasmInstance, WasmMemory, WasmModule, WasmTable } from "@stratos/host";

/** What we use of the global, which TypeScript declares only with the DOM's types. */
declare const WebAssembly: {
  readonly Memory: new (descriptor: { initial: number; maximum: number }) => WasmMemory;
  readonly Table: new (descriptor: { element: "anyfunc"; initial: number }) => WasmTable;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: Record<string, Record<string, unknown>>) => WasmInstance;
};

/** The WebAssembly engine of this Node (V8). */
export class NodeWasmEngine implements WasmEngine {
  createMemory(pages64KiB: number): WasmMemory {
    return new WebAssembly.Memory({ initial: pages64KiB, maximum: pages64KiB });
  }

  createTable(elements: number): WasmTable {
    return new WebAssembly.Table({ element: "anyfunc", initial: elements });
  }

  compile(bytes: Uint8Array): WasmModule {
    return new WebAssembly.Module(bytes);
  }

  /**
   * V8 begins with its baseline compiler and optimises in the background what runs often; the interpreter would spend a
   * program's whole start in slow code. Its flags hold for modules compiled while they are set.
   */
  compileHot(bytes: Uint8Array): WasmModule {
    setFlagsFromString("--no-liftoff");
    setFlagsFromString("--no-wasm-lazy-compilation");
    try {
      return this.compile(bytes);
    } finally {
      setFlagsFromString("--liftoff");
      setFlagsFromString("--wasm-lazy-compilation");
    }
  }

  instantiate(module: WasmModule, imports: Record<string, Record<string, unknown>>): WasmInstance {
    return new WebAssembly.Instance(module, imports);
  }
}
