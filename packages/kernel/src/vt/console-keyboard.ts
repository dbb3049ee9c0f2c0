/** Which modifiers are held, and what keys mean to the text console that is shown. */
import { stateClass } from "@stratos/base";
import { bytesOfKey } from "./keymap.ts";
import type { VirtualTerminal } from "./virtual-terminal.ts";

const KEY_CAPSLOCK = 58,
  KEY_NUMLOCK = 69,
  KEY_LEFT = 105,
  KEY_RIGHT = 106,
  KEY_F1 = 59,
  KEY_F10 = 68,
  KEY_F11 = 87;
/** Of modifiers the bit of Linux's shift state (keyboard.h: KG_SHIFT, KG_CTRL, KG_ALT). */
const SHIFT = 1,
  CONTROL = 4,
  ALT = 8;
const MODIFIERS: ReadonlyMap<number, number> = new Map([
  [42, SHIFT],
  [54, SHIFT],
  [29, CONTROL],
  [97, CONTROL],
  [56, ALT],
  [100, ALT],
]);
/** Bits of KDGETLED. */
const LED_NUM = 2,
  LED_CAPS = 4;
/** Keys that scan codes of a byte reach (AT, set 1); they have the same numbers. */
const SCANCODE_MAX = 88;

/** What keys can do beside writing. */
interface Consoles {
  readonly active: number;
  readonly last: number;
  readonly shown: VirtualTerminal | null;
  activate(number: number): void;
}

export class ConsoleKeyboard {
  readonly consoles: Consoles;
  #held = new Set<number>();
  #isCapsLocked = false;
  #isNumLocked = false;

  constructor(consoles: Consoles) {
    this.consoles = consoles;
  }

  get shiftState(): number {
    let state = 0;
    for (const key of this.#held) state |= MODIFIERS.get(key)!;
    return state;
  }

  /** As KDGETLED has it. */
  get locks(): number {
    return (this.#isCapsLocked ? LED_CAPS : 0) | (this.#isNumLocked ? LED_NUM : 0);
  }

  /**
   * @param isTaken  whoever has the console reads keys otherwise: they write nothing, and switch to no other one
   * @returns what the key writes, a byte each
   */
  press(key: number, value: number, isTaken: boolean): string {
    const modifier = MODIFIERS.get(key);
    if (modifier !== undefined) {
      if (value === 0) this.#held.delete(key);
      else this.#held.add(key);
      return "";
    }
    if (value === 0 || isTaken) return "";
    if (key === KEY_CAPSLOCK || key === KEY_NUMLOCK) {
      if (value === 2) return "";
      if (key === KEY_CAPSLOCK) this.#isCapsLocked = !this.#isCapsLocked;
      else this.#isNumLocked = !this.#isNumLocked;
      return "";
    }
    const state = this.shiftState;
    if ((state & ALT) !== 0 && this.#switches(key)) return "";
    const codes = this.consoles.shown?.codes;
    return bytesOfKey(key, {
      shift: (state & SHIFT) !== 0,
      control: (state & CONTROL) !== 0,
      alt: (state & ALT) !== 0,
      isCapsLocked: this.#isCapsLocked,
      isNumLocked: this.#isNumLocked,
      hasApplicationArrows: codes?.hasApplicationArrows === true,
      returnsWithLine: codes?.returnsWithLine === true,
    });
  }

  /** Alt-F1 … F12, with Control or without; Alt with an arrow: the next one. */
  #switches(key: number): boolean {
    const { active, last } = this.consoles;
    if (key >= KEY_F1 && key <= KEY_F10) this.consoles.activate(key - KEY_F1 + 1);
    else if (key === KEY_F11 || key === KEY_F11 + 1) this.consoles.activate(key - KEY_F11 + 11);
    else if (key === KEY_LEFT) this.consoles.activate(active > 1 ? active - 1 : last);
    else if (key === KEY_RIGHT) this.consoles.activate(active < last ? active + 1 : 1);
    else return false;
    return true;
  }

  /** K_MEDIUMRAW: the key's number with its state; K_RAW: as AT keyboards tell it, where that is a byte. */
  raw(key: number, value: number, isScanCode: boolean): string {
    const up = value === 0 ? 0x80 : 0;
    if (isScanCode) return key <= SCANCODE_MAX ? String.fromCharCode(key | up) : "";
    if (key < 128) return String.fromCharCode(key | up);
    return String.fromCharCode(up, (key >> 7) | 0x80, key | 0x80);
  }

  static {
    stateClass("ConsoleKeyboard", this, {
      save: (it) => ({ held: it.#held, isCapsLocked: it.#isCapsLocked, isNumLocked: it.#isNumLocked }),
      load: (it, from) => ({ held: it.#held, isCapsLocked: it.#isCapsLocked, isNumLocked: it.#isNumLocked } = from),
    });
  }
}
