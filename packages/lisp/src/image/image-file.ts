/**
 * An image's bytes: `ALISPIM2`, the length of the JSON that follows as u32 (little endian), the JSON in ASCII
 * (an object, with the lengths of all blobs under `blobs`), then the blobs one after the other.
 */
import { codesOf, textOf } from "../datum/datum.ts";

const MAGIC = "ALISPIM2";
const NEWLINE = 10;

function asciiJson(value: unknown): Uint8Array {
  const text = JSON.stringify(value);
  const escaped = text.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return Uint8Array.from(codesOf(escaped));
}

/** A blob of values, a line each. */
export function jsonLines(values: readonly unknown[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [...asciiJson(value), NEWLINE]));
}

/** Reads lines that `jsonLines` wrote, by their numbers. */
export function lineReader<T>(bytes: Uint8Array): { readonly count: number; at(index: number): T } {
  const starts: number[] = [];
  for (let at = 0; at < bytes.length; at = bytes.indexOf(NEWLINE, at) + 1 || bytes.length) starts.push(at);
  return {
    count: starts.length,
    at: (index) => JSON.parse(textOf(bytes, starts[index], starts[index + 1] ?? bytes.length)) as T,
  };
}

export function writeImageFile(header: object, blobs: readonly Uint8Array[]): Uint8Array {
  const json = asciiJson({ ...header, blobs: blobs.map(({ length }) => length) });
  const bytes = new Uint8Array(blobs.reduce((sum, { length }) => sum + length, MAGIC.length + 4 + json.length));
  bytes.set(codesOf(MAGIC));
  new DataView(bytes.buffer).setUint32(MAGIC.length, json.length, true);
  let at = MAGIC.length + 4;
  for (const part of [json, ...blobs]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** @returns null where the bytes are no image, or not all of one */
export function readImageFile(bytes: Uint8Array): { header: unknown; blobs: readonly Uint8Array[] } | null {
  const start = MAGIC.length + 4;
  if (bytes.length < start || textOf(bytes.subarray(0, MAGIC.length)) !== MAGIC) return null;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  if (length > bytes.length - start) return null;
  let header: unknown;
  try {
    header = JSON.parse(textOf(bytes, start, start + length));
  } catch {
    return null;
  }
  const lengths = (header as { blobs?: unknown } | null)?.blobs;
  if (!Array.isArray(lengths) || !lengths.every((n): n is number => Number.isSafeInteger(n) && (n as number) >= 0))
    return null;
  const blobs: Uint8Array[] = [];
  let at = start + length;
  for (const size of lengths) {
    if (size > bytes.length - at) return null;
    blobs.push(bytes.subarray(at, at + size));
    at += size;
  }
  return { header, blobs };
}
