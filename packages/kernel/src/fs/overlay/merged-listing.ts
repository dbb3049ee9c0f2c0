import { DT_CHR, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Dentry } from "../../vfs/dentry.ts";
import { firstBehind } from "../../vfs/listing-order.ts";
import { layerChild, isWhiteout } from "./layer.ts";
import type { FsKernel } from "../fs-kernel.ts";

interface Entry {
  readonly name: string;
  type: number;
  /** The folder of the layer that has it, and its number there. */
  layer: Dentry;
  ino: number;
  /** It has this place as long as the listing is in memory, whatever comes and goes around it. */
  readonly cursor: number;
  isGone: boolean;
}

/** What the folders of several layers show together, each name once, in an order that lasts. */
export class MergedListing {
  #entries = new Map<string, Entry>();
  #order: Entry[] = [];
  #next = 1;

  /** Reads the layers anew. @param folders  the topmost first @returns 0, or why one can't be read */
  read(kernel: FsKernel, folders: readonly Dentry[]): number {
    for (const entry of this.#order) entry.isGone = true;
    const hidden = new Set<string>();
    for (const layer of folders) {
      const devices: string[] = [];
      const failed = layer.inode!.list(0, (name, ino, type) => {
        kernel.work.charge(1);
        if (type === DT_CHR) devices.push(name);
        if (!hidden.has(name)) this.#show(name, ino, type, layer);
        return true;
      });
      if (failed < 0) return failed;
      for (const name of devices) {
        const child = layerChild(kernel, layer, name);
        if (child === null || isErrno(child) || !isWhiteout(child.inode!)) continue;
        hidden.add(name);
        const entry = this.#entries.get(name);
        if (entry?.layer === layer) entry.isGone = true;
      }
    }
    this.#order = this.#order.filter((entry) => !entry.isGone || !this.#entries.delete(entry.name));
    return 0;
  }

  #show(name: string, ino: number, type: number, layer: Dentry): void {
    const known = this.#entries.get(name);
    if (known === undefined) {
      const entry = { name, type, layer, ino, cursor: this.#next++, isGone: false };
      this.#entries.set(name, entry);
      this.#order.push(entry);
    } else if (known.isGone) Object.assign(known, { type, layer, ino, isGone: false });
  }

  /** @param emit  returns false to stop before what it was given */
  list(
    cursor: number,
    emit: (name: string, layer: Dentry, ino: number, type: number, nextCursor: number) => boolean,
  ): void {
    for (let at = firstBehind(this.#order, cursor); at < this.#order.length; at++) {
      const { name, layer, ino, type, cursor: own } = this.#order[at]!;
      if (!emit(name, layer, ino, type, own)) return;
    }
  }

  static {
    stateClass("MergedListing", this, {
      save: (it) => ({ entries: it.#entries, order: it.#order, next: it.#next }),
      load: (it, from) => ({ entries: it.#entries, order: it.#order, next: it.#next } = from),
    });
  }
}
