import { PAGE_SIZE } from "@stratos/abi";
import { byteString } from "@stratos/base";
import type { AddressSpace } from "../mm/address-space.ts";

const LONGEST = 1 << 21;

/**
 * The arguments, as they stand in the process's memory now (proc(5)). Who writes over the zero at their end and on into
 * the environment has a title there, which ends with its own zero (setproctitle(3); fs/proc/base.c, get_mm_cmdline).
 *
 * @param read  bytes of that memory, "" where there are none
 */
export function titleOf(space: AddressSpace, read: (start: number, end: number) => string): string {
  const { argumentsStart: start, argumentsEnd: end, environmentStart, environmentEnd } = space;
  const written = read(start, end);
  if (written === "" || written.endsWith("\0")) return written;
  const limit = environmentStart === end ? Math.max(end, environmentEnd) : end;
  const longer = read(start, Math.min(limit, start + PAGE_SIZE));
  const zero = longer.indexOf("\0");
  return zero < 0 ? longer : longer.slice(0, zero + 1);
}

/** @param copy  fills in what lies at an address. @returns false: not all of it is there */
export function memoryTextOf(
  { start, end }: { readonly start: number; readonly end: number },
  copy: (address: number, into: Uint8Array) => boolean,
): string {
  const bytes = new Uint8Array(Math.min(Math.max(0, end - start), LONGEST));
  return copy(start, bytes) ? byteString(bytes) : "";
}
