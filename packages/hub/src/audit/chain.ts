/**
 * The chain of the audit: seals, each a hash over the seal before it and the entries of its batch, so that an entry
 * which is changed, taken out or put in later shows. A seal also lists a digest of each entry, which says which one it
 * is. Who could change all hashes from there on is found by whoever noted a later one.
 *
 *     hash = SHA-256(hash before, then for each entry: "\n", its text)
 *     entries = for each entry the first 16 bytes of SHA-256(its text)
 *
 * An entry's text is `[id, at, actor, what, task, run, detail]` in JSON, with the keys of objects in order.
 */
import { createHash } from "node:crypto";

export interface ChainPlace {
  readonly number: number;
  readonly hash: string;
}

export interface Seal extends ChainPlace {
  /** How many it is over. */
  readonly events: number;
  /** Digests of them; null: an older program made it. */
  readonly entries: Uint8Array | null;
}

export interface ChainFault {
  readonly seal: number;
  /** Of the first entry that is not what was sealed, or of the one before the first that is missing; null: unknown. */
  readonly entry: number | null;
  readonly words: string;
}

export const CHAIN_START: ChainPlace = {
  number: 0,
  hash: createHash("sha256").update("stratos hub events").digest("hex"),
};
const DIGEST_BYTES = 16;

/** @param entry  id, at, actor, what, task, run, detail */
export function entryText(entry: readonly unknown[]): string {
  return JSON.stringify(entry.map(sorted));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => [key, sorted(entry)]),
  );
}

/** @param texts  of the batch's entries, in their order */
export function sealOf(before: ChainPlace, texts: readonly string[]): Seal & { readonly entries: Uint8Array } {
  const hash = createHash("sha256").update(before.hash);
  for (const text of texts) hash.update(`\n${text}`);
  const entries = Buffer.concat(texts.map(digestOf));
  return { number: before.number + 1, hash: hash.digest("hex"), events: texts.length, entries };
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest().subarray(0, DIGEST_BYTES);
}

/**
 * Holds a seal against the one before it and the entries that are there.
 *
 * @returns what is wrong, null: nothing
 */
export function sealFault(before: ChainPlace, seal: Seal, texts: readonly string[]): ChainFault | null {
  if (seal.number !== before.number + 1)
    return { seal: before.number + 1, entry: null, words: `seal ${before.number + 1} is missing` };
  const made = sealOf(before, texts);
  if (made.hash === seal.hash && texts.length === seal.events) return null;
  const fault = (entry: number | null, words: string): ChainFault => ({
    seal: seal.number,
    entry,
    words: `${words} (seal ${seal.number})`,
  });
  if (seal.entries === null) {
    const first = texts[0] === undefined ? null : partsOf(texts[0]);
    return fault(
      null,
      texts.length === seal.events
        ? `it does not fit its entries, of ${first!.at} and later`
        : `it is over ${seal.events} entries, of which ${texts.length} are there`,
    );
  }
  const listed = Buffer.from(seal.entries.buffer, seal.entries.byteOffset, seal.entries.byteLength);
  const at = (index: number): Buffer => listed.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
  const count = Math.floor(listed.length / DIGEST_BYTES);
  for (let index = 0; index < Math.max(count, texts.length); index++) {
    const text = texts[index];
    if (text !== undefined && index < count && digestOf(text).equals(at(index))) continue;
    const previous = index === 0 ? null : partsOf(texts[index - 1]!);
    const isGone = text === undefined || (index + 1 < count && digestOf(text).equals(at(index + 1)));
    if (isGone && index < count)
      return previous === null
        ? fault(null, "its first entry was taken out")
        : fault(previous.id, `what stood behind entry ${previous.id}, of ${previous.at}, was taken out`);
    const { id, at: when, actor, what } = partsOf(text!);
    const next = texts[index + 1];
    const isPutIn = index >= count || (next !== undefined && digestOf(next).equals(at(index)));
    const words = isPutIn ? "was put in" : "was changed";
    return fault(id, `entry ${id}, of ${when}, ${what} by ${actor}, ${words}`);
  }
  return fault(null, `the seal itself was changed, or its list of entries`);
}

function partsOf(text: string): { id: number; at: string; actor: string; what: string } {
  const [id, at, actor, what] = JSON.parse(text) as [number, string, string, string];
  return { id, at, actor, what };
}
