/**
 * What is around each operation on a subvolume: it begins, and ends, as the volume says (volume.ts), what is thrown
 * becomes an errno, and whoever observes the volume is told. Operations that programs repeat a million times have these
 * lines of their own, without a closure.
 */
import { EROFS } from "@stratos/abi";
import type { Operation } from "../file/operation.ts";
import type { FileOffset } from "../file/file-offset.ts";
import type { Room } from "../space/reserve.ts";
import { SubvolumeState } from "./subvolume-state.ts";

/** A subvolume, as far as this goes. */
export class SubvolumeOperation extends SubvolumeState {
  /** Begins one that changes something; as `Volume.begin`. */
  protected begin(room: Room, blocks = 0): number {
    return this.readOnly ? -EROFS : this.volume.begin(room, blocks);
  }

  /** Tells the volume's observer of a change that was made; see `VolumeObserver.changed` for what the values mean. */
  protected did(
    result: number,
    operation: Operation,
    ino: number,
    name = "",
    other = 0,
    otherName = "",
    offset: FileOffset = 0,
    length: FileOffset = 0,
  ): number {
    const { observer } = this.volume;
    if (observer !== null && result >= 0)
      observer.changed(this.id, operation, result, ino, name, other, otherName, offset, length);
    return result;
  }

  /** One that reads. */
  protected reading<T>(run: () => T | number): T | number {
    try {
      return run();
    } catch (thrown) {
      return this.volume.readFailed(thrown);
    } finally {
      this.volume.end();
    }
  }

  /** One that changes something. */
  protected changing(room: Room, blocks: number, run: () => number): number {
    const failed = this.begin(room, blocks);
    if (failed < 0) return failed;
    try {
      return run();
    } catch (thrown) {
      return this.volume.abort(thrown);
    } finally {
      this.volume.end();
    }
  }
}
