/** The screen of a machine with its keyboard and pointer (`run --screen`), as a page shows and steers it. */
import { BTN_LEFT } from "@stratos/abi";
import type { InputDevices, Screen } from "@stratos/kernel";
import type { MachineSession } from "@stratos/session";
import type { Rectangle } from "@stratos/wayland";
import type { ShownScreen } from "@stratos/display";

/** What a page says of a wheel's notch, in pixels. */
const NOTCH_PIXELS = 15;
const LOOKS_HZ = 30;

interface ScreenOptions {
  /** After each look at the screen. @param changed  where it differs from the one before */
  onFrame(changed: readonly Rectangle[]): void;
}

/**
 * Programs draw into memory and need not tell, so it is looked at from time to time: only when the machine has run
 * since the last look.
 */
export class GuestScreen implements ShownScreen {
  readonly canvas: { readonly width: number; readonly height: number; readonly pixels: Uint32Array };
  readonly cursor = null;
  readonly windows = [];
  readonly textPlace = null;
  readonly isPointerLocked = false;
  readonly #machine: MachineSession["machine"];
  readonly #monitor: Screen;
  readonly #input: InputDevices;
  readonly #onFrame: (changed: readonly Rectangle[]) => void;
  #next: Uint32Array;
  #timer: NodeJS.Timeout | null = null;
  #instructions = -1;
  #textChanges = -1;

  constructor(machine: MachineSession["machine"], { onFrame }: ScreenOptions) {
    const { graphics, input } = machine.kernel;
    this.#machine = machine;
    this.#monitor = graphics!.card.screen;
    this.#input = input!;
    this.#onFrame = onFrame;
    const { width, height } = this.#monitor;
    this.canvas = { width, height, pixels: new Uint32Array(width * height).fill(0xff000000) };
    this.#next = new Uint32Array(width * height);
    this.setRefresh(LOOKS_HZ);
  }

  /** What it shows, for a page. */
  get screen(): this {
    return this;
  }

  /** A program has drawn on it. */
  get isUsed(): boolean {
    return this.#monitor.isUsed;
  }

  /** How often it is looked at in a second, at most. */
  setRefresh(refreshHz: number): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = setInterval(() => this.look(), 1000 / Math.min(refreshHz, LOOKS_HZ));
    // Looking on keeps nothing from its end.
    this.#timer.unref();
  }

  look(): void {
    const { kernel, processor } = this.#machine;
    const instructions = processor.retired(kernel.tally);
    // Keys are echoed on a text console without an instruction.
    const textChanges = this.#monitor.text?.changes ?? 0;
    if (instructions === this.#instructions && textChanges === this.#textChanges) return;
    this.#instructions = instructions;
    this.#textChanges = textChanges;
    this.#monitor.picture(this.#next);
    this.#onFrame(this.#take());
  }

  /** @returns the rows that differ, in bands; the canvas has them now */
  #take(): Rectangle[] {
    const { width, height, pixels } = this.canvas;
    const next = this.#next;
    const changed: Rectangle[] = [];
    let from = -1;
    for (let line = 0; line <= height; line++) {
      const differs = line < height && rowDiffers(pixels, next, line * width, width);
      if (differs && from < 0) from = line;
      if (differs || from < 0) continue;
      changed.push({ x: 0, y: from, width, height: line - from });
      from = -1;
    }
    if (changed.length > 0) pixels.set(next);
    return changed;
  }

  key(key: number, isDown: boolean): void {
    this.#input.keyboard.press(key, isDown);
  }

  movePointer(x: number, y: number): void {
    const { width, height } = this.canvas;
    this.#input.tablet.move(x / (width - 1), y / (height - 1));
  }

  button(button: number, isDown: boolean): void {
    this.#input.tablet.press(button, isDown);
  }

  scroll(dx: number, dy: number): void {
    this.#input.tablet.turn(dx / NOTCH_PIXELS, dy / NOTCH_PIXELS);
  }

  /** The first finger is the pointer with its button. */
  touch(finger: number, phase: "down" | "move" | "up" | "cancel", x: number, y: number): void {
    if (finger !== 0) return;
    if (phase === "down" || phase === "move") this.movePointer(x, y);
    if (phase !== "move") this.button(BTN_LEFT, phase === "down");
  }

  movePointerBy(): void {}

  unlockPointer(): void {}

  /** Text comes as keys. */
  composeText(): boolean {
    return false;
  }

  commitText(): boolean {
    return false;
  }

  /** There is nothing here that could be pasted from. */
  copyText(): boolean {
    return false;
  }

  readCopied(onText: (text: string | null) => void): void {
    onText(null);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

function rowDiffers(one: Uint32Array, other: Uint32Array, from: number, count: number): boolean {
  for (let at = from; at < from + count; at++) if (one[at] !== other[at]) return true;
  return false;
}
