import { stateClass } from "@stratos/base";
import type { Frame } from "./frame.ts";

/** Frames that were noted one by one; it keeps its room, so that noting them again makes no garbage. */
export class FrameList {
  #frames = new Int32Array(256);
  #length = 0;

  push(frame: Frame): void {
    if (this.#length === this.#frames.length) {
      const larger = new Int32Array(2 * this.#length);
      larger.set(this.#frames);
      this.#frames = larger;
    }
    this.#frames[this.#length++] = frame;
  }

  forEach(visit: (frame: Frame) => void): void {
    for (let at = 0; at < this.#length; at++) visit(this.#frames[at]!);
  }

  clear(): void {
    this.#length = 0;
  }

  static {
    stateClass("FrameList", this, {
      save: (it) => ({ frames: it.#frames, length: it.#length }),
      load: (it, from) => ({ frames: it.#frames, length: it.#length } = from),
    });
  }
}
