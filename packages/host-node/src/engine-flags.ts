/** V8's flags in a process of ours that has an engine, and what they are before (own-process.ts). */
export const ENGINE_FLAGS = [
  { engine: "--no-wasm-stack-checks", before: "--wasm-stack-checks" },
  { engine: "--experimental-wasm-branch-hinting", before: "--no-experimental-wasm-branch-hinting" },
] as const;
