import type { BlockDevice } from "@stratos/host";

/** Passes everything on: a test's device overrides what it spoils. */
export class ForwardingDevice implements BlockDevice {
  readonly readOnly: boolean;
  readonly #device: BlockDevice;

  constructor(device: BlockDevice) {
    this.#device = device;
    this.readOnly = device.readOnly;
  }

  get size(): number {
    return this.#device.size;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.#device.read(offset, bytes, at, length);
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.#device.write(offset, bytes, at, length);
  }

  flush(): number {
    return this.#device.flush();
  }

  resize(size: number): number {
    return this.#device.resize(size);
  }

  discard(offset: number, length: number): void {
    this.#device.discard(offset, length);
  }
}
