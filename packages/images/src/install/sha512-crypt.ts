/**
 * The password hash `$6$` of crypt(5), so that a wizard can take a password and keep only this. Source: U. Drepper,
 * "Unix crypt using SHA-256 and SHA-512", version 0.6, whose step numbers stand below.
 */
import { createHash } from "node:crypto";

const DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ROUNDS = 5000;

/** @param salt  at most 16 characters of `./0-9A-Za-z` */
export function sha512Crypt(password: string, salt: string): string {
  const key = Buffer.from(password, "utf8"),
    saltBytes = Buffer.from(salt.slice(0, 16), "latin1");
  const hash = (...parts: Uint8Array[]): Buffer =>
    parts.reduce((sum, part) => sum.update(part), createHash("sha512")).digest();
  const repeated = (block: Buffer, length: number): Buffer =>
    Buffer.concat(Array.from({ length: Math.ceil(length / 64) }, () => block)).subarray(0, length);
  // Steps 4 to 8, then 1 to 3 and 9 to 12.
  const second = hash(key, saltBytes, key);
  const parts: Buffer[] = [key, saltBytes, repeated(second, key.length)];
  for (let length = key.length; length > 0; length >>= 1) parts.push((length & 1) === 1 ? second : key);
  let result = hash(...parts);
  // Steps 13 to 20.
  const p = repeated(hash(...Array.from({ length: key.length }, () => key)), key.length);
  const s = repeated(hash(...Array.from({ length: 16 + result[0]! }, () => saltBytes)), saltBytes.length);
  // Step 21.
  for (let round = 0; round < ROUNDS; round++) {
    const pieces: Buffer[] = [(round & 1) === 1 ? p : result];
    if (round % 3 !== 0) pieces.push(s);
    if (round % 7 !== 0) pieces.push(p);
    pieces.push((round & 1) === 1 ? result : p);
    result = hash(...pieces);
  }
  // Step 22: three bytes make four digits, in an order that turns by one place each time.
  let text = "";
  const add = (a: number, b: number, c: number, count: number): void => {
    let word = (a << 16) | (b << 8) | c;
    for (let digit = 0; digit < count; digit++, word >>= 6) text += DIGITS[word & 63]!;
  };
  let [a, b, c] = [0, 21, 42];
  for (let step = 0; step < 21; step++) {
    add(result[a]!, result[b]!, result[c]!, 4);
    [a, b, c] = [b + 1, c + 1, a + 1];
  }
  add(0, 0, result[63]!, 2);
  return `$6$${salt.slice(0, 16)}$${text}`;
}

/** A salt from chance. */
export function cryptSalt(chance: Uint8Array): string {
  return Array.from(chance.subarray(0, 16), (byte) => DIGITS[byte & 63]!).join("");
}
