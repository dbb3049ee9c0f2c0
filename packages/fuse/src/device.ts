/**
 * The kernel's end of a mount: whole messages, from and to the server's memory. In Linux it is a descriptor of
 * /dev/fuse.
 */
export interface FuseDevice {
  /** `MEMORY_SIZE` bytes, on a page boundary. */
  readonly memory: ArrayBuffer;
  /**
   * Waits for a request and reads it to `memory[at …)`.
   *
   * @returns its length; −ENODEV when the mount is gone, −ECONNABORTED when it was cut off; −EINTR, −EAGAIN, −ENOENT:
   *   ask again
   */
  receive(at: number, sizeMax: number): number;
  /** Sends `memory[at …)`. @returns 0 or a negated errno: −ENOENT when the caller no longer waits */
  send(at: number, length: number): number;
  /**
   * Sends messages that answer nothing (FUSE_NOTIFY_*), each with its header, one behind the other. They go from
   * another thread, since the kernel may have to ask something before it takes one; returns when they are sent, or
   * after a second or two.
   */
  notify(messages: Uint8Array): void;
  /** The same without waiting for it. */
  notifyLater(messages: Uint8Array): void;
  /**
   * Has a process beside us call syncfs(2) on the mount, and then look for `GATHERED_PREFIX + token` in its root.
   *
   * @returns false when nobody can: the mount is not where it was made
   */
  askForAll(token: string): boolean;
}
