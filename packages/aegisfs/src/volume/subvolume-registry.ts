/**
 * The subvolumes of a volume: one object for each that is in use, their names in the caches, and what happens to their
 * items in the volume's tree when one comes, goes, or gets the content of another. When that may happen is in
 * snapshots.ts.
 */
import { assert } from "@stratos/base";
import { NODE_BLOCKS } from "../format/geometry.ts";
import { KIND_SUBVOLUME, keyMiddle } from "../format/key.ts";
import { POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { dropLater } from "../space/dropped-trees.ts";
import type { SubvolumeInfo } from "./mount-options.ts";
import { Subvolume } from "./subvolume.ts";
import type { Volume } from "./volume.ts";

const SUBVOLUME_MIDDLE = keyMiddle(KIND_SUBVOLUME, 0);

/** What it does is told at the methods of `Volume` that have the same names. */
export class SubvolumeRegistry {
  readonly #volume: Volume;
  readonly #loaded = new Map<number, Subvolume>();
  readonly #cached = new Map<number, Subvolume>();
  #nextCacheId = 1;

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** Null when there is none of that number. Throws Failure. */
  get(id: number): Subvolume | null {
    let subvolume = this.#loaded.get(id) ?? null;
    if (subvolume === null) {
      subvolume = Subvolume.load(this.#volume, id);
      if (subvolume !== null) this.#loaded.set(id, subvolume);
    }
    return subvolume;
  }

  nameInCaches(subvolume: Subvolume): number {
    this.#cached.delete(subvolume.cacheId);
    this.#cached.set(this.#nextCacheId, subvolume);
    return this.#nextCacheId++;
  }

  cached(cacheId: number): Subvolume {
    const subvolume = this.#cached.get(cacheId);
    assert(subvolume !== undefined, "what is to be settled belongs to a subvolume in use");
    return subvolume;
  }

  each(visit: (subvolume: Subvolume) => void): void {
    for (const subvolume of this.#loaded.values()) visit(subvolume);
  }

  adopt(subvolume: Subvolume): void {
    this.#loaded.set(subvolume.id, subvolume);
  }

  /** Numbers of all that are in the volume's tree. Throws Failure. */
  ids(): number[] {
    const { tree } = this.#volume;
    const ids: number[] = [];
    for (
      let more = tree.ceiling(0, SUBVOLUME_MIDDLE, 0);
      more && tree.key(0) === 0 && tree.key(1) === SUBVOLUME_MIDDLE;
      more = tree.next()
    )
      ids.push(tree.key(2));
    return ids;
  }

  /** Throws Failure. */
  infos(): SubvolumeInfo[] {
    const found: SubvolumeInfo[] = [];
    for (const id of this.ids()) {
      const subvolume = this.get(id);
      if (subvolume === null) continue;
      found.push({
        id,
        name: subvolume.name,
        readOnly: subvolume.readOnly,
        parent: subvolume.parent,
        seconds: subvolume.seconds,
        inodes: subvolume.inodes,
        label: subvolume.label,
        base: subvolume.base,
      });
    }
    return found;
  }

  fork(source: Subvolume, name: string, flags: number, label: string): Subvolume {
    const volume = this.#volume;
    const id = volume.superblock.nextSubvolume++;
    volume.references.share(source.tree.root[POINTER_AT_BLOCK]!, NODE_BLOCKS);
    const fork = Subvolume.createFrom(volume, source, id, name, flags, label);
    this.adopt(fork);
    fork.store();
    return fork;
  }

  drop(subvolume: Subvolume): void {
    this.#loaded.delete(subvolume.id);
    this.#cached.delete(subvolume.cacheId);
    this.#volume.tree.remove(0, SUBVOLUME_MIDDLE, subvolume.id);
    dropLater(this.#volume, subvolume.tree.root);
  }

  replaceContent(target: Subvolume, source: Subvolume): void {
    const before = target.tree.root.slice();
    this.#volume.references.share(source.tree.root[POINTER_AT_BLOCK]!, NODE_BLOCKS);
    target.takeContent(source);
    target.store();
    dropLater(this.#volume, before);
  }
}
