/** What requests of the Debug Adapter Protocol carry, checked: numbers, addresses, lists; and why one is refused. */

/** The breakpoints of a program, and so what a list of a request may hold. */
export const BREAKPOINTS_MAX = 4096;

export type Arguments = Readonly<Record<string, unknown>>;

/** What a request cannot be answered with, in words for who sees the editor. */
export class RequestError extends Error {}

export function numberOf(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : otherwise;
}

/** @throws RequestError */
export function addressOf(value: unknown): number {
  const address = typeof value === "string" && /^(0x[0-9a-f]+|\d+)$/i.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(address)) throw new RequestError(`${String(value)}: no address, as 0x1234`);
  return address;
}

export function listOf(value: unknown): readonly Arguments[] {
  return Array.isArray(value)
    ? value.slice(0, BREAKPOINTS_MAX).filter((each): each is Arguments => typeof each === "object" && each !== null)
    : [];
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
