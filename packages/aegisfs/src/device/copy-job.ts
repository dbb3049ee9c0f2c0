/**
 * Fills new copies of segments while the volume is used: each write goes to the new copies too from the beginning, and
 * what was there before is copied in steps. Until `finish` the durable table does not know of them, so a crash only
 * means to begin again.
 */
import { EINPROGRESS, EIO } from "@stratos/abi";
import { Failure } from "../failure.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX } from "../format/geometry.ts";
import type { Place, Segment } from "../format/pool-table.ts";
import { Layout } from "../store/layout.ts";
import type { Volume } from "../volume/volume.ts";
import { beginGrowing, useLayout } from "./resize.ts";

interface Addition {
  /** First block of the segment. */
  segment: number;
  place: Place;
  /** Device whose place it takes over. */
  instead?: number;
}

export class CopyJob {
  readonly #volume: Volume;
  readonly #additions: readonly Addition[];
  readonly #change: () => () => void;
  readonly #before: readonly Segment[];
  readonly #bytes = new Uint8Array(EXTENT_BLOCKS_MAX * BLOCK_SIZE);
  /** Next addition and block of its segment. */
  #at = 0;
  #block = 0;
  #copied = 0;
  readonly #total: number;
  /** Blocks that no copy could give; they are left out, and their checksums tell. */
  unreadable = 0;

  /** @param change  called in `finish`, before the commit; what it returns is called when that is durable */
  constructor(volume: Volume, additions: readonly Addition[], change: () => () => void) {
    this.#volume = volume;
    this.#additions = additions;
    this.#change = change;
    const { store } = volume;
    this.#before = store.layout.segments;
    // Additions come last, so that nothing is read from them while they are filled.
    store.layout = new Layout(
      this.#before.map((segment) => ({
        ...segment,
        places: [
          ...segment.places,
          ...additions.filter((addition) => addition.segment === segment.first).map(({ place }) => place),
        ],
      })),
    );
    this.#total = additions.reduce((sum, { segment }) => sum + this.#segment(segment).blocks, 0);
    this.#block = additions.length > 0 ? additions[0]!.segment : 0;
  }

  get done(): boolean {
    return this.#at >= this.#additions.length;
  }

  /** Blocks looked at, and all there are. */
  get progress(): { done: number; total: number } {
    return { done: this.#copied, total: this.#total };
  }

  #segment(first: number): Segment {
    return this.#before.find((segment) => segment.first === first)!;
  }

  /**
   * Looks at up to `blocks` blocks and copies those in use. Returns 1 while there are more, 0 at the end, −EIO when a
   * new copy cannot be written.
   */
  step(blocks: number): number {
    const { space } = this.#volume;
    for (let left = blocks; left > 0 && !this.done;) {
      const addition = this.#additions[this.#at]!;
      const segment = this.#segment(addition.segment);
      const end = segment.first + segment.blocks;
      if (this.#block >= end) {
        this.#at++;
        if (!this.done) this.#block = this.#additions[this.#at]!.segment;
        continue;
      }
      let count = 0;
      const most = Math.min(left, EXTENT_BLOCKS_MAX, end - this.#block);
      const used = space.isAllocated(this.#block);
      while (count < most && space.isAllocated(this.#block + count) === used) count++;
      if (used && !this.#copy(segment, addition.place, this.#block, count)) return -EIO;
      this.#block += count;
      this.#copied += count;
      left -= count;
    }
    return this.done ? 0 : 1;
  }

  #copy(segment: Segment, place: Place, block: number, count: number): boolean {
    const { store } = this.#volume;
    const slot = store.devices[place.device]!;
    for (let done = 0, size = count; done < count;) {
      try {
        store.read(block + done, size, this.#bytes, 0);
      } catch (thrown) {
        if (!(thrown instanceof Failure)) throw thrown;
        // One bad sector must not cost its neighbours.
        if (size > 1) {
          size = 1;
          continue;
        }
        this.unreadable++;
        done++;
        continue;
      }
      const offset = (place.first + block + done - segment.first) * BLOCK_SIZE;
      if (slot.device === null || slot.device.write(offset, this.#bytes, 0, size * BLOCK_SIZE) < 0) return false;
      slot.writtenBytes += size * BLOCK_SIZE;
      done += size;
      size = Math.min(size, count - done);
    }
    return true;
  }

  /**
   * Makes the new copies part of the volume, durably. −EINPROGRESS before the copying is done, or the errno of what
   * failed.
   */
  finish(): number {
    if (!this.done) return -EINPROGRESS;
    const volume = this.#volume;
    const begun = beginGrowing(volume);
    if (begun < 0) return begun;
    const segments = volume.store.layout.segments.map((segment) => {
      const instead = this.#additions
        .filter((addition) => addition.segment === segment.first)
        .map((addition) => addition.instead);
      return { ...segment, places: segment.places.filter((place) => !instead.includes(place.device)) };
    });
    const after = this.#change();
    const failed = useLayout(volume, segments);
    if (failed >= 0) after();
    return failed;
  }

  /** Gives up: the volume is as it was. */
  cancel(): void {
    this.#volume.store.layout = new Layout(this.#before);
  }
}
