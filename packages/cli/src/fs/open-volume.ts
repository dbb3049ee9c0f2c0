/**
 * Opens the volumes that `stratos fs` works on. Who changes one holds its lock, so that there is one writer at a time (a mounted volume has
 * one, too); readers take none: every block that they read is verified, and what was overwritten meanwhile shows as damage, not as data.
 */
import { existsSync } from "node:fs";
import { ENOENT } from "@stratos/abi";
import { isEncrypted, readSuperblock, type Subvolume, type Volume } from "@stratos/aegisfs";
import { FileBlockDevice, FileLockedError, FilterError, lockOwner, mountDevices, openVolumeDevices, PassphraseError, volumePaths, waitForEndingMount, withEnvironmentFilters, type VolumeDevices } from "@stratos/host-node";
import { CommandError, VolumeInUseError } from "../command-error.ts";
import { hostedVolumeAt, hostPath, type HostedVolume } from "./hosted-volume.ts";
import { promptPassphrase } from "./passphrase-prompt.ts";
import { EngineError, expectResult, mountFailure } from "./volume-error.ts";

export interface OpenedVolume {
  readonly path: string;
  readonly volume: Volume;
  readonly devices: VolumeDevices;
  /** Commits what was changed. @throws CommandError */
  commit(): void;
  /** Lets go; what was not committed is lost. */
  close(): void;
  /** To be called between the steps of long work: where the volume is mounted, its users have their turn. */
  breathe(): void;
  /** To be called before the live files become others. @throws CommandError where those who use them could not be told */
  replaceFiles(): void;
  /** What is served here as a mount; null for a volume that this command has opened itself. */
  readonly hosted: HostedVolume | null;
}

export type VolumeAccess = "read" | "write";

/** @param path  file or device, or several of one volume: A,B,C. @throws CommandError */
export function openVolume(path: string, access: VolumeAccess): OpenedVolume {
  const hosted = hostedVolumeAt(path);
  if (hosted !== null) return openHosted(path, access, hosted);
  const devices = openDevices(path, access);
  try {
    const now = Date.now();
    const volume = mountDevices(devices, { readOnly: access === "read", seconds: Math.floor(now / 1000) });
    if (typeof volume === "string") throw access === "read" ? beingChanged(path, mountFailure(path, volume)) : mountFailure(path, volume);
    volume.setTime(Math.floor(now / 1000), (now % 1000) * 1e6);
    if (access === "write" && volume.readOnly) throw new CommandError(path, "the volume has features that this version would break: it can be read only");
    return { path, volume, devices, commit: () => void expectResult(path, volume.sync()), close: () => devices.close(), breathe: () => {}, replaceFiles: () => {}, hosted: null };
  } catch (error) {
    devices.close();
    throw error;
  }
}

function openHosted(path: string, access: VolumeAccess, hosted: HostedVolume): OpenedVolume {
  const { volume, devices } = hosted;
  if (access === "write" && volume.readOnly) throw new CommandError(path, "is mounted read-only");
  let isReplaced = false;
  return {
    path, volume, devices, hosted, close: () => {}, breathe: () => hosted.breathe(),
    replaceFiles: () => {
      if (!hosted.replaceFiles()) throw new CommandError(path, "is mounted, and its users would go on seeing the old files (with nocontrol, or a kernel before Linux 6.16): unmount it first");
      isReplaced = true;
    },
    commit: () => {
      expectResult(path, volume.sync());
      hosted.forgetSnapshotList();
      if (isReplaced) hosted.filesReplaced();
      isReplaced = false;
    },
  };
}

/** The devices of a volume, their locks held for a writer. @throws CommandError */
export function openDevices(path: string, access: VolumeAccess): VolumeDevices {
  try {
    return openVolumeDevices(path, { readOnly: access === "read", passphrase: () => promptPassphrase(`Passphrase of ${path}: `) });
  } catch (error) {
    throw deviceFailure(path, error);
  }
}

function deviceFailure(path: string, error: unknown): unknown {
  if (error instanceof FileLockedError) return new VolumeInUseError(error.path, error.owner, error);
  return error instanceof PassphraseError ? new CommandError(path, error.message, { cause: error }) : error;
}

/** Opens, hands over and closes; of a writer that returns the work is committed. */
export async function withVolume<T>(path: string, access: VolumeAccess, work: (opened: OpenedVolume) => T | Promise<T>): Promise<T> {
  const opened = openVolume(path, access);
  try {
    const result = await work(opened);
    if (access === "write") opened.commit();
    return result;
  } catch (error) {
    throw access === "read" ? beingChanged(path, error) : error;
  } finally {
    opened.close();
  }
}

/** The files of a snapshot or subvolume, or the live ones. @throws CommandError */
export function filesOf({ path, volume }: OpenedVolume, name: string | null): Subvolume {
  if (name === null) return volume.root;
  const id = volume.findSubvolume(Buffer.from(name, "utf8").toString("latin1"));
  if (id < 0) throw new CommandError(`${path}@${name}`, "no such snapshot; `stratos fs snapshot list` shows them", { cause: new EngineError(-ENOENT) });
  return volume.subvolume(id)!;
}

/** One file or device as it is, its lock held for a writer. @throws CommandError */
export function openDevice(path: string, access: VolumeAccess): FileBlockDevice {
  try {
    const place = hostPath(path);
    waitForEndingMount(place);
    return new FileBlockDevice(place, access === "read" ? { readOnly: true } : {});
  } catch (error) {
    throw deviceFailure(path, error);
  }
}

/** The same, as the filters of the environment show them. @throws CommandError */
export function filteredFilesOf(opened: OpenedVolume, name: string | null): Subvolume {
  return filtered(filesOf(opened, name));
}

export function filtered(files: Subvolume): Subvolume {
  try {
    return withEnvironmentFilters(files);
  } catch (error) {
    throw error instanceof FilterError ? new CommandError("filters", error.message, { cause: error }) : error;
  }
}

/** What is there, for whoever is about to overwrite it: null for nothing. @throws CommandError */
export function describeContent(path: string): string | null {
  if (!existsSync(hostPath(path))) return null;
  const device = openDevice(path, "read");
  try {
    if (isEncrypted(device)) return "an encrypted volume";
    const superblock = readSuperblock(device);
    if (typeof superblock !== "string") {
      const label = Buffer.from(superblock.label, "latin1").toString("utf8");
      return `an AegisFS volume${label === "" ? "" : ` labelled "${label}"`} (${superblock.blocks - superblock.freeBlocks} blocks of 4 KiB in use)`;
    }
    if (device.size === 0) return null;
    const bytes = new Uint8Array(Math.min(device.size, SEARCHED_BYTES));
    if (device.read(0, bytes, 0, bytes.length) < 0) return "something that cannot be read";
    return bytes.some((byte) => byte !== 0) ? "data of another kind" : null;
  } finally {
    device.close();
  }
}

/** File systems and partition tables announce themselves near the beginning. */
const SEARCHED_BYTES = 1 << 20;

/** A reader's failure may come from a writer at work. */
function beingChanged(path: string, error: unknown): unknown {
  const owner = error instanceof CommandError ? volumePaths(path).map(lockOwner).find((pid) => pid !== null) ?? null : null;
  return owner === null ? error : new CommandError((error as CommandError).what, `${(error as CommandError).why} (process ${owner} is changing the volume: try again, or read it where it is mounted)`, { cause: error });
}
