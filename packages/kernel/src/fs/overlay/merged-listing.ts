import { DT_CHR, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { UNFINISHED } from "../../ground/wait-queue.ts";
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
  /** The last reading that found it. */
  reading: number;
}

/** How far a reading has come. */
interface Progress {
  /** All layers' folders, and which of them is read. */
  readonly folders: readonly Dentry[];
  layer: number;
  cursor: number;
  /** All its names are read. */
  isListed: boolean;
  /** Names of its devices, each of which may be a whiteout. */
  readonly devices: string[];
  /** Names of which layers above say that they are gone. */
  readonly hidden: Set<string>;
  /** How many names were found. */
  found: number;
}

/** What the folders of several layers show together, each name once, in an order that lasts. */
export class MergedListing {
  #entries = new Map<string, Entry>();
  #order: Entry[] = [];
  #next = 1;
  /** Number of the newest reading. */
  #reading = 0;
  /** null: none is under way. */
  #progress: Progress | null = null;

  /** Of what was read. */
  get isEmpty(): boolean {
    return this.#order.length === 0;
  }

  /**
   * Reads the layers anew, as far as the call under way may work.
   *
   * @param folders  the topmost first
   * @returns 0, or why one can't be read; UNFINISHED: the call is executed again, and goes on from there
   */
  read(kernel: FsKernel, folders: readonly Dentry[]): number {
    const progress = this.#progressOf(folders);
    for (; progress.layer < folders.length; progress.layer++) {
      const layer = folders[progress.layer]!;
      const failed = this.#readNames(kernel, layer, progress) || this.#readDevices(kernel, layer, progress);
      if (failed === UNFINISHED) return failed;
      if (failed < 0) {
        this.#progress = null;
        return failed;
      }
      progress.cursor = 0;
      progress.isListed = false;
    }
    this.#progress = null;
    if (progress.found < this.#order.length)
      this.#order = this.#order.filter((entry) => this.#isFound(entry) || !this.#entries.delete(entry.name));
    return 0;
  }

  /** Of the reading that is under way, or of a new one; a folder may have been copied up since it began. */
  #progressOf(folders: readonly Dentry[]): Progress {
    const former = this.#progress;
    if (former?.folders.length === folders.length && folders.every((folder, at) => former.folders[at] === folder))
      return former;
    this.#reading++;
    return (this.#progress = {
      folders,
      layer: 0,
      cursor: 0,
      isListed: false,
      devices: [],
      hidden: new Set(),
      found: 0,
    });
  }

  /**
   * A name came, went or became another file's in the topmost folder. A reading may have passed its place, and who goes
   * on with it need not be who began it (he may have been killed).
   */
  changed(kernel: FsKernel, name: string): void {
    const progress = this.#progress;
    if (progress === null) return;
    this.#hide(name);
    const [top] = progress.folders as [Dentry];
    const child = layerChild(kernel, top, name);
    if (child === null || isErrno(child) || isWhiteout(child.inode!)) progress.hidden.add(name);
    else this.#show(name, child.inode!.ino, child.inode!.type >> 12, top, progress);
  }

  #isFound(entry: Entry): boolean {
    return entry.reading === this.#reading;
  }

  #readNames({ work }: FsKernel, layer: Dentry, progress: Progress): number {
    if (progress.isListed) return 0;
    const { listingRefused } = layer.inode!;
    if (listingRefused === UNFINISHED) return listingRefused;
    let isCut = false;
    const failed = layer.inode!.list(progress.cursor, (name, ino, type, next) => {
      if (work.isUsed) {
        isCut = true;
        return false;
      }
      work.charge(1);
      progress.cursor = next;
      if (type === DT_CHR) progress.devices.push(name);
      if (!progress.hidden.has(name)) this.#show(name, ino, type, layer, progress);
      return true;
    });
    if (isCut && failed >= 0) return UNFINISHED;
    progress.isListed = failed >= 0;
    return failed;
  }

  #readDevices(kernel: FsKernel, layer: Dentry, { devices, hidden }: Progress): number {
    for (; devices.length > 0; devices.pop()) {
      if (kernel.work.isUsed) return UNFINISHED;
      const name = devices.at(-1)!;
      const child = layerChild(kernel, layer, name);
      if (child === UNFINISHED) return child;
      if (child === null || isErrno(child) || !isWhiteout(child.inode!)) continue;
      hidden.add(name);
      if (this.#entries.get(name)?.layer === layer) this.#hide(name);
    }
    return 0;
  }

  #show(name: string, ino: number, type: number, layer: Dentry, progress: Progress): void {
    const known = this.#entries.get(name);
    if (known !== undefined && this.#isFound(known)) return;
    progress.found++;
    if (known === undefined) {
      const entry = { name, type, layer, ino, cursor: this.#next++, reading: this.#reading };
      this.#entries.set(name, entry);
      this.#order.push(entry);
    } else Object.assign(known, { type, layer, ino, reading: this.#reading });
  }

  #hide(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined || !this.#isFound(entry)) return;
    entry.reading = 0;
    this.#progress!.found--;
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
      save: (it) => ({
        entries: it.#entries,
        order: it.#order,
        next: it.#next,
        reading: it.#reading,
        progress: it.#progress,
      }),
      load: (it, from) =>
        ({
          entries: it.#entries,
          order: it.#order,
          next: it.#next,
          reading: it.#reading,
          progress: it.#progress,
        } = from),
    });
  }
}
