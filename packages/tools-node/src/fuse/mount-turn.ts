import { FuseServer, SERVE_CALLED } from "@stratos/fuse";

/** A command gives the mount its turn at least so often. */
export const TURN_MS = 20;

/**
 * The serving thread's time, which a mount and a command share. Reading from the kernel blocks, and nobody can tell
 * whether it has something: so whoever wants the thread back after the mount's turn has the bell rung, from another
 * process.
 */
export class MountTurn {
  readonly #server: FuseServer;
  readonly #calls: Int32Array;
  readonly #ring: () => void;
  #lastMs = 0;
  /** What `serve` returned when the mount ended; null while it lasts. */
  end: number | null = null;

  constructor(server: FuseServer, calls: Int32Array, ring: () => void) {
    this.#server = server;
    this.#calls = calls;
    this.#ring = ring;
  }

  /** Serves until somebody calls, or the mount ends. */
  serve(): void {
    const result = this.#server.serve();
    if (result !== SERVE_CALLED) this.end = result;
    this.#lastMs = performance.now();
  }

  /** Serves what waits. */
  give(): void {
    if (this.end !== null) return;
    Atomics.store(this.#calls, 0, 1);
    this.#ring();
    this.serve();
  }

  giveWhenDue(): void {
    if (performance.now() - this.#lastMs >= TURN_MS) this.give();
  }

  takeInterrupt(): boolean {
    return Atomics.exchange(this.#calls, 1, 0) !== 0;
  }
}
