/** Writes memory of programs from outside, as ptrace(2) does: what they may only read, too. */
import { PAGE_SIZE } from "@stratos/abi";
import type { AddressSpace } from "./mm/address-space.ts";
import { forcePage } from "./mm/page-fault.ts";

/** Between two instructions of its programs. @returns how many bytes were written, before the first that cannot be */
export function pokeMemory(space: AddressSpace, address: number, bytes: Uint8Array): number {
  let done = 0;
  while (done < bytes.length) {
    const at = address + done;
    const place = at >= 0 && at < Number.MAX_SAFE_INTEGER ? forcePage(space, at, true) : -1;
    if (place < 0) break;
    const count = Math.min(bytes.length - done, PAGE_SIZE - (at % PAGE_SIZE));
    space.kernel.physical.u8.set(bytes.subarray(done, done + count), place);
    done += count;
  }
  space.forgetWrittenCode();
  return done;
}
