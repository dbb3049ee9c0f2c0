/**
 * Meaning of Zicboz, and of Zicbom as programs may use it (CMO extensions 1.0.1). There is nothing between the hart and
 * its memory, so cleaning and flushing are done when the block may be read. cbo.inval isn't for programs: Linux doesn't
 * set senvcfg.CBIE.
 */
import { Op, Type } from "@stratos/wasm";
import type { LoweringFunction, LoweringTable } from "./lowering.ts";

const CACHE_BLOCK_BYTES = 64;

const clean: LoweringFunction = (to) => {
  to.blockAddress(false);
  to.code.op(Op.drop);
};

export const cacheBlockLowerings: LoweringTable = {
  "cbo.clean": clean,
  "cbo.flush": clean,
  "cbo.zero": (to) => {
    const { code } = to;
    const at = to.scratch(Type.i32, 0);
    to.blockAddress(true);
    code.localSet(at);
    for (let offset = 0; offset < CACHE_BLOCK_BYTES; offset += 8) {
      code.localGet(at);
      code.i64Const(0);
      code.memory(Op.i64Store, offset);
    }
  },
};
