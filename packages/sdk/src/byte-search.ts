/** Bytes among bytes, whole or begun. */

/** @returns -1: nowhere */
export function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const last = bytes.length - wanted.length;
  for (let at = bytes.indexOf(wanted[0]!, from); at >= 0 && at <= last; at = bytes.indexOf(wanted[0]!, at + 1))
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  return -1;
}

/** How many bytes at the end are the beginning of it, and not all of it. */
export function beginningAtEnd(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let length = Math.min(wanted.length - 1, bytes.length); length > 0; length--) {
    const at = bytes.length - length;
    let same = 0;
    while (same < length && bytes[at + same] === wanted[same]) same++;
    if (same === length) return length;
  }
  return 0;
}
