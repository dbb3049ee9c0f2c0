/** The keys that leave a program to itself, as container engines have them: `ctrl-p,ctrl-q`. */
import { InvalidArgumentError } from "commander";

/** What is typed without thinking, and programs seldom want. */
export const DETACH_KEYS = "ctrl-p,ctrl-q";

const CTRL_CHARACTERS = "@abcdefghijklmnopqrstuvwxyz[\\]^_";

/** @returns bytes; none: nothing detaches */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === "") return new Uint8Array(0);
  return Uint8Array.from(
    text.split(",").map((key) => {
      const ctrl = /^ctrl-(.)$/.exec(key)?.[1];
      const code = ctrl === undefined ? -1 : CTRL_CHARACTERS.indexOf(ctrl);
      if (code >= 0) return code;
      if (/^[!-~]$/.test(key)) return key.charCodeAt(0);
      throw new InvalidArgumentError(
        "expected keys such as ctrl-p,ctrl-q: a character, or ctrl- with a-z @ [ \\ ] ^ _",
      );
    }),
  );
}

/** Looks for the keys in what is typed. The first ones are held back until it is clear that they are not meant. */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** @returns what is to be passed on; null: the keys are complete */
  scan(bytes: Uint8Array): Uint8Array | null {
    const keys = this.#keys;
    if (keys.length === 0) return bytes;
    const passed: number[] = [];
    for (const byte of bytes) {
      if (byte !== keys[this.#matched]) {
        passed.push(...keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== keys[this.#matched]) passed.push(byte);
      else if (++this.#matched === keys.length) return null;
    }
    return Uint8Array.from(passed);
  }
}
