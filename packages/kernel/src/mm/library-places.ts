import { stateClass } from "@stratos/base";
import { LIBRARY_BOTTOM, LIBRARY_TOP } from "./address-space.ts";

/**
 * Gives every shared library one place for all processes, so that code translated for one serves the others. Places are
 * given from the top in the order of first use; when the range is full the map starts anew (a library in use keeps its
 * mapping).
 */
export class LibraryPlaces {
  #places = new Map<string, number>();
  #next = LIBRARY_TOP;

  /** @param key  identifies the file's content; @param length  bytes of the mapping */
  place(key: string, length: number): number {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    // Multiples of 64 KiB keep neighbours in different rows of the tables apart from small ones.
    const size = Math.ceil(length / 65536) * 65536;
    if (size > LIBRARY_TOP - LIBRARY_BOTTOM) return 0;
    if (this.#next - size < LIBRARY_BOTTOM) {
      this.#places.clear();
      this.#next = LIBRARY_TOP;
    }
    this.#next -= size;
    this.#places.set(key, this.#next);
    return this.#next;
  }

  /** The same without those where nothing is mapped, which other kernels may have asked for. */
  onlyAt(isMapped: (address: number) => boolean): LibraryPlaces {
    const places = new LibraryPlaces();
    for (const [key, address] of this.#places) if (isMapped(address)) places.#places.set(key, address);
    places.#next = this.#next;
    return places;
  }

  static {
    stateClass("LibraryPlaces", this, {
      save: (it) => ({ places: it.#places, next: it.#next }),
      load: (it, from) => ({ places: it.#places, next: it.#next } = from),
    });
  }
}
