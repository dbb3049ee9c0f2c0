/** A random-access store of bytes: a host file, a disk, memory. All calls are synchronous. */
export interface BlockDevice {
  /** Bytes; a multiple of 4096. */
  readonly size: number;
  readonly readOnly: boolean;
  /** Reads `length` bytes at `offset` into `bytes[at …)`. Returns 0 or a negated errno (EIO). */
  read(offset: number, bytes: Uint8Array, at: number, length: number): number;
  write(offset: number, bytes: Uint8Array, at: number, length: number): number;
  /** Returns once all earlier writes are durable. A write not yet flushed may be lost, torn or reordered by a crash. */
  flush(): number;
  /** Grows or shrinks; EINVAL or ENOSPC when the device cannot. */
  resize(size: number): number;
  /** Tells that the bytes are no longer needed; may do nothing. */
  discard(offset: number, length: number): void;
}
