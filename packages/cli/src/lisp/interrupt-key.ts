/**
 * Ctrl-C while the prompt of `stratos lisp` evaluates. Nothing else of this process runs meanwhile, and readline has
 * the terminal raw: the key is a byte among those that are typed, which the program's steps look for now and then.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";

const CTRL_C = 3;
/** Between two looks. */
const LOOK_MS = 50;
/** Bytes that are kept of what is typed ahead; what goes beyond is lost, as a terminal would have it. */
const TYPED_MAX = 4096;

export class InterruptKey {
  /** Null: it is not opened; the terminal's own descriptor must not become non-blocking. */
  #fd: number | null;
  #isOpened: boolean;
  #lookedMs: number;
  #typed: number[];

  constructor() {
    this.#fd = null;
    this.#isOpened = false;
    this.#lookedMs = 0;
    this.#typed = [];
  }

  /** Whether it was pressed since the last look. */
  isPressed(): boolean {
    const now = performance.now();
    if (now - this.#lookedMs < LOOK_MS) return false;
    this.#lookedMs = now;
    if (!this.#isOpened) {
      this.#isOpened = true;
      this.#fd = openTerminal();
    }
    if (this.#fd === null) return false;
    const bytes = new Uint8Array(256);
    let count: number;
    try {
      count = readSync(this.#fd, bytes, 0, bytes.length, null);
    } catch {
      return false;
    }
    const at = bytes.subarray(0, count).lastIndexOf(CTRL_C);
    // What was typed before it is gone, as at a terminal that has not been told otherwise (termios(3), NOFLSH).
    if (at >= 0) this.#typed = [];
    this.#typed.push(...bytes.subarray(at + 1, count));
    if (this.#typed.length > TYPED_MAX) this.#typed.length = TYPED_MAX;
    return at >= 0;
  }

  /** What else was typed meanwhile, once. */
  takeTyped(): Uint8Array {
    const typed = Uint8Array.from(this.#typed);
    this.#typed = [];
    return typed;
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}

function openTerminal(): number | null {
  try {
    return openSync("/dev/tty", constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}
