/**
 * The Merkle tree over the blocks of the audit log, as far as it is kept: roots of whole subtrees (RFC 9162 §2.1.1).
 */
import { Sha256, sha256 } from "@stratos/base";

/** A tree that grows at its right end. `peaks`: roots of whole subtrees, from the left (the largest) to the right. */
export interface Peaks {
  blocks: number;
  peaks: Uint8Array[];
}

export function leafHash(block: Uint8Array): Uint8Array {
  const digest = new Sha256();
  digest.update(Uint8Array.of(0));
  digest.update(block);
  return digest.digest();
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const digest = new Sha256();
  digest.update(Uint8Array.of(1));
  digest.update(left);
  digest.update(right);
  return digest.digest();
}

export function addLeaf(tree: Peaks, leaf: Uint8Array): void {
  let hash = leaf;
  // As many subtrees close as there are ones at the end of the count.
  for (let bits = tree.blocks; bits % 2 === 1; bits = (bits - 1) / 2) hash = nodeHash(tree.peaks.pop()!, hash);
  tree.peaks.push(hash);
  tree.blocks++;
}

export function rootOf(peaks: readonly Uint8Array[]): Uint8Array {
  if (peaks.length === 0) return sha256(new Uint8Array(0));
  let root = peaks.at(-1)!;
  for (let index = peaks.length - 2; index >= 0; index--) root = nodeHash(peaks[index]!, root);
  return root;
}

/** How many peaks a tree of so many blocks has: the ones of the number. */
export function peakCount(blocks: number): number {
  let count = 0;
  for (let bits = blocks; bits > 0; bits = Math.floor(bits / 2)) count += bits % 2;
  return count;
}

export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
