/** The kinds of number that tell pages apart. */
import type { Quantity } from "@stratos/base";

/** A frame of physical memory: its physical address / 4096, so 0 is none. Where it can fail, a negated errno. */
export type Frame = Quantity<"frame">;
/** A page of a file or of what is shared: its offset / 4096. */
export type PageIndex = Quantity<"page index">;
