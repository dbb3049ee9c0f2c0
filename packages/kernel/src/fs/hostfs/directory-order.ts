import { stateClass } from "@stratos/base";

interface Listed {
  readonly name: string;
  readonly cursor: number;
}

/**
 * Names of a folder in the order in which they were first seen, sorted where they were seen together. A name's cursor
 * never changes while it is there, so that a listing misses nothing when others remove what it has told already
 * (getdents64(2): `rm -r` by readers that delete as they read).
 */
export class DirectoryOrder {
  /** By ascending cursor; cursors begin at 1. */
  entries: readonly Listed[] = [];
  #nextCursor = 1;

  /** @param names  all that the folder has now; the array is the order's from now on */
  update(names: string[]): void {
    const fresh = new Set(names);
    const kept = this.entries.filter(({ name }) => fresh.delete(name));
    for (const name of [...fresh].sort()) kept.push({ name, cursor: this.#nextCursor++ });
    this.entries = kept;
  }

  static {
    stateClass("HostDirectoryOrder", this, {
      save: (it) => ({ nextCursor: it.#nextCursor }),
      load: (it, from) => ({ nextCursor: it.#nextCursor } = from),
    });
  }
}
