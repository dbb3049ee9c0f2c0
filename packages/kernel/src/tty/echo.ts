import { ECHOCTL } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { ByteRing } from "./byte-ring.ts";
import { EXPANSION_MAX, isControl, type OutputProcessing } from "./output-processing.ts";
import type { Termios } from "./termios.ts";

/**
 * What a terminal echoes waits here while the other side has no room or output is stopped. Bound: as Linux,
 * N_TTY_BUF_SIZE; more is lost.
 */
const ECHO_CAPACITY = 4096;

/** Echo of input (termios(3), ECHO…): bytes are post-processed in the order in which they reach the screen. */
export class Echo {
  #termios: Termios;
  #output: OutputProcessing;
  readonly pending = new ByteRing(ECHO_CAPACITY);
  #expansion = new Uint8Array(EXPANSION_MAX);
  /** Between the backslash and the slash of ECHOPRT. */
  isErasing = false;
  /** Where the cursor was before what is pending. */
  #column = 0;
  #canonicalColumn = 0;

  constructor(termios: Termios, output: OutputProcessing) {
    this.#termios = termios;
    this.#output = output;
  }

  /** Has it room for a byte, whatever that becomes? */
  get hasRoom(): boolean {
    return this.pending.room >= EXPANSION_MAX;
  }

  /** Drops what was not shown yet: the cursor is where it was before. */
  clear(): void {
    if (this.pending.length === 0) return;
    this.pending.clear();
    this.#output.column = this.#column;
    this.#output.canonicalColumn = this.#canonicalColumn;
  }

  #begin(): void {
    if (this.pending.length > 0) return;
    this.#column = this.#output.column;
    this.#canonicalColumn = this.#output.canonicalColumn;
  }

  /** A byte as it is. */
  raw(byte: number): void {
    this.#begin();
    if (byte === 0xff) {
      // Linux's own mark in its echo buffer: shown as it is.
      if (this.pending.room > 0) this.pending.pushByte(byte);
      this.#output.column++;
      return;
    }
    const end = this.#output.put(byte, this.#expansion, 0);
    if (this.pending.room >= end) this.pending.push(this.#expansion, 0, end);
  }

  /** A byte as the user shall see it: control characters as ^X when ECHOCTL is on. */
  shown(byte: number): void {
    if ((this.#termios.lflag & ECHOCTL) === 0 || !isControl(byte) || byte === 9) {
      this.raw(byte);
      return;
    }
    if (this.pending.room < 2) return;
    this.#begin();
    this.pending.pushByte(94);
    this.pending.pushByte(byte ^ 0x40);
    this.#output.column += 2;
  }

  /** Rubs out one column. */
  rubOut(): void {
    this.raw(8);
    this.raw(32);
    this.raw(8);
  }

  /**
   * Goes back over a tab.
   * @param columns  columns of what stands between the start of the line, or an earlier tab, and this tab
   */
  rubOutTab(columns: number, isAfterTab: boolean): void {
    this.#begin();
    const end = isAfterTab ? columns : columns + this.#output.canonicalColumn;
    for (let left = 8 - (end & 7); left > 0; left--) {
      if (this.pending.room > 0) this.pending.pushByte(8);
      if (this.#output.column > 0) this.#output.column--;
    }
  }

  finishErasing(): void {
    if (!this.isErasing) return;
    this.isErasing = false;
    this.raw(47);
  }

  markLineStart(): void {
    this.#output.canonicalColumn = this.#output.column;
  }

  moveBack(): void {
    if (this.#output.column > 0) this.#output.column--;
  }

  static {
    stateClass("Echo", this, {
      save: (it) => ({
        termios: it.#termios,
        output: it.#output,
        expansion: it.#expansion,
        column: it.#column,
        canonicalColumn: it.#canonicalColumn,
      }),
      load: (it, from) =>
        ({
          termios: it.#termios,
          output: it.#output,
          expansion: it.#expansion,
          column: it.#column,
          canonicalColumn: it.#canonicalColumn,
        } = from),
    });
  }
}
