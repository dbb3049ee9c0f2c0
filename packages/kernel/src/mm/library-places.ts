import { crc32, stateClass, utf8Of } from "@stratos/base";
import type { Inode } from "../vfs/inode.ts";
import { type AddressSpace, LIBRARY_BOTTOM, LIBRARY_TOP } from "./address-space.ts";
import { contentKey } from "./content-key.ts";

/** Multiples of 64 KiB keep neighbours in different rows of the tables apart from small ones. */
const GRAIN = 65536;
/** Places that are tried where others lie there already. */
const TRIES = 16;

/**
 * Where a part of a file wants to be mapped, as a library; 0: nowhere. In a repeatable kernel that follows from the
 * file and from what the process has mapped already, and from nothing that happened before: forks and their siblings
 * lay out a program as the machine that they were made of does.
 */
export function libraryPlace(space: AddressSpace, inode: Inode, part: string, length: number): number {
  const { kernel } = space;
  if (!kernel.isRepeatable) return kernel.libraryPlaces.place(`${contentKey(kernel, inode)}:${part}`, length);
  const size = Math.ceil(length / GRAIN) * GRAIN;
  const room = LIBRARY_TOP - LIBRARY_BOTTOM - size;
  for (let attempt = 0; attempt < TRIES && room >= 0; attempt++) {
    const name = utf8Of(`${inode.fileSystem.device}:${inode.ino}:${part}:${attempt}`);
    const place = LIBRARY_BOTTOM + (crc32(name) % (room / GRAIN + 1)) * GRAIN;
    if (space.isFree(place, place + size)) return place;
  }
  return 0;
}

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
    const size = Math.ceil(length / GRAIN) * GRAIN;
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
