import {
  ABS_X,
  ABS_Y,
  BTN_LEFT,
  BTN_TASK,
  EV_ABS,
  EV_KEY,
  EV_REL,
  INPUT_PROP_POINTER,
  REL_HWHEEL,
  REL_HWHEEL_HI_RES,
  REL_WHEEL,
  REL_WHEEL_HI_RES,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type Clocks, InputDevice } from "./input-device.ts";

/** Steps of an axis, whatever the screen has of pixels. */
const AXIS_MAX = 32767;
/** Of a wheel in fine steps: a notch. */
const NOTCH = 120;

/** /dev/input/event1: a pointer that is put where it is on the screen, as those of virtual machines are. */
export class Tablet extends InputDevice {
  /** Parts of a notch that the wheel has turned. */
  #turned = { x: 0, y: 0 };

  constructor(clocks: Clocks) {
    super(clocks, "Stratos tablet", 2, {
      codes: new Map([
        [EV_KEY, Array.from({ length: BTN_TASK - BTN_LEFT + 1 }, (_, index) => BTN_LEFT + index)],
        [EV_REL, [REL_HWHEEL, REL_WHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES]],
        [EV_ABS, [ABS_X, ABS_Y]],
      ]),
      properties: [INPUT_PROP_POINTER],
    });
    for (const axis of [ABS_X, ABS_Y]) this.axes.set(axis, { value: 0, minimum: 0, maximum: AXIS_MAX, resolution: 0 });
  }

  /** @param x  0 is the left edge of the screen, 1 the right one; `y` from the top */
  move(x: number, y: number): void {
    for (const [axis, part] of [
      [ABS_X, x],
      [ABS_Y, y],
    ] as const)
      this.emit(EV_ABS, axis, Math.round(Math.min(1, Math.max(0, part)) * AXIS_MAX));
    this.sync();
  }

  /** @param button  of input-event-codes.h */
  press(button: number, isDown: boolean): void {
    this.emit(EV_KEY, button, isDown ? 1 : 0);
    this.sync();
  }

  /** @param x  notches to the right; `y` downwards */
  turn(x: number, y: number): void {
    this.emit(EV_REL, REL_HWHEEL_HI_RES, Math.round(x * NOTCH));
    this.emit(EV_REL, REL_WHEEL_HI_RES, Math.round(-y * NOTCH));
    this.emit(EV_REL, REL_HWHEEL, this.#notches("x", x));
    this.emit(EV_REL, REL_WHEEL, -this.#notches("y", y));
    this.sync();
  }

  #notches(axis: "x" | "y", by: number): number {
    this.#turned[axis] += by;
    const whole = Math.trunc(this.#turned[axis]);
    this.#turned[axis] -= whole;
    return whole;
  }

  static {
    stateClass("Tablet", this, {
      save: (it) => ({ turned: it.#turned }),
      load: (it, from) => ({ turned: it.#turned } = from),
    });
  }
}
