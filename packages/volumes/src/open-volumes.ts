/** Several volumes at once: what is read from any and written to one, all of it or nothing. */
import { Transaction } from "@stratos/aegisfs";
import type { HeldVolume } from "./mount-control.ts";
import { filtered, filteredFilesOf, hostRefusal, type OpenedVolume, openVolume, prepareVolume } from "./open-volume.ts";
import { reclaimAll } from "./snapshots.ts";
import { expectResult, expectValue } from "./volume-error.ts";
import type { VolumePlace } from "./volume-place.ts";
import { VolumeTree } from "./volume-tree.ts";

/** Each volume once: the target is opened for writing, the others are read. */
export class OpenVolumes {
  readonly #target: string | null;
  readonly #opened = new Map<string, OpenedVolume>();
  readonly #trees = new Map<string, VolumeTree>();
  /** Of mounted volumes that are read. */
  readonly #held: HeldVolume[] = [];
  #transaction: Transaction | null = null;

  constructor(target: string | null) {
    this.#target = target;
  }

  async tree(place: VolumePlace): Promise<VolumeTree> {
    const name = place.snapshot === null ? place.volume : `${place.volume}@${place.snapshot}`;
    let tree = this.#trees.get(name);
    if (tree !== undefined) return tree;
    let opened = this.#opened.get(place.volume);
    if (opened === undefined) {
      const access = place.volume === this.#target ? "write" : "read";
      const held = await prepareVolume(place.volume, access);
      if (held !== null) this.#held.push(held);
      this.#opened.set(place.volume, (opened = openVolume(place.volume, access)));
    }
    tree = new VolumeTree(
      place.volume === this.#target && place.snapshot === null
        ? filtered(this.#begin(opened).files)
        : filteredFilesOf(opened, place.snapshot),
      name,
    );
    this.#trees.set(name, tree);
    return tree;
  }

  #begin({ path, volume }: OpenedVolume): Transaction {
    this.#transaction ??= expectValue(path, Transaction.begin(volume));
    return this.#transaction;
  }

  commit(): void {
    if (this.#target === null) return;
    if (this.#transaction !== null) expectResult(this.#target, this.#transaction.commit());
    const opened = this.#opened.get(this.#target);
    if (opened !== undefined) reclaimAll(opened);
    opened?.commit();
  }

  abort(): void {
    // What cannot be taken back now is dropped by the next mount.
    if (this.#transaction?.isOpen === true && this.#transaction.abort() === 0)
      this.#opened.get(this.#target!)!.commit();
  }

  /** Why work on them failed, as far as the host has told. */
  explain(failure: unknown): unknown {
    return [...this.#opened.values()].reduce((told, opened) => hostRefusal(opened, told), failure);
  }

  close(): void {
    for (const opened of this.#opened.values()) opened.close();
    for (const held of this.#held) held.letGo();
  }
}
