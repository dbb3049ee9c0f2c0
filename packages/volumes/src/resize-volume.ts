/** A volume's devices made larger or smaller. */
import { EINVAL, ENOSPC } from "@stratos/abi";
import { DEVICE_BLOCKS_MIN, health, resizeDevice } from "@stratos/aegisfs";
import { formatSize, OperationError } from "@stratos/operation";
import { expectNotHeld } from "./mounted-hold.ts";
import type { OpenedVolume } from "./open-volume.ts";
import { expectResult } from "./volume-error.ts";

const BLOCK = 4096;
export const VOLUME_BYTES_MIN = DEVICE_BLOCKS_MIN * BLOCK;

export interface SizeChange {
  /** `bytes` is the size, or what it grows or shrinks by. */
  readonly from: "zero" | "grow" | "shrink";
  readonly bytes: number;
}

interface ResizedDevice {
  readonly device: number;
  readonly beforeBytes: number;
  readonly sizeBytes: number;
}

/**
 * @param device  by number; not given: the first
 * @throws OperationError
 */
export function resizeVolume(
  { path, volume }: OpenedVolume,
  size: SizeChange,
  { device: wanted, dryRun }: { readonly device?: number | undefined; readonly dryRun: boolean },
): ResizedDevice {
  const { devices } = health(volume);
  const index = wanted ?? devices[0]!.index;
  const device = devices.find((one) => one.index === index);
  if (device === undefined)
    throw new OperationError("volume", path, `has no device ${index}; \`health\` shows those that it has`);
  if (!dryRun) expectNotHeld(path, volume);
  const before = device.blocks * BLOCK;
  const sizeBytes =
    size.from === "zero" ? size.bytes : size.from === "grow" ? before + size.bytes : before - size.bytes;
  if (sizeBytes < VOLUME_BYTES_MIN) {
    const change = size.from === "shrink" ? `shrink by ${formatSize(size.bytes)}` : `have ${formatSize(sizeBytes)}`;
    const why = `it cannot ${change}, since it needs at least ${formatSize(VOLUME_BYTES_MIN)}`;
    throw new OperationError("volume", path, `has ${formatSize(before)}: ${why}`);
  }
  const result = resizeDevice(volume, index, sizeBytes / BLOCK, { dryRun });
  if (result === -ENOSPC)
    throw new OperationError("volume", path, `what is stored does not fit into ${formatSize(sizeBytes)}`);
  if (result === -EINVAL)
    throw new OperationError("volume", path, `cannot be ${formatSize(sizeBytes)} large: no part of it would be left`);
  expectResult(path, result);
  return { device: index, beforeBytes: before, sizeBytes };
}
