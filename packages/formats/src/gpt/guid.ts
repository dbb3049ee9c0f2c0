/**
 * GUIDs: text such as `c12a7328-f81f-11d2-ba4b-00a0c93ec93b`, on disk with its first three fields little-endian (UEFI
 * 2.10 appendix A).
 */
import { FormatError } from "../format-error.ts";

/** Byte of the text's digit pairs that stands at each place on disk. */
const ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/** @throws FormatError when the text is no GUID */
export function guidBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text)) throw new FormatError(`${text}: not a GUID`);
  const digits = text.replaceAll("-", "");
  return Uint8Array.from(ORDER, (place) => parseInt(digits.slice(place * 2, place * 2 + 2), 16));
}

export function guidText(bytes: Uint8Array): string {
  const digits: string[] = new Array<string>(16);
  for (let index = 0; index < 16; index++) digits[ORDER[index]!] = bytes[index]!.toString(16).padStart(2, "0");
  return digits.join("").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * A version 4 GUID or UUID from sixteen bytes of chance, or of a digest when it has to be the same each time (RFC 9562
 * §5.4).
 */
export function uuidFrom(bytes: Uint8Array): string {
  const own = bytes.slice(0, 16);
  own[6] = (own[6]! & 0x0f) | 0x40;
  own[8] = (own[8]! & 0x3f) | 0x80;
  const digits = Array.from(own, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The sixteen bytes of a UUID in its own order, as file systems keep it. */
export function uuidBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text)) throw new FormatError(`${text}: not a UUID`);
  const digits = text.replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, place) => parseInt(digits.slice(place * 2, place * 2 + 2), 16));
}
