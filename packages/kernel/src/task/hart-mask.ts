/** Sets of harts, as masks: bit n is hart n. */
import { MAX_HARTS } from "@stratos/abi";

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
