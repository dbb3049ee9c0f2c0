/**
 * Writes that the kernel had taken (FUSE_WRITEBACK_CACHE), and for which there was no room when they came to us. Linux
 * tells of them by fsync(2) and close(2), not by write(2): who writes until the disk is full would write on for ever.
 * But before each write(2) it asks for the file's mode when it does not know it (fuse_cache_write_iter), and hands on
 * what we answer then. So it is to forget the file's attributes, and the next to ask with the file open is told, once.
 */

/** Files that are remembered; beyond it the oldest is forgotten, of which fsync tells still. */
const FILES_MAX = 1024;
/** Whoever asks later may be a reader, to whom it would be no answer. */
const TOLD_SECONDS_MAX = 10;

export class LostWrites {
  /** by inode number of the live files */
  readonly #errors = new Map<number, { readonly error: number; readonly seconds: number }>();

  /** @param error  negated errno */
  note(ino: number, error: number, seconds: number): void {
    this.#errors.delete(ino);
    if (this.#errors.size >= FILES_MAX)
      for (const oldest of this.#errors.keys()) if (this.#errors.delete(oldest)) break;
    this.#errors.set(ino, { error, seconds });
  }

  /** There is room again, or nobody asks for what the file held. */
  forget(ino: number): void {
    if (this.#errors.size > 0) this.#errors.delete(ino);
  }

  /** The negated errno that is told now, or 0. */
  take(ino: number, seconds: number): number {
    if (this.#errors.size === 0) return 0;
    const lost = this.#errors.get(ino);
    if (lost === undefined) return 0;
    this.#errors.delete(ino);
    return seconds - lost.seconds <= TOLD_SECONDS_MAX ? lost.error : 0;
  }
}
