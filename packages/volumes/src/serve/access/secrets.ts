/** Secrets of services: what is made of chance, and what of it may be kept. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const SECRET_BYTES = 32;

/** 43 characters of URLs and headers (base64url). */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** SHA-256, in hex: whoever reads it can do nothing with it. */
export function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** In constant time: digests are of one length. */
export function isSameSecret(given: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(secret));
}
