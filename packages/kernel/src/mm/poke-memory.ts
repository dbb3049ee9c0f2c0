/** Memory of programs as debuggers have it: mappings count, and not their protection (`forcePage`). */
import { PAGE_SIZE } from "@stratos/abi";
import type { AddressSpace } from "./address-space.ts";
import { forcePage } from "./page-fault.ts";

/** @returns how many bytes were read, before the first that cannot be */
export function readForced(space: AddressSpace, address: number, into: Uint8Array): number {
  const { u8 } = space.kernel.physical;
  return eachPart(space, address, into.length, false, (place, at, count) =>
    into.set(u8.subarray(place, place + count), at),
  );
}

/** Between two instructions of its programs. @returns how many bytes were written, before the first that cannot be */
export function pokeMemory(space: AddressSpace, address: number, bytes: Uint8Array): number {
  const { u8 } = space.kernel.physical;
  const done = eachPart(space, address, bytes.length, true, (place, at, count) =>
    u8.set(bytes.subarray(at, at + count), place),
  );
  space.forgetWrittenCode();
  return done;
}

function eachPart(
  space: AddressSpace,
  address: number,
  length: number,
  forWrite: boolean,
  copy: (place: number, at: number, count: number) => void,
): number {
  let done = 0;
  while (done < length) {
    const at = address + done;
    const place = at >= 0 && at < Number.MAX_SAFE_INTEGER ? forcePage(space, at, forWrite) : -1;
    if (place < 0) break;
    const count = Math.min(length - done, PAGE_SIZE - (at % PAGE_SIZE));
    copy(place, done, count);
    done += count;
  }
  return done;
}
