/** The instruction that a trap is about, for who decodes it through the code table (Processor.faultingAccess). */
import { HART_PC, HART_TABLES } from "@stratos/riscv";
import type { AddressSpace } from "../mm/address-space.ts";
import { handlePageFault } from "../mm/page-fault.ts";
import type { Kernel } from "./kernel-state.ts";

/** The code table follows the read and the write table in a slot. */
const CODE_TABLE_OFFSET = 8 << 20;

/**
 * A translation may span pages that this address space has not fetched from yet; `faultingAccess` decodes the
 * instruction at the pc through the code table, so its page (and the next, when the instruction crosses) is mapped
 * first.
 *
 * @returns false: there is no instruction that could be fetched
 */
export function isFetched(kernel: Kernel, space: AddressSpace): boolean {
  const { u32 } = kernel.physical;
  const codeTable = (u32[HART_TABLES >> 2]! + CODE_TABLE_OFFSET) >>> 2;
  const pc = u32[HART_PC >> 2]!;
  // The second half of an instruction, or of the one after it, may lie on a page that isn't there.
  for (const address of [pc, pc + 2])
    if (u32[codeTable + (address >>> 12)] === 0 && handlePageFault(space, address, "execute") !== 0 && address === pc)
      return false;
  return true;
}
