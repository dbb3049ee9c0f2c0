/** Addresses that requests of the Debug Adapter Protocol carry, checked. */
import { AdapterError } from "@stratos/base";

/** @throws AdapterError */
export function addressOf(value: unknown): number {
  const address = typeof value === "string" && /^(0x[0-9a-f]+|\d+)$/i.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(address)) throw new AdapterError(`${String(value)}: no address, as 0x1234`);
  return address;
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
