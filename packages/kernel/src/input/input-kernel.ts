import type { FsKernel } from "../fs/fs-kernel.ts";
import type { TimerQueue } from "../time/timer-queue.ts";
import type { TtyState } from "../tty/tty-state.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";
import type { InputDevice } from "./input-device.ts";
import type { Keyboard } from "./keyboard.ts";
import type { Tablet } from "./tablet.ts";

export interface InputDevices {
  readonly keyboard: Keyboard;
  readonly tablet: Tablet;
  /** In the order of their nodes. */
  readonly all: readonly InputDevice[];
}

/** What keyboards and mice need of the kernel. */
export interface InputKernel extends FsKernel {
  readonly timers: TimerQueue;
  readonly tty: TtyState;
  /** Null: the machine has none. */
  input: InputDevices | null;
}

/** Who reads one. */
export interface InputCaller extends Caller {
  readonly kernel: InputKernel;
}
