/**
 * What a serialisable transaction has read: it may be committed if nothing of that was changed by others meanwhile.
 * Bound: what it read.
 */
export class ReadSet {
  readonly #keys = new Set<string>();

  addInode(ino: number): void {
    this.#keys.add(inodeKey(ino));
  }

  addName(directory: number, name: string): void {
    this.#keys.add(nameKey(directory, name));
  }

  addListing(directory: number): void {
    this.#keys.add(listingKey(directory));
  }

  /** A key that is in both sets, or null. */
  meets(keys: ReadonlySet<string>): string | null {
    const [fewer, more] = keys.size < this.#keys.size ? [keys, this.#keys] : [this.#keys, keys];
    for (const key of fewer) if (more.has(key)) return key;
    return null;
  }
}

export const inodeKey = (ino: number): string => `inode ${ino}`;
export const nameKey = (directory: number, name: string): string => `name ${directory}/${name}`;
export const listingKey = (directory: number): string => `listing ${directory}`;
