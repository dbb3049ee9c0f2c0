/** Sets of harts, as masks: bit n is hart n. */
import { EFAULT, MAX_HARTS } from "@stratos/abi";
import type { AddressSpace } from "../mm/address-space.ts";

/** What counts of a program's set, in bytes (Linux cpumask_size). */
const SET_SIZE = 8;
const SET = new Uint8Array(SET_SIZE);
const VIEW = new DataView(SET.buffer);

/** @param size  a program's, a size_t: what is negative here is larger than any */
function countedBytes(size: number): number {
  return size < 0 || size > SET_SIZE ? SET_SIZE : size;
}

/** Reads a program's set; of a short one the rest is empty. @returns −EFAULT */
export function readHarts(
  space: AddressSpace,
  address: number,
  size: number,
): { mask: number; isEmpty: boolean } | number {
  const length = countedBytes(size);
  SET.fill(0);
  if (length > 0 && space.copyIn(address, SET, 0, length) < 0) return -EFAULT;
  return { mask: VIEW.getUint32(0, true), isEmpty: SET.every((byte) => byte === 0) };
}

/** Writes as much of it as a program's set has room for. @returns −EFAULT */
export function storeHarts(space: AddressSpace, address: number, size: number, mask: number): number {
  SET.fill(0);
  VIEW.setUint32(0, mask, true);
  return space.copyOut(address, SET, 0, countedBytes(size));
}

export function allHarts(count: number): number {
  return 0xffffffff >>> (MAX_HARTS - count);
}

/** `0-3,6` as in cpuset(7). */
export function listOfHarts(mask: number): string {
  const parts: string[] = [];
  for (let hart = 0; hart < MAX_HARTS; hart++) {
    if (((mask >>> hart) & 1) === 0) continue;
    const first = hart;
    while (hart + 1 < MAX_HARTS && ((mask >>> (hart + 1)) & 1) !== 0) hart++;
    parts.push(first === hart ? `${first}` : `${first}-${hart}`);
  }
  return parts.join(",");
}
