import { stateClass } from "@stratos/base";
import { WaitQueue } from "./wait-queue.ts";

/** Something that is shown as text and changes now and then: who polls the text is told. */
export class Changes {
  /** Grows with each change. */
  version = 0;
  readonly queue = new WaitQueue();

  changed(): void {
    this.version++;
    this.queue.wakeAll();
  }

  static {
    stateClass("Changes", this);
  }
}
