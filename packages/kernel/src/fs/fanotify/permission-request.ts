import { stateClass } from "@stratos/base";
import { WaitQueue } from "../../ground/wait-queue.ts";
import type { FsCaller } from "../fs-kernel.ts";

/** What a call waits for: that a listener of fanotify(7) allows or denies it. */
export class PermissionRequest {
  readonly key: string;
  /** Whose call it is. */
  readonly caller: FsCaller;
  /** FAN_ALLOW or FAN_DENY; 0: there is none yet. */
  answer = 0;
  /** What it was read as; the answer names it. */
  fd = -1;
  readonly queue = new WaitQueue();

  constructor(key: string, caller: FsCaller) {
    this.key = key;
    this.caller = caller;
  }

  /** Does the call still wait? It may have been killed. */
  get isWaitedFor(): boolean {
    const { caller } = this;
    return caller.permissions?.asked === this && caller.state !== "X" && caller.state !== "Z";
  }

  give(answer: number): void {
    if (this.answer !== 0) return;
    this.answer = answer;
    this.queue.wakeAll();
  }

  static {
    stateClass("PermissionRequest", this);
  }
}
