/** Base 64 (RFC 4648 §4), for hosts without one. */
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PADDING = 0x3d;
/** Of each character its six bits; NONE: it is no digit. */
const NONE = 64;
const VALUES = /* @__PURE__ */ valuesOf(DIGITS);

function valuesOf(digits: string): Uint8Array {
  const values = new Uint8Array(256).fill(NONE);
  for (let digit = 0; digit < digits.length; digit++) values[digits.charCodeAt(digit)] = digit;
  return values;
}

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const group = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text +=
      DIGITS[group >> 18]! +
      DIGITS[(group >> 12) & 63]! +
      (at + 1 < bytes.length ? DIGITS[(group >> 6) & 63]! : "=") +
      (at + 2 < bytes.length ? DIGITS[group & 63]! : "=");
  }
  return text;
}

/** @returns undefined when it is malformed; white space and missing padding are not */
export function fromBase64(text: string): Uint8Array | undefined {
  const clean = /\s/.test(text) ? text.replace(/\s+/g, "") : text;
  let end = clean.length;
  for (let pads = 0; pads < 2 && clean.charCodeAt(end - 1) === PADDING; pads++) end--;
  const bytes = new Uint8Array((end * 6) >> 3);
  let bits = 0,
    count = 0,
    done = 0;
  for (let at = 0; at < end; at++) {
    const value = VALUES[clean.charCodeAt(at)] ?? NONE;
    if (value === NONE) return undefined;
    bits = ((bits << 6) | value) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes[done++] = bits >> count;
  }
  return bytes;
}
