/**
 * Where a program's output to a terminal is within a control string (DCS, OSC, SOS, PM, APC: pictures, titles), so that
 * who begins somewhere in it shows none of such a string as text. Source: ECMA-48, 5.6; xterm's Control Sequences.
 */
const BEL = 0x07,
  CAN = 0x18,
  SUB = 0x1a,
  ESC = 0x1b;
const OSC = 0x5d;
/** DCS, SOS, OSC, PM, APC: what comes behind ESC. */
const OPENING = new Set([0x50, 0x58, OSC, 0x5e, 0x5f]);

export class ControlStrings {
  /** What opened the string that we are within; 0: we are in none. */
  #opened = 0;
  #isEscaped = false;

  copy(): ControlStrings {
    const copy = new ControlStrings();
    copy.#opened = this.#opened;
    copy.#isEscaped = this.#isEscaped;
    return copy;
  }

  get isWithin(): boolean {
    return this.#opened !== 0;
  }

  /** @param until  called with each place behind a string's end; true ends that. @returns where it ended */
  take(bytes: Uint8Array, until: () => boolean = () => false): number {
    for (let at = 0; at < bytes.length; at++) {
      if (this.#opened === 0 && !this.#isEscaped && bytes[at] !== ESC) {
        const next = bytes.indexOf(ESC, at);
        if (next < 0) return bytes.length;
        at = next;
      }
      if (this.#step(bytes[at]!) && until()) return at + 1;
    }
    return bytes.length;
  }

  /** Of what comes next, how many bytes belong to the string that we are within. */
  rest(bytes: Uint8Array): number {
    return this.isWithin ? this.take(bytes, () => true) : 0;
  }

  /** @returns a string has ended with it */
  #step(byte: number): boolean {
    const wasEscaped = this.#isEscaped;
    this.#isEscaped = byte === ESC;
    if (this.#opened === 0) {
      if (wasEscaped && OPENING.has(byte)) this.#opened = byte;
      return false;
    }
    // ESC \ ends it; ESC and another letter ends it as well, and is a sequence of its own, which is lost with it.
    const hasEnded = wasEscaped ? byte !== ESC : byte === CAN || byte === SUB || (byte === BEL && this.#opened === OSC);
    if (hasEnded) this.#opened = 0;
    return hasEnded;
  }
}
