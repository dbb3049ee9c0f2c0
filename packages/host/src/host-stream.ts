/** Bytes from outside: standard input that is a pipe or a file. */
export interface HostStreamIn {
  /**
   * Copies what has arrived to `into[at …)`.
   * @returns 1 … `count`; 0 at the end of the stream; −EAGAIN when nothing is there yet; another negated errno when the
   *   stream failed
   */
  read(into: Uint8Array, at: number, count: number): number;
  /** Bytes that `read` would return now. */
  readonly available: number;
  /** True once `read` would return 0 or an error. */
  readonly isEnded: boolean;
  /** Called when `available` or `isEnded` changed; one listener. */
  onReadable(listener: () => void): void;
}

/** Bytes to outside: standard output that is a pipe or a file. */
export interface HostStreamOut {
  /**
   * Takes bytes; they are copied.
   * @returns 1 … `count`; −EAGAIN while the other side is slow; −EPIPE when it is gone, or another negated errno
   */
  write(bytes: Uint8Array, at: number, count: number): number;
  /** Bytes that `write` would take now: 0 while the other side is slow. */
  readonly room: number;
  /** Nobody will read: `write` says −EPIPE. */
  readonly isBroken: boolean;
  /** Called when `room` or `isBroken` changed; one listener. */
  onWritable(listener: () => void): void;
}
