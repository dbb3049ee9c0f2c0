/**
 * Opens the volumes that `stratos fs` works on. Who changes one holds its lock, so that there is one writer at a time (a mounted volume has
 * one, too); readers take none: every block that they read is verified, and what was overwritten meanwhile shows as damage, not as data.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { format, mount, readSuperblock, type Subvolume, type Volume } from "@stratos/aegisfs";
import { FileBlockDevice, FileLockedError, lockOwner } from "@stratos/host-node";
import { CommandError } from "../command-error.ts";
import { expectResult, mountFailure } from "./volume-error.ts";

export interface OpenedVolume {
  readonly path: string;
  readonly volume: Volume;
  readonly device: FileBlockDevice;
  /** Commits what was changed. @throws CommandError */
  commit(): void;
  /** Lets go; what was not committed is lost. */
  close(): void;
}

export type VolumeAccess = "read" | "write";

/** @throws CommandError */
export function openVolume(path: string, access: VolumeAccess): OpenedVolume {
  const device = openDevice(path, access);
  try {
    const now = Date.now();
    const volume = mount(device, { readOnly: access === "read", seconds: Math.floor(now / 1000) });
    if (typeof volume === "string") throw access === "read" ? beingChanged(path, mountFailure(path, volume)) : mountFailure(path, volume);
    volume.setTime(Math.floor(now / 1000), (now % 1000) * 1e6);
    if (access === "write" && volume.readOnly) throw new CommandError(path, "the volume has features that this version would break: it can be read only");
    return { path, volume, device, commit: () => void expectResult(path, volume.sync()), close: () => device.close() };
  } catch (error) {
    device.close();
    throw error;
  }
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
  if (id < 0) throw new CommandError(`${path}@${name}`, "no such snapshot; `stratos fs snapshot list` shows them");
  return volume.subvolume(id)!;
}

/** The device of a volume, its lock held for a writer. @throws CommandError */
export function openDevice(path: string, access: VolumeAccess, create?: number): FileBlockDevice {
  try {
    return new FileBlockDevice(path, access === "read" ? { readOnly: true } : create === undefined ? {} : { create });
  } catch (error) {
    if (error instanceof FileLockedError) throw new CommandError(path, `in use by process ${error.owner}: it is mounted, or another command changes it`, { cause: error });
    throw error;
  }
}

/** What is there, for whoever is about to overwrite it: null for nothing. @throws CommandError */
export function describeContent(path: string): string | null {
  if (!existsSync(path)) return null;
  const device = openDevice(path, "read");
  try {
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

/** Makes an empty volume. @throws CommandError */
export function formatDevice(device: FileBlockDevice, label: string): void {
  // Who makes a volume for himself is to be able to use it.
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const failure = format(device, { owner, uuid: randomBytes(16), hashSeed: randomBytes(4).readUInt32LE(), label: Buffer.from(label, "utf8").toString("latin1"), seconds: Math.floor(Date.now() / 1000) });
  if (failure !== 0) throw mountFailure(device.path, failure);
}

/** A reader's failure may come from a writer at work. */
function beingChanged(path: string, error: unknown): unknown {
  const owner = error instanceof CommandError ? lockOwner(path) : null;
  return owner === null ? error : new CommandError((error as CommandError).what, `${(error as CommandError).why} (process ${owner} is changing the volume: try again, or read it where it is mounted)`, { cause: error });
}
