/**
 * What programs change, in a file of the origin: a clone of an image's layers, as AegisFS has it. The browser reserves
 * the file's bytes when it gets longer, so the volume begins small and grows while there is room: whoever finds it full
 * is told by ENOSPC, and nothing that was stored is at stake.
 */
import { BLOCK_SIZE, GUEST_LIMITS, mountOverlay, MOUNT_ERROR_WORDS, resizeDevice, type Volume } from "@stratos/aegisfs";
import type { BlockDevice, CompressionCodec } from "@stratos/host";
import { browserClock } from "../browser-clock.ts";
import { OpfsBlockDevice, type SyncAccessHandle } from "../opfs-block-device.ts";
import { BatchedDevice } from "./batched-device.ts";
import type { VolumeMark } from "./running-files.ts";

const FIRST_BYTES: number = 32 * 2 ** 20;
/** It grows when less than this part is free, by as much as it has, at most by this. */
const FREE_PART = 4;
const FREE_BYTES_MAX: number = 64 * 2 ** 20;
const STEP_MAX: number = 256 * 2 ** 20;

export class SavedChanges {
  readonly volume: Volume;
  readonly device: BatchedDevice;
  /** The browser gives no more room. */
  isLimited = false;

  constructor(volume: Volume, device: BatchedDevice) {
    this.volume = volume;
    this.device = device;
  }

  /**
   * @param layers  from the bottom up
   * @param keepsOrphans  the caller may have programs that use files without a name
   * @throws Error with words for people
   */
  static open(
    layers: readonly BlockDevice[],
    handle: SyncAccessHandle,
    codecs: readonly CompressionCodec[],
    keepsOrphans = false,
  ): SavedChanges {
    const file = new OpfsBlockDevice(handle);
    if (file.size < FIRST_BYTES && file.resize(FIRST_BYTES) < 0)
      throw new Error(`the browser does not give this page the ${FIRST_BYTES / 2 ** 20} MiB that files need`);
    const device = new BatchedDevice(file);
    const seconds = Math.floor(browserClock.realtimeMs() / 1000);
    const volume = mountOverlay(layers, device, { ...GUEST_LIMITS, seconds, codecs, keepsOrphans });
    if (typeof volume === "string") throw new Error(`the files that were kept: ${MOUNT_ERROR_WORDS[volume]}`);
    return new SavedChanges(volume, device);
  }

  /** Of what is durable; null: there are changes that are not yet. */
  get mark(): VolumeMark | null {
    const { superblock, hasChanges } = this.volume;
    return hasChanges ? null : { generation: superblock.generation, checksum: superblock.checksum };
  }

  /** To be called often: between two turns of a machine. @returns whether the browser has just refused to give more */
  growWhenShort(): boolean {
    if (this.isLimited) return false;
    const bytes = this.device.size;
    const free = this.volume.usage().freeBlocks * BLOCK_SIZE;
    if (free >= Math.min(bytes / FREE_PART, FREE_BYTES_MAX)) return false;
    for (let step = Math.min(bytes, STEP_MAX); step >= FIRST_BYTES / 8; step /= 2) {
      const blocks = Math.floor((bytes + step) / BLOCK_SIZE);
      if (resizeDevice(this.volume, 0, blocks) === 0) return false;
    }
    this.isLimited = true;
    return true;
  }

  /** Makes durable what the volume has, and lets go of the file. @returns 0 or a negated errno */
  close(): number {
    const failed = this.volume.commit();
    this.device.close();
    return failed;
  }
}
