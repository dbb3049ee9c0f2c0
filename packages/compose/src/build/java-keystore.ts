/**
 * Java's key stores of certificates (`JKS`), as ca-certificates-java makes one when it is configured: each entry holds
 * the clock of its host in milliseconds.
 *
 *     FEEDFEED · version 2 · count · { 2 · alias · date in ms (8) · type · length · certificate } … · SHA-1 of the
 *     password, "Mighty Aphrodite" and all before
 *
 * Numbers are big-endian of four bytes, texts have two bytes of length before them. Source: OpenJDK,
 * sun/security/provider/JavaKeyStore.java, `engineStore`.
 */
import { concatBytes, utf8Of } from "@stratos/base";
import { readBlob, type FileTree } from "@stratos/formats";
import type { Hasher } from "@stratos/pkg";

/** Where ca-certificates-java puts one. */
export const JAVA_KEYSTORE = "etc/ssl/certs/java/cacerts";

const MAGIC = 0xfeedfeed,
  VERSION = 2,
  TRUSTED_CERTIFICATE = 2,
  DIGEST_BYTES = 20;
/** Of all key stores that hold nothing but what everybody knows. */
const PASSWORD = "changeit";

/**
 * The same store with all dates at `epochSeconds`.
 *
 * @returns undefined for what is no such store, holds keys, or has another password: its digest could not be made again
 */
export function withoutClock(store: Uint8Array, epochSeconds: number, sha1: () => Hasher): Uint8Array | undefined {
  if (store.length < 12 + DIGEST_BYTES) return undefined;
  const body = new Uint8Array(store.subarray(0, store.length - DIGEST_BYTES)),
    view = new DataView(body.buffer);
  if (
    view.getUint32(0) !== MAGIC ||
    view.getUint32(4) !== VERSION ||
    !isSame(digestOf(body, sha1), store.subarray(body.length))
  )
    return undefined;
  let at = 12;
  try {
    for (let left = view.getUint32(8); left > 0; left--) {
      if (view.getUint32(at) !== TRUSTED_CERTIFICATE) return undefined;
      at += 4;
      at += 2 + view.getUint16(at);
      view.setBigUint64(at, BigInt(epochSeconds) * 1000n);
      at += 8;
      at += 2 + view.getUint16(at);
      at += 4 + view.getUint32(at);
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return at === body.length ? concatBytes([body, digestOf(body, sha1)]) : undefined;
}

/** Whether a tree's own store is one whose dates could be settled. */
export function isSettled(tree: FileTree, sha1: () => Hasher): boolean {
  for (const { path, content } of tree.entries())
    if (path === JAVA_KEYSTORE && content !== null) return withoutClock(readBlob(content), 0, sha1) !== undefined;
  return true;
}

function digestOf(body: Uint8Array, sha1: () => Hasher): Uint8Array {
  const hasher = sha1();
  hasher.update(Uint8Array.from([...PASSWORD].flatMap((character) => [0, character.charCodeAt(0)])));
  hasher.update(utf8Of("Mighty Aphrodite"));
  hasher.update(body);
  return Uint8Array.from(hasher.hex().match(/../g)!, (pair) => Number.parseInt(pair, 16));
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
