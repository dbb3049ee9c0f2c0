import { setFlagsFromString } from "node:v8";
import { WebAssemblyEngine, type WasmModule, type WebAssemblyNamespace } from "@stratos/host";

/** TypeScript declares the global only with the DOM's types. */
declare const WebAssembly: WebAssemblyNamespace;

/** The WebAssembly engine of this Node (V8). */
export class NodeWasmEngine extends WebAssemblyEngine {
  constructor() {
    super(WebAssembly);
  }

  /**
   * V8 begins with its baseline compiler and optimises in the background what runs often; the interpreter would spend a
   * program's whole start in slow code. Its flags hold for modules compiled while they are set.
   */
  override compileHot(bytes: Uint8Array): WasmModule {
    setFlagsFromString("--no-liftoff");
    setFlagsFromString("--no-wasm-lazy-compilation");
    try {
      return this.compile(bytes);
    } finally {
      setFlagsFromString("--liftoff");
      setFlagsFromString("--wasm-lazy-compilation");
    }
  }
}
