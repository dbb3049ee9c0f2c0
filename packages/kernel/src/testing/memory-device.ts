import { EIO } from "@stratos/abi";
import type { MountDevice } from "../vfs/mount-device.ts";

/** A block device of `bytes`, which are changed in place. */
export function memoryDevice(bytes: Uint8Array): MountDevice {
  return {
    name: "memory0",
    rdev: 0x700,
    size: bytes.length,
    isReadOnly: false,
    mounted: null,
    driver: { flush: () => 0 },
    readThrough(offset: number, into: Uint8Array, at: number, length: number) {
      if (offset + length > bytes.length) return -EIO;
      into.set(bytes.subarray(offset, offset + length), at);
      return 0;
    },
    writeThrough(offset: number, from: Uint8Array, at: number, length: number) {
      if (offset + length > bytes.length) return -EIO;
      bytes.set(from.subarray(at, at + length), offset);
      return 0;
    },
    discard() {},
  } as unknown as MountDevice;
}
