/**
 * wl_keyboard. The keymap names the layout's parts, which the program's own libxkbcommon finds in its xkb-data: so
 * every layout that the image has can be chosen, and none has to be brought along.
 */
import { byteStringOf } from "@stratos/base";
import { list, maybe, record, uint32, whole } from "@stratos/base/value-check";
import type { SharedFile } from "../core/ports.ts";
import type { Resource } from "../core/resource.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import { a } from "../saved/saved-class.ts";
import { areResources, keptOf, keptSurface } from "../surface/kept.ts";
import type { Surface } from "../surface/surface.ts";

/** Repeats in a second of a key that is held, and how long it is held before the first. */
const REPEAT_RATE = 25,
  REPEAT_DELAY_MS = 400;

/** Real modifiers of XKB's core protocol, by keys of Linux' input-event-codes.h. */
export const SHIFT = 1,
  CONTROL = 4;
const LOCK = 2,
  MOD1 = 8,
  MOD2 = 16,
  MOD4 = 64;
const HELD: Readonly<Record<number, number>> = {
  42: SHIFT, // KEY_LEFTSHIFT
  54: SHIFT, // KEY_RIGHTSHIFT
  29: CONTROL, // KEY_LEFTCTRL
  97: CONTROL, // KEY_RIGHTCTRL
  56: MOD1, // KEY_LEFTALT
  100: MOD1, // KEY_RIGHTALT
  125: MOD4, // KEY_LEFTMETA
  126: MOD4, // KEY_RIGHTMETA
};
const LOCKED: Readonly<Record<number, number>> = {
  58: LOCK, // KEY_CAPSLOCK
  69: MOD2, // KEY_NUMLOCK
};

/** @param layout  as setxkbmap(1) takes it, such as `us` or `de(nodeadkeys)` */
export function keymapBytes(layout: string): Uint8Array {
  return byteStringOf(`xkb_keymap {
  xkb_keycodes { include "evdev+aliases(qwerty)" };
  xkb_types { include "complete" };
  xkb_compat { include "complete" };
  xkb_symbols { include "pc+${layout}+inet(evdev)" };
};
\0`);
}

interface SavedKeyboard {
  readonly resources: readonly Resource[];
  readonly pressed: readonly number[];
  readonly locked: number;
  readonly focus: Surface | null;
}

export const isSavedKeyboard = record({
  resources: areResources,
  pressed: list(uint32, 1 << 16),
  locked: whole(0, 255),
  focus: maybe(a("Surface")),
});

export class Keyboard {
  #keymap: { readonly file: SharedFile; readonly sizeBytes: number };
  readonly #nextSerial: () => number;
  readonly #resources = new Set<Resource>();
  readonly #pressed = new Set<number>();
  #locked = 0;
  #focus: Surface | null = null;

  constructor(keymap: { readonly file: SharedFile; readonly sizeBytes: number }, nextSerial: () => number) {
    this.#keymap = keymap;
    this.#nextSerial = nextSerial;
  }

  add(resource: Resource): void {
    this.#resources.add(resource);
    this.serve(resource);
    this.#tellKeymap(resource);
    events.wl_keyboard.repeat_info(resource, REPEAT_RATE, REPEAT_DELAY_MS);
    if (this.#focus?.client === resource.client) this.#enter(resource, this.#focus);
  }

  serve(resource: Resource): void {
    resource.onDestroy(() => this.#resources.delete(resource));
    implement(resource, "wl_keyboard", { release: () => {} });
  }

  save(): SavedKeyboard {
    return {
      resources: keptOf(this.#resources),
      pressed: [...this.#pressed],
      locked: this.#locked,
      focus: keptSurface(this.#focus),
    };
  }

  goOn({ resources, pressed, locked, focus }: SavedKeyboard): void {
    for (const resource of resources) this.#resources.add(resource);
    for (const key of pressed) this.#pressed.add(key);
    this.#locked = locked;
    this.#focus = focus;
  }

  /** Nobody presses any any more. */
  letGo(timeMs: number): void {
    for (const key of [...this.#pressed]) this.press(key, false, timeMs);
  }

  #tellKeymap(resource: Resource): void {
    const { file, sizeBytes } = this.#keymap;
    events.wl_keyboard.keymap(resource, enums.wl_keyboard.keymap_format.xkb_v1, file, sizeBytes);
  }

  /** Keys mean something else from here on. */
  setKeymap(keymap: { readonly file: SharedFile; readonly sizeBytes: number }): void {
    this.#keymap = keymap;
    for (const resource of this.#resources) this.#tellKeymap(resource);
  }

  setFocus(surface: Surface | null): void {
    if (surface === this.#focus) return;
    const before = this.#focus;
    if (before !== null && !before.resource.isDestroyed) {
      const serial = this.#nextSerial();
      for (const each of this.#of(before)) events.wl_keyboard.leave(each, serial, before.resource);
    }
    this.#focus = surface;
    if (surface !== null) for (const each of this.#of(surface)) this.#enter(each, surface);
  }

  #enter(resource: Resource, surface: Surface): void {
    const keys = new Uint8Array(Uint32Array.from(this.#pressed).buffer);
    events.wl_keyboard.enter(resource, this.#nextSerial(), surface.resource, keys);
    this.#tellModifiers(resource);
  }

  /** Modifiers, as bits. */
  get held(): number {
    let held = 0;
    for (const key of this.#pressed) held |= HELD[key] ?? 0;
    return held;
  }

  #tellModifiers(resource: Resource): void {
    events.wl_keyboard.modifiers(resource, this.#nextSerial(), this.held, 0, this.#locked, 0);
  }

  /** @param key  of input-event-codes.h */
  press(key: number, isDown: boolean, timeMs: number): void {
    if (this.#pressed.has(key) === isDown) return;
    if (isDown) this.#pressed.add(key);
    else this.#pressed.delete(key);
    if (isDown) this.#locked ^= LOCKED[key] ?? 0;
    const { pressed, released } = enums.wl_keyboard.key_state;
    const serial = this.#nextSerial();
    const isModifier = key in HELD || key in LOCKED;
    for (const each of this.#focus === null ? [] : this.#of(this.#focus)) {
      events.wl_keyboard.key(each, serial, timeMs, key, isDown ? pressed : released);
      if (isModifier) this.#tellModifiers(each);
    }
  }

  #of({ client }: Surface): Resource[] {
    return [...this.#resources].filter((each) => each.client === client);
  }
}
