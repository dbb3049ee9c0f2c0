/** The devices that hold a volume: how they are, and how they come and go. */
import { existsSync, realpathSync } from "node:fs";
import { E2BIG, EBUSY, EEXIST, EINVAL, ENODEV, ENOSPC } from "@stratos/abi";
import {
  addDevice,
  CLASS_FAST,
  CLASS_SLOW,
  type CopyJob,
  FAILURE_WORDS,
  health,
  moveToSpare,
  removeDevice,
  replaceDevice,
  resetErrors,
  setCopies,
  spareFor,
  type VolumeHealth,
} from "@stratos/aegisfs";
import type { BlockDevice } from "@stratos/host";
import { hostReason } from "@stratos/host-node/home";
import { OperationError, type Progress } from "@stratos/operation";
import { hostPath, keepDevice } from "./hosted-volume.ts";
import { rememberVolume } from "./known-volumes.ts";
import { expectNotHeld } from "./mounted-hold.ts";
import {
  describeContent,
  openDevice,
  type OpenedVolume,
  type OpenOptions,
  refusal,
  withVolume,
} from "./open-volume.ts";
import { uuidText } from "./uuid-text.ts";
import { keyFailure } from "./volume-keys.ts";
import { EngineError, expectResult, expectValue } from "./volume-error.ts";

const STEP_BLOCKS = 2048;
const BLOCK = 4096;

interface PoolHealth extends Omit<VolumeHealth, "devices"> {
  /** `path` is null of a device that is missing. */
  readonly devices: readonly (VolumeHealth["devices"][number] & { readonly path: string | null })[];
}

export function poolHealth(opened: OpenedVolume): PoolHealth {
  const found = health(opened.volume);
  return { ...found, devices: found.devices.map((one) => ({ ...one, path: devicePath(opened, one.index) })) };
}

/** Why a volume takes no changes any more, in words. */
export const failureWords = (failure: NonNullable<VolumeHealth["failure"]>): string => FAILURE_WORDS[failure];

/** The errors that were counted are forgotten. */
export function forgetErrors({ volume }: OpenedVolume): void {
  resetErrors(volume);
}

/** Null for a device that is missing. */
function devicePath(opened: OpenedVolume, index: number): string | null {
  const device = opened.volume.store.devices[index]?.device ?? null;
  return device === null ? null : pathOf(opened, device);
}

const pathOf = ({ devices }: OpenedVolume, device: BlockDevice): string | null =>
  devices.files[devices.devices.indexOf(device)]?.path ?? null;

interface NewDevice {
  /** What it holds may be lost. */
  readonly force: boolean;
}

interface AddedDevice {
  readonly index: number;
  readonly uuid: string;
}

/**
 * @param path  the volume's
 * @param added  the device's
 * @throws OperationError
 */
export async function addVolumeDevice(
  path: string,
  added: string,
  { slow, spare, force }: NewDevice & { readonly slow: boolean; readonly spare: boolean },
  progress: Progress,
): Promise<AddedDevice> {
  const options = { class: slow ? CLASS_SLOW : CLASS_FAST, ...(spare ? { spare: true } : {}) };
  return withNewDevice(path, added, force, progress, ({ volume }, device) => {
    const index = addDevice(volume, device, options);
    if (index === -EINVAL) throw new OperationError("volume", added, "is too small, or a clone's layer has one device");
    return { index: expectPool(path, index), uuid: uuidText(volume.superblock.uuid) };
  });
}

/**
 * What it holds is moved to the others; to a spare one when they cannot take it.
 * @param which  its number, or its path
 * @throws OperationError
 */
export async function removeVolumeDevice(
  path: string,
  which: string,
  dryRun: boolean,
  progress: Progress,
): Promise<void> {
  await withVolume(path, dryRun ? "read" : "write", (opened) => {
    const index = deviceIndex(opened, which);
    const before = partsOf(opened);
    if (!dryRun) expectNotHeld(path, opened.volume);
    const result = removeDevice(opened.volume, index, {
      dryRun,
      progress: (blocks) => progress.update("Moving", blocks * BLOCK, 0, "bytes"),
    });
    if ((result === -EINVAL || result === -ENOSPC) && spareFor(opened.volume, index) >= 0) {
      if (!dryRun) runCopyJob(opened, expectPool(path, moveToSpare(opened.volume, index)), progress);
    } else if (result === -EINVAL)
      throw new OperationError(
        "volume",
        path,
        health(opened.volume).devices.length === 1
          ? "holds nothing on other devices: without this one there is no volume"
          : "no other device of the volume can take what it holds; " +
              "`stratos fs device replace` puts another in its place",
      );
    else expectPool(path, result);
    if (dryRun) return;
    opened.commit();
    releaseDevices(opened, before, progress);
  });
}

/** @param which  number or path. @throws OperationError */
export async function replaceVolumeDevice(
  path: string,
  which: string,
  added: string,
  { force }: NewDevice,
  progress: Progress,
): Promise<void> {
  await withNewDevice(
    path,
    added,
    force,
    progress,
    (opened, device) => {
      const index = deviceIndex(opened, which);
      if (opened.hosted === null) expectFound(opened, index);
      const job = replaceDevice(opened.volume, index, device);
      if (job === -EINVAL)
        throw new OperationError(
          "volume",
          added,
          `is smaller than device ${index}: it needs ${opened.volume.store.devices[index]!.entry.blocks} blocks ` +
            `of 4 KiB and has ${Math.floor(device.size / BLOCK)}`,
        );
      runCopyJob(opened, expectPool(path, job), progress);
    },
    { degraded: true },
  );
}

/** So many copies of everything are kept from then on, and made of what is there. @throws OperationError */
export async function setVolumeCopies(path: string, copies: number, progress: Progress): Promise<void> {
  await withVolume(path, "write", (opened) => {
    expectNotHeld(path, opened.volume);
    const job = setCopies(opened.volume, copies);
    if (job === -ENOSPC)
      throw new OperationError(
        "volume",
        path,
        "copies need devices that hold nothing yet, with room for what others hold: `stratos fs device add --spare`",
      );
    runCopyJob(opened, expectPool(path, job), progress);
  });
}

/** Nobody has said that a device other than `index` is lost: to change the volume without it leaves it behind. */
function expectFound({ path, volume, devices }: OpenedVolume, index: number): void {
  if (health(volume).devices.some((one) => one.state === "missing" && one.index !== index))
    throw refusal(path, devices, "devices-missing");
}

/** A device of the volume itself is none that comes to it, and what it is a spare for is asked otherwise. */
function expectOther(opened: OpenedVolume, added: string): void {
  const place = hostPath(added);
  const index = existsSync(place) ? indexOfPath(opened, realpathSync(place)) : -1;
  if (index < 0) return;
  const holds = health(opened.volume).devices.find((one) => one.index === index)!.assigned > 0;
  throw new OperationError(
    "volume",
    added,
    `is device ${index} of the volume already` +
      (holds ? "" : ", which holds nothing yet: `stratos fs device remove` of another one moves there what that holds"),
  );
}

function expectReplaceable(added: string, force: boolean): void {
  const content = describeContent(added);
  if (content !== null && !force) throw new OperationError("volume", added, `holds ${content}; --force replaces it`);
}

function deviceIndex(opened: OpenedVolume, text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  let wanted: string;
  try {
    wanted = realpathSync(hostPath(text));
  } catch (error) {
    throw new OperationError(
      "volume",
      text,
      `${hostReason(error)}; a device that is missing has a number, which \`health\` shows`,
      { cause: error },
    );
  }
  const index = indexOfPath(opened, wanted);
  if (index < 0)
    throw new OperationError("volume", text, "is no device of the volume; `health` shows those that it has");
  return index;
}

/** −1: no device of the volume has that path. */
function indexOfPath(opened: OpenedVolume, wanted: string): number {
  return opened.volume.store.devices.findIndex((_, one) => {
    const path = devicePath(opened, one);
    return path !== null && realpathSync(path) === wanted;
  });
}

const POOL_WORDS: Readonly<Record<number, string>> = {
  [EBUSY]: "blocks of the device stay in use",
  [ENODEV]: "there is no such device in the volume",
  [ENOSPC]: "what is stored does not fit on the other devices",
  [E2BIG]: "the volume has as many devices as it can have",
  [EEXIST]: "the device is part of the volume already",
};

function expectPool<T>(path: string, result: T): T {
  if (typeof result !== "number" || result >= 0) return result;
  const words = POOL_WORDS[-result];
  if (words !== undefined) throw new OperationError("volume", path, words, { cause: new EngineError(result) });
  return expectValue(path, result);
}

async function withNewDevice<T>(
  path: string,
  added: string,
  force: boolean,
  progress: Progress,
  work: (opened: OpenedVolume, device: BlockDevice) => T,
  options: OpenOptions = {},
): Promise<T> {
  return withVolume(
    path,
    "write",
    (opened) => {
      expectNotHeld(path, opened.volume);
      expectOther(opened, added);
      expectReplaceable(added, force);
      const before = partsOf(opened);
      const device = openDevice(added, "write");
      let isKept = false;
      try {
        // The passphrases that open the others open it.
        const sealed = opened.devices.encrypted[0]?.createFellow(device) ?? null;
        if (typeof sealed === "string") throw keyFailure(added, sealed);
        const result = work(opened, sealed?.device ?? device);
        opened.commit();
        isKept = keepDevice(opened.hosted, device, sealed);
        const paths = [...partsOf(opened).flatMap((one) => pathOf(opened, one) ?? []), hostPath(added)];
        rememberVolume([...new Set(paths.map((one) => realpathSync(one)))]);
        releaseDevices(opened, before, progress);
        return result;
      } finally {
        if (!isKept) device.close();
      }
    },
    options,
  );
}

const partsOf = ({ volume }: OpenedVolume): BlockDevice[] => volume.store.devices.flatMap(({ device }) => device ?? []);

function leftOf(opened: OpenedVolume, before: readonly BlockDevice[]): BlockDevice[] {
  const parts = partsOf(opened);
  return before.filter((device) => !parts.includes(device));
}

/**
 * What is no longer part of the volume is given back, without the keys that it had, save the device that the mount is
 * named after: by its lock commands find who serves the mount, until it is unmounted.
 *
 * @param before  that were part of it
 */
function releaseDevices(opened: OpenedVolume, before: readonly BlockDevice[], progress: Progress): void {
  const { devices, hosted } = opened;
  const left = leftOf(opened, before);
  for (const sealed of devices.encrypted) if (left.includes(sealed.device)) sealed.destroy();
  if (hosted === null) return;
  const named = devices.devices[devices.files.findIndex(({ path }) => realpathSync(path) === hosted.path)];
  const parts = partsOf(opened);
  devices.release((device) => parts.includes(device), named);
  if (named !== undefined && !parts.includes(named))
    progress.note(`stratos: ${hosted.path}: the mount is named after it: keep it until that is unmounted`);
}

function runCopyJob(opened: OpenedVolume, job: CopyJob | number, progress: Progress): void {
  if (typeof job === "number") return;
  const { path } = opened;
  for (let steps = 1; expectResult(path, job.step(STEP_BLOCKS)) === 1; steps++) {
    progress.update("Copying", steps * STEP_BLOCKS * BLOCK, 0, "bytes");
    opened.breathe();
  }
  expectPool(path, job.finish());
}
