import { stateClass } from "@stratos/base";

/** Names of all folders of a file system in memory: a folder beyond that is read again when it is asked. */
const NAMES_MAX = 1 << 21;

/** A folder whose names are in memory. */
interface NamedFolder {
  forgetNames(): void;
}

/**
 * Folders of a file system whose names were read, so that they are bounded together. A folder's last look counts for
 * nothing: which are forgotten is a matter of what was read, in a machine that goes on elsewhere as well.
 */
export class KeptNames {
  /** How many names each has, in the order in which they were read. */
  #folders = new Map<NamedFolder, number>();
  #total = 0;

  /** It has so many now. What was read first is forgotten where there are too many in all. */
  put(folder: NamedFolder, names: number): void {
    this.drop(folder);
    this.#folders.set(folder, names);
    this.#total += names;
    for (const [other] of this.#folders) {
      if (this.#total <= NAMES_MAX || other === folder) return;
      this.drop(other);
      other.forgetNames();
    }
  }

  /** It goes, or has none any more. */
  drop(folder: NamedFolder): void {
    this.#total -= this.#folders.get(folder) ?? 0;
    this.#folders.delete(folder);
  }

  static {
    stateClass("KeptNames", this, {
      save: (it) => ({ folders: it.#folders, total: it.#total }),
      load: (it, from) => ({ folders: it.#folders, total: it.#total } = from),
    });
  }
}
