import { MemoryBlockDevice } from "./memory-block-device.ts";

/** A disk in memory that knows what a power cut leaves of it: what was there when it was flushed last. */
export class FlushedBlockDevice extends MemoryBlockDevice {
  #flushed: MemoryBlockDevice | null = null;

  override flush(): number {
    this.#flushed = this.fork();
    return 0;
  }

  /** The disk after a power cut now; that one may be written without a change to this one. */
  afterPowerCut(): MemoryBlockDevice {
    return this.#flushed?.fork() ?? new MemoryBlockDevice(this.size);
  }
}
