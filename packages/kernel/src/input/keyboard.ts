import { EV_KEY, EV_LED, EV_MSC, EV_REP, KEY_MICMUTE, LED_CAPSL, LED_NUML, LED_SCROLLL } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { Timer, type TimerQueue } from "../time/timer-queue.ts";
import type { TtyState } from "../tty/tty-state.ts";
import { type Clocks, InputDevice } from "./input-device.ts";

const NS_PER_MS = 1e6;
/** Linux's (input.c, input_enable_softrepeat). */
const REPEAT_DELAY_MS = 250,
  REPEAT_PERIOD_MS = 33;

interface KeyboardKernel extends Clocks {
  readonly timers: TimerQueue;
  readonly tty: TtyState;
}

/** /dev/input/event0. Keys that are held are repeated. */
export class Keyboard extends InputDevice {
  #kernel: KeyboardKernel;
  #timer = new Timer(this);
  /** The key that is repeated; 0: none. */
  #repeated = 0;

  constructor(kernel: KeyboardKernel) {
    super(kernel, "Stratos keyboard", 1, {
      codes: new Map([
        [EV_KEY, Array.from({ length: KEY_MICMUTE }, (_, index) => index + 1)],
        [EV_LED, [LED_NUML, LED_CAPSL, LED_SCROLLL]],
        [EV_REP, []],
        [EV_MSC, []],
      ]),
      properties: [],
    });
    this.#kernel = kernel;
    this.repeatDelayMs = REPEAT_DELAY_MS;
    this.repeatPeriodMs = REPEAT_PERIOD_MS;
  }

  /** @param key  of input-event-codes.h; others are passed over */
  press(key: number, isDown: boolean): void {
    if (!this.has(EV_KEY, key) || this.keysDown.has(key) === isDown) return;
    this.#tell(key, isDown ? 1 : 0);
    if (isDown && this.repeatDelayMs > 0) this.#repeat(key, this.repeatDelayMs);
    else if (!isDown && this.#repeated === key) this.#repeat(0, 0);
  }

  /** Readers of the device, and the text console, unless one reader has it alone. */
  #tell(key: number, value: number): void {
    this.emit(EV_KEY, key, value);
    this.sync();
    if (this.grabber === null) this.#kernel.tty.virtual?.key(key, value);
  }

  #repeat(key: number, afterMs: number): void {
    this.#repeated = key;
    const { timers } = this.#kernel;
    if (key === 0) timers.cancel(this.#timer);
    else timers.set(this.#timer, this.#kernel.now() + afterMs * NS_PER_MS);
  }

  timerExpired(): void {
    const key = this.#repeated;
    if (!this.keysDown.has(key)) return;
    this.#tell(key, 2);
    if (this.repeatPeriodMs > 0) this.#repeat(key, this.repeatPeriodMs);
  }

  static {
    stateClass("Keyboard", this, {
      save: (it) => ({ kernel: it.#kernel, timer: it.#timer, repeated: it.#repeated }),
      load: (it, from) => ({ kernel: it.#kernel, timer: it.#timer, repeated: it.#repeated } = from),
    });
  }
}
