import type { WasmMemory, WasmModule, WebAssemblyNamespace } from "@stratos/host";
import { WebAssemblyEngine } from "@stratos/host/web-assembly-engine";
import { setEngineFlags } from "./own-process.ts";

/** TypeScript declares the global only with the DOM's types. */
declare const WebAssembly: WebAssemblyNamespace;

/** Whose flags and functions for tests these are. */
const IS_KNOWN = process.versions.v8.startsWith("13.6.");
/** Memories of so many pages of 64 KiB (512 MiB) may make V8 collect its whole heap when they are made. */
const LARGE_MEMORY_PAGES = 8192;
/** What a heap may grow by after that collection before the next one, in bytes. */
const HEAP_GROWTH = 64 << 20;

/** The WebAssembly engine of this Node (V8). */
export class NodeWasmEngine extends WebAssemblyEngine {
  readonly onlyInterprets = (process.env["STRATOS_INTERPRET"] ?? "") !== "";

  /** @param options.isInterruptible  a thread that runs its code can be ended from outside, also in a loop */
  constructor({ isInterruptible = false } = {}) {
    super(WebAssembly);
    setEngineFlags(isInterruptible);
  }

  /**
   * V8 counts a memory's whole size as if it were in use, and collects its heap when such sizes come to half of what
   * the heap may have: so at each machine's beginning. It then takes the heap for one that has to stay small, and
   * collects it anew as soon as that has grown by some MiB, which it does while the first program starts.
   */
  override createMemory(pages64KiB: number, maximumPages?: number): WasmMemory {
    if (pages64KiB < LARGE_MEMORY_PAGES || !IS_KNOWN) return super.createMemory(pages64KiB, maximumPages);
    const { used_heap_size: used } = process.getBuiltinModule("node:v8").getHeapStatistics();
    const growth = Math.round((100 * HEAP_GROWTH) / used);
    // V8 lets a heap that is large grow by as much itself.
    if (growth < 100) return super.createMemory(pages64KiB, maximumPages);
    setFlagsFromString(`--heap-growing-percent=${growth}`);
    try {
      return super.createMemory(pages64KiB, maximumPages);
    } finally {
      setFlagsFromString("--heap-growing-percent=0");
    }
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

  override preserve(bytes: Uint8Array): Uint8Array | null {
    const serialize = intrinsic<(module: WasmModule) => ArrayBuffer>("module", "return %SerializeWasmModule(module)");
    return serialize === null ? null : new Uint8Array(serialize(this.compileHot(bytes)));
  }

  /** V8 checks its version, its flags and the processor; of other code it says `undefined`. */
  override restore(code: Uint8Array, bytes: Uint8Array): WasmModule | null {
    // `slice` of Node's Buffer would be a view.
    const own = code.byteLength === code.buffer.byteLength ? code : new Uint8Array(code);
    const deserialize = intrinsic<(code: ArrayBuffer, bytes: Uint8Array) => WasmModule | undefined>(
      "code, bytes",
      "return %DeserializeWasmModule(code, bytes)",
    );
    return deserialize?.(own.buffer as ArrayBuffer, bytes) ?? null;
  }
}

/**
 * V8 has functions for its own tests that give a module's machine code as bytes and take it back. They are no
 * interface: another release may have others, so they are used where they are known alone. Source: V8 13.6,
 * src/runtime/runtime-test-wasm.cc.
 *
 * Each is for one use: V8 forgets the bytecode of what has not run for a while, and would read the words anew when its
 * flag is off.
 *
 * @param body  of a function of `parameters`; null is returned where it is not known
 */
function intrinsic<F>(parameters: string, body: string): F | null {
  if (!IS_KNOWN) return null;
  setFlagsFromString("--allow-natives-syntax");
  try {
    return new Function(parameters, body) as F;
  } catch {
    return null;
  } finally {
    setFlagsFromString("--no-allow-natives-syntax");
  }
}

/** Loaded by those who need it: a short program of AstraLisp does without. */
function setFlagsFromString(flag: string): void {
  process.getBuiltinModule("node:v8").setFlagsFromString(flag);
}
