/** The file that process accounting writes to (acct(2)); what is written there: account-process.ts. */
import { stateClass } from "@stratos/base";
import type { OpenFile } from "../vfs/open-file.ts";

export class Accounting {
  #kernel: { now(): number };
  #file: OpenFile | null = null;
  /** It rests while the file system is nearly full. */
  #isResting = false;
  #nextLookNs = 0;
  /** kernel.acct: rests below `low` percent of free space, goes on at `high`, looks each `seconds` (proc(5)). */
  limits = { high: 4, low: 2, seconds: 30 };

  constructor(kernel: { now(): number }) {
    this.#kernel = kernel;
  }

  /** Records go to the file from now on; null: nowhere. It must be regular. */
  use(file: OpenFile | null): void {
    this.#file?.release();
    this.#file = file;
    this.#isResting = false;
    this.#nextLookNs = 0;
  }

  /** Where the record of a process that has ended goes; null: nowhere just now. */
  get recordFile(): OpenFile | null {
    const file = this.#file;
    return file !== null && this.#hasSpace(file) ? file : null;
  }

  #hasSpace(file: OpenFile): boolean {
    const now = this.#kernel.now();
    if (now < this.#nextLookNs) return !this.#isResting;
    this.#nextLookNs = now + this.limits.seconds * 1e9;
    const usage = file.inode!.fileSystem.usage();
    const percent = usage.blocks === 0 ? 100 : (usage.blocksFree * 100) / usage.blocks;
    if (percent < this.limits.low) this.#isResting = true;
    else if (percent >= this.limits.high) this.#isResting = false;
    return !this.#isResting;
  }

  static {
    stateClass("Accounting", this, {
      save: (it) => ({ kernel: it.#kernel, file: it.#file, isResting: it.#isResting, nextLookNs: it.#nextLookNs }),
      load: (it, from) =>
        ({ kernel: it.#kernel, file: it.#file, isResting: it.#isResting, nextLookNs: it.#nextLookNs } = from),
    });
  }
}
