/** Sizes and places in files of AegisFS go to 2^63 − 1, where JavaScript's numbers are exact below 2^53. */
import type { FileOffset } from "@stratos/aegisfs";
import { OperationError } from "@stratos/operation";

/** The size as a number, for what is to hold all of the file. @throws OperationError */
export function exactSize(path: string, size: FileOffset): number {
  if (typeof size === "bigint")
    throw new OperationError("image", path, `has ${size} bytes: too many for anything but a volume to hold`);
  return size;
}

/**
 * JSON with such values as numbers, all of their digits: exact for readers that keep integers of 64 bits, as RFC 8259
 * §6 leaves to them.
 *
 * @param indent  spaces for each level; 0: one line
 */
export function jsonWithSizes(value: unknown, indent = 2): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? rawNumber(one) : one), indent);
}

/**
 * TypeScript's library does not know `JSON.rawJSON` yet (ECMAScript proposal "JSON.parse source text access", in Node
 * since 21).
 */
const rawNumber = (value: bigint): unknown =>
  (JSON as typeof JSON & { rawJSON(text: string): unknown }).rawJSON(String(value));
