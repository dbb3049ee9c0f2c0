/**
 * Listings of directories, in the order of the tree, for those who list one over and over. A change of the directory's
 * names drops its listing.
 *
 * Bound: `limit` names in all; the listing used longest ago goes first.
 */
export interface Listing {
  readonly names: readonly string[];
  readonly inos: readonly number[];
  readonly types: readonly number[];
  /** Key of each entry as a cursor: ascending. */
  readonly cursors: readonly number[];
  /** `names` as Unicode text, when it was asked for. */
  texts: readonly string[] | null;
}

/** Where the first entry at or after `cursor` stands in its arrays; their length when there is none. */
export function indexInListing({ cursors }: Listing, cursor: number): number {
  let low = 0;
  for (let high = cursors.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (cursors[middle]! < cursor) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Listings {
  readonly limit: number;
  readonly #listings = new Map<number, Listing>();
  #names = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get(subvolume: number, directory: number): Listing | undefined {
    return this.#listings.get(keyOf(subvolume, directory));
  }

  put(subvolume: number, directory: number, listing: Listing): void {
    const key = keyOf(subvolume, directory);
    this.forget(subvolume, directory);
    this.#listings.set(key, listing);
    this.#names += listing.names.length + 1;
    for (const [oldest, old] of this.#listings) {
      if (this.#names <= this.limit || oldest === key) return;
      this.#listings.delete(oldest);
      this.#names -= old.names.length + 1;
    }
  }

  forget(subvolume: number, directory: number): void {
    if (this.#names === 0) return;
    const key = keyOf(subvolume, directory);
    const listing = this.#listings.get(key);
    if (listing === undefined) return;
    this.#listings.delete(key);
    this.#names -= listing.names.length + 1;
  }

  clear(): void {
    this.#listings.clear();
    this.#names = 0;
  }
}

/** Subvolume numbers stay far below 2^21. */
function keyOf(subvolume: number, directory: number): number {
  return subvolume * 0x100000000 + directory;
}
