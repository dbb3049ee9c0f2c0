/** Zicbom and Zicboz (CMO extensions 1.0.1): blocks of 64 bytes, of a memory that has no cache. */
import type { Semantics } from "./semantics.ts";

const clean: Semantics = (hart, { rs1 }) => {
  hart.memory.load(hart.x[rs1]! & ~63n, 1);
};

export const CACHE_BLOCK_SEMANTICS: Readonly<Record<string, Semantics>> = {
  "cbo.clean": clean,
  "cbo.flush": clean,
  "cbo.zero": (hart, { rs1 }) => {
    for (let offset = 0n; offset < 64n; offset += 8n) hart.memory.store((hart.x[rs1]! & ~63n) + offset, 8, 0n);
  },
};
