/** The host's WebAssembly engine (layers below the faces see no `WebAssembly` global). */

export interface WasmMemory {
  /** Another one after `grow`. */
  readonly buffer: ArrayBuffer;
  /** @throws RangeError where the host does not give as much, or beyond the maximum */
  grow(pages64KiB: number): number;
}
export interface WasmTable {
  readonly length: number;
  get(index: number): unknown;
  set(index: number, value: unknown): void;
  grow(delta: number): number;
}
export interface WasmModule {
  readonly __wasmModule?: never;
}
export interface WasmInstance {
  readonly exports: Record<string, unknown>;
}

export interface WasmEngine {
  /** Code of guests is to be interpreted, none translated: to tell a fault of the translator's from others. */
  readonly onlyInterprets?: boolean;
  /**
   * A memory, zero-filled and committed lazily by the host. Without a greater maximum its size is fixed, so that its
   * buffer never detaches.
   */
  createMemory(pages64KiB: number, maximumPages?: number): WasmMemory;
  createTable(elements: number): WasmTable;
  /** Compiles synchronously. Invalid bytes are a defect of ours: throws. */
  compile(bytes: Uint8Array): WasmModule;
  /** The same for code that is hot from its first call: a host that can compiles it with its best compiler at once. */
  compileHot(bytes: Uint8Array): WasmModule;
  /**
   * The module with its machine code, as bytes that `restore` takes in another process; null where the host can't.
   * Compiles all of it with the best compiler.
   */
  preserve(bytes: Uint8Array): Uint8Array | null;
  /**
   * The module that `preserve` was given, ready to run; null when the host can't, or the code is of another engine.
   *
   * @param code  what `preserve` gave for `bytes`, unchanged: it isn't checked again
   */
  restore(code: Uint8Array, bytes: Uint8Array): WasmModule | null;
  instantiate(module: WasmModule, imports: Record<string, Record<string, unknown>>): WasmInstance;
}
