/** What is known of a volume's devices: for people, metrics and alerts. */
import type { Failure } from "../failure.ts";
import { DEVICE_STALE } from "../format/pool-table.ts";
import type { ErrorCounters } from "../format/pool-table.ts";
import { Room } from "../space/reserve.ts";
import type { Volume } from "../volume/volume.ts";

/**
 * - `ok`
 * - `failing`: it refused reads or writes, or returned damaged blocks
 * - `stale`: it missed writes; a scrub brings it up to date
 * - `missing`
 */
export type DeviceState = "ok" | "failing" | "stale" | "missing";

export interface DeviceHealth {
  index: number;
  /** 32 hexadecimal digits. */
  uuid: string;
  state: DeviceState;
  class: "fast" | "slow";
  /** Blocks of the device, and those of them that hold parts of the volume. */
  blocks: number;
  assigned: number;
  errors: Readonly<ErrorCounters>;
  /** Of the volume's own blocks, since it was mounted. */
  readBytes: number;
  writtenBytes: number;
}

/**
 * - `healthy`: nothing ever went wrong since the counters were reset
 * - `repaired`: damage was found, and all of it was mended
 * - `degraded`: a device is missing, stale or failing, all content is still there
 * - `damaged`: blocks were found of which no good copy is left
 * - `failed`: it takes no changes any more, until it is mounted anew: one could not be finished
 */
export type VolumeState = "healthy" | "repaired" | "degraded" | "damaged" | "failed";

export interface VolumeHealth {
  state: VolumeState;
  /** What it failed on; null: it has not failed. */
  failure: Failure["kind"] | null;
  copies: number;
  devices: DeviceHealth[];
}

export function health(volume: Volume): VolumeHealth {
  const { store, superblock } = volume;
  const { segments } = store.layout;
  const devices: DeviceHealth[] = [];
  store.devices.forEach(({ device, entry, readBytes, writtenBytes }, index) => {
    if (superblock.table !== null && entry.blocks === 0) return;
    const { errors } = entry;
    const failing = errors.readErrors + errors.writeErrors > 0 || errors.corruptBlocks > 0;
    const stale = (entry.flags & DEVICE_STALE) !== 0;
    devices.push({
      index,
      uuid: [...(superblock.table === null ? superblock.uuid : entry.uuid)]
        .map((word) => word.toString(16).padStart(8, "0"))
        .join(""),
      state: device === null ? "missing" : stale ? "stale" : failing ? "failing" : "ok",
      class: entry.class === 0 ? "fast" : "slow",
      blocks: superblock.table === null ? superblock.blocks : entry.blocks,
      assigned: segments.reduce(
        (sum, { blocks, places }) => sum + blocks * places.filter((place) => place.device === index).length,
        0,
      ),
      errors,
      readBytes,
      writtenBytes,
    });
  });
  const lost = devices.some(({ errors }) => errors.lostBlocks > 0);
  const degraded = devices.some(
    ({ state, errors }) => state === "missing" || state === "stale" || errors.readErrors + errors.writeErrors > 0,
  );
  const repaired = devices.some(({ state }) => state === "failing");
  const state = lost ? "damaged" : degraded ? "degraded" : repaired ? "repaired" : "healthy";
  return {
    state: volume.failure === null ? state : "failed",
    failure: volume.failure?.kind ?? null,
    copies: superblock.copies,
    devices,
  };
}

/** Sets all counters back, when what they told of was seen to. Durable with the next commit. 0 or a negated errno. */
export function resetErrors(volume: Volume): number {
  const failed = volume.begin(Room.settings);
  if (failed < 0) return failed;
  try {
    for (const { entry } of volume.store.devices)
      Object.assign(entry.errors, {
        readErrors: 0,
        writeErrors: 0,
        corruptBlocks: 0,
        repairedBlocks: 0,
        lostBlocks: 0,
      });
    volume.root.touch();
    return 0;
  } catch (thrown) {
    return volume.abort(thrown);
  } finally {
    volume.end();
  }
}
