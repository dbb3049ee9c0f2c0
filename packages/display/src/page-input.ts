/** What a page says that a person has done: checked, and told to the screen. */
import { KEYS, keyOf } from "./keys.ts";
import type { ShownScreen } from "./shown-screen.ts";

/** Numbers that a page may say: of keys, of buttons, how far a wheel turns or the pointer goes, of fingers. */
const KEY_MAX = 0x2ff,
  SCROLL_MAX = 10_000,
  FINGER_MAX = 9;
/** Characters of a text that comes in parts. */
const TEXT_MAX = 1 << 20;
const PHASES = ["down", "move", "up", "cancel"] as const;

export type Message = Readonly<Record<string, unknown>>;

/** What it cannot be read as says nothing. */
export function parseMessage(text: string): Message {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Message) : {};
  } catch {
    return {};
  }
}

export class PageInput {
  readonly #screen: ShownScreen;
  /** Held down: nobody else lets go of them when the page is gone. */
  readonly #keys = new Set<number>();
  readonly #buttons = new Set<number>();
  readonly #fingers = new Set<number>();
  /** Parts of a text so far. */
  #parts = "";

  constructor(screen: ShownScreen) {
    this.#screen = screen;
  }

  take(message: Message): void {
    const { move, relative, unlock, button, key, down, scroll, touch, phase } = message;
    const screen = this.#screen;
    const { width, height } = screen.canvas;
    const isOn = ([x, y]: readonly [number, number]): boolean => x >= 0 && y >= 0 && x <= width && y <= height;
    const moved = pairOf(move);
    if (isOn(moved)) screen.movePointer(...moved);
    const [byX, byY] = pairOf(relative);
    if (Math.abs(byX) <= SCROLL_MAX && Math.abs(byY) <= SCROLL_MAX) screen.movePointerBy(byX, byY);
    if (unlock === true) screen.unlockPointer();
    if (isWithin(button, KEY_MAX) && typeof down === "boolean") {
      screen.button(button, down);
      setHeld(this.#buttons, button, down);
    }
    if (isWithin(key, KEY_MAX) && typeof down === "boolean") {
      screen.key(key, down);
      setHeld(this.#keys, key, down);
    }
    const [dx, dy] = pairOf(scroll);
    if (Math.abs(dx) <= SCROLL_MAX && Math.abs(dy) <= SCROLL_MAX) screen.scroll(dx, dy);
    const known = PHASES.find((each) => each === phase);
    if (isWithin(touch, FINGER_MAX) && known !== undefined) {
      const place = pairOf(message["at"]);
      const isPlaced = known === "up" || known === "cancel" || isOn(place);
      if (isPlaced) screen.touch(touch, known, ...place);
      if (isPlaced && known !== "move") setHeld(this.#fingers, touch, known === "down");
    }
    this.#takeText(message);
  }

  /** Text that is pasted, that is being composed, or that is typed as such. */
  #takeText({ paste, preedit, text, more }: Message): void {
    const screen = this.#screen;
    if (typeof preedit === "string") screen.composeText(preedit);
    const part = paste ?? text;
    if (typeof part !== "string") return;
    this.#parts = (this.#parts + part).slice(0, TEXT_MAX + 1);
    if (more === true) return;
    const whole = this.#parts;
    this.#parts = "";
    // What is cut might mean something else.
    if (whole.length > TEXT_MAX) return;
    if (typeof paste === "string") screen.copyText(whole);
    else if (!screen.commitText(whole)) this.#type(whole);
  }

  /** A program that takes keys only gets those that write the text on the layout which it has. */
  #type(text: string): void {
    const shift = KEYS["ShiftLeft"]!;
    const press = (key: number): void => {
      this.#screen.key(key, true);
      this.#screen.key(key, false);
    };
    for (const character of text) {
      const found = keyOf(character);
      if (found === null) continue;
      if (found.isShifted) this.#screen.key(shift, true);
      press(found.key);
      if (found.isShifted) this.#screen.key(shift, false);
    }
  }

  /** The page is gone. */
  letGo(): void {
    for (const button of this.#buttons) this.#screen.button(button, false);
    for (const key of this.#keys) this.#screen.key(key, false);
    for (const finger of this.#fingers) this.#screen.touch(finger, "cancel", 0, 0);
    for (const held of [this.#buttons, this.#keys, this.#fingers]) held.clear();
  }
}

function setHeld(held: Set<number>, number: number, isDown: boolean): void {
  if (isDown) held.add(number);
  else held.delete(number);
}

function isWithin(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

/** NaN where there is none, which no comparison lets through. */
function pairOf(value: unknown): readonly [number, number] {
  const { x, y } = (typeof value === "object" && value !== null ? value : {}) as Message;
  return [typeof x === "number" ? x : NaN, typeof y === "number" ? y : NaN];
}
