import type { FileSystemType, MountedDevice } from "../../vfs/file-system.ts";
import { GUEST_LIMITS, MOUNT_ERROR_WORDS, mount, type Subvolume, type Volume } from "@stratos/aegisfs";
import { EINVAL, EIO, ENOENT, ENOMEM } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { BlockDevice } from "@stratos/host";
import type { MountOptions } from "../../vfs/mount-options.ts";
import type { MountDevice } from "../../vfs/mount-device.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { AegisFileSystem } from "./aegisfs.ts";

/**
 * Memory of the host that each volume mounted by the guest may keep (the least that the engine takes), and how many
 * there may be: −ENOMEM beyond.
 */
const CACHE_BYTES = 16 << 20;
const VOLUMES_MAX = 32;
const BLOCK_SIZE = 4096;
/** No volume is smaller (packages/aegisfs, BLOCKS_MIN). */
const VOLUME_MIN = 4 << 20;

/** A device of the guest as the engine wants it. */
class GuestDevice implements BlockDevice {
  #device: MountDevice;
  readonly size: number;
  readonly readOnly: boolean;

  constructor(device: MountDevice, readOnly: boolean) {
    this.#device = device;
    this.size = device.size - (device.size % BLOCK_SIZE);
    this.readOnly = readOnly;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.#device.readThrough(offset, bytes, at, length);
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.readOnly ? -EIO : this.#device.writeThrough(offset, bytes, at, length);
  }

  flush(): number {
    return this.#device.driver.flush();
  }

  resize(): number {
    return -EINVAL;
  }

  discard(offset: number, length: number): void {
    if (!this.readOnly) this.#device.discard(offset, length);
  }

  static {
    stateClass("GuestDevice", this, {
      save: (it) => ({ device: it.#device }),
      load: (it, from) => ({ device: it.#device } = from),
    });
  }
}

/**
 * `mount -t aegisfs /dev/loop0 /mnt`: options `subvol=NAME`. What is wrong with a volume stands in the kernel's log.
 */
export const aegisfsType: FileSystemType = {
  name: "aegisfs",
  isVirtual: false,
  optionNames: ["subvol"],
  checkOption: (_kernel: FsKernel, _key: string, value: string) => (value === "" ? -EINVAL : 0),
  create(kernel: FsKernel, _source: string, options: MountOptions, on?: MountedDevice) {
    if (on === undefined) return -EINVAL;
    const { device, readOnly } = on;
    const complain = (why: string): void => kernel.log(`aegisfs: ${device.name}: ${why}`);
    const name = options.get("subvol") ?? null;
    let volumes = 0;
    for (const each of kernel.disks.all.values()) if (each.mounted !== null) volumes++;
    if (volumes >= VOLUMES_MAX) {
      complain(`${VOLUMES_MAX} volumes are mounted already`);
      return -ENOMEM;
    }
    if (device.size < VOLUME_MIN) {
      complain(MOUNT_ERROR_WORDS["device-too-small"]);
      return -EINVAL;
    }
    const { seconds } = kernel.vfs.now();
    const volume = mount(new GuestDevice(device, readOnly), {
      ...GUEST_LIMITS,
      readOnly,
      cacheBytes: CACHE_BYTES,
      seconds,
    });
    if (typeof volume === "string") {
      complain(MOUNT_ERROR_WORDS[volume]);
      return volume === "device-error" ? -EIO : -EINVAL;
    }
    const subvolume = subvolumeOf(volume, name);
    if (subvolume === null) {
      complain(`there is no subvolume "${name}"`);
      return -ENOENT;
    }
    return new AegisFileSystem(kernel, volume, subvolume, device.rdev);
  },
};

function subvolumeOf(volume: Volume, name: string | null): Subvolume | null {
  if (name === null) return volume.root;
  const id = volume.findSubvolume(name);
  return id <= 0 ? null : volume.subvolume(id);
}
