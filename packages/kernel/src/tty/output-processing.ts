import { IUTF8, OCRNL, OLCUC, ONLCR, ONLRET, ONOCR, OPOST, TABDLY, XTABS } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Termios } from "./termios.ts";

/** The most bytes that one byte becomes: a tab of spaces. */
export const EXPANSION_MAX = 8;

/** Is this byte not the first of its UTF-8 character? Then it takes no column (IUTF8). */
export function isContinuation(byte: number, termios: Termios): boolean {
  return (termios.iflag & IUTF8) !== 0 && (byte & 0xc0) === 0x80;
}

export function isControl(byte: number): boolean {
  return byte < 0x20 || byte === 0x7f;
}

/** As the kernel's toupper and tolower have it: Latin-1. */
function upperCase(byte: number): number {
  return (byte >= 97 && byte <= 122) || (byte >= 0xdf && byte !== 0xf7) ? byte - 32 : byte;
}

export function lowerCase(byte: number): number {
  return (byte >= 65 && byte <= 90) || (byte >= 0xc0 && byte <= 0xde && byte !== 0xd7) ? byte + 32 : byte;
}

/**
 * Output post-processing (termios(3), c_oflag) and the column of the cursor, which the echo of an erased tab needs.
 * Source of the rules: Linux drivers/tty/n_tty.c do_output_char.
 */
export class OutputProcessing {
  #termios: Termios;
  column = 0;
  /** Column where the present input line began to be echoed. */
  canonicalColumn = 0;

  constructor(termios: Termios) {
    this.#termios = termios;
  }

  /**
   * Writes what `byte` becomes to `target[at …)`, which has EXPANSION_MAX bytes of place; returns the place behind it.
   */
  put(byte: number, target: Uint8Array, at: number): number {
    const { oflag } = this.#termios;
    if ((oflag & OPOST) === 0) {
      target[at++] = byte;
      return at;
    }
    switch (byte) {
      case 10:
        if ((oflag & ONLRET) !== 0) this.column = 0;
        if ((oflag & ONLCR) !== 0) {
          this.column = 0;
          target[at++] = 13;
        }
        this.canonicalColumn = this.column;
        break;
      case 13:
        if ((oflag & ONOCR) !== 0 && this.column === 0) return at;
        if ((oflag & OCRNL) !== 0) {
          byte = 10;
          if ((oflag & ONLRET) === 0) break;
        }
        this.column = 0;
        this.canonicalColumn = 0;
        break;
      case 9: {
        const spaces = 8 - (this.column & 7);
        this.column += spaces;
        if ((oflag & TABDLY) === XTABS) {
          for (let count = 0; count < spaces; count++) target[at++] = 32;
          return at;
        }
        break;
      }
      case 8:
        if (this.column > 0) this.column--;
        break;
      default:
        if (isControl(byte)) break;
        if ((oflag & OLCUC) !== 0) byte = upperCase(byte);
        if (!isContinuation(byte, this.#termios)) this.column++;
    }
    target[at++] = byte;
    return at;
  }

  static {
    stateClass("OutputProcessing", this, {
      save: (it) => ({ termios: it.#termios }),
      load: (it, from) => ({ termios: it.#termios } = from),
    });
  }
}
