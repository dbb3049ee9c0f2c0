/** Of commands that remove many files: what cannot be removed is told, and the others go all the same. */
import { printable } from "@stratos/base";
import { hostReason } from "./command-error.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "./exit-status.ts";

/** Lines; of a read-only file system each file is one that cannot be removed. */
const TOLD_MAX = 10;

export class FailedRemovals {
  #count = 0;

  get any(): boolean {
    return this.#count > 0;
  }

  readonly tell = (path: string, error: unknown): void => {
    if (++this.#count > TOLD_MAX) return;
    process.stderr.write(`stratos: ${printable(path)}: not removed: ${hostReason(error)}\n`);
  };

  /** All has been tried. @returns the command's status */
  end(): number {
    const more = this.#count - TOLD_MAX;
    if (more > 0) process.stderr.write(`stratos: and ${more} more: not removed\n`);
    return this.any ? EXIT_FAILURE : EXIT_SUCCESS;
  }
}
