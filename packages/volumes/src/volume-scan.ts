/**
 * Looks for volumes: on the block devices of this host, in image files that are known, and in files beside one of which
 * it is known that it has fellows.
 */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { isEncrypted, readSuperblock } from "@stratos/aegisfs";
import { FileBlockDevice } from "@stratos/host-node";
import { deviceNumbers, fileOfOwnLoop } from "@stratos/host-node/mounts";
import { toText } from "./file-tree.ts";
import { knownVolumes } from "./known-volumes.ts";
import { uuidText } from "./uuid-text.ts";

/** What the head of a device tells, without opening the volume. */
interface ProbedDevice {
  /** Without links. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly isEncrypted: boolean;
  /** Of the volume; null where it is encrypted: it is told to nobody without the passphrase. */
  readonly uuid: string | null;
  readonly label: string;
  readonly generation: number;
  /** Its number among the devices of its volume, and its own UUID. */
  readonly index: number;
  readonly deviceUuid: string;
  /** All devices of the volume, as this one knows them. */
  readonly members: readonly { readonly index: number; readonly uuid: string }[];
}

/** Smaller ones hold no volume. */
const SIZE_MIN = 4 << 20;
/** Files of one folder that are looked at. */
const NEIGHBOURS_MAX = 512;

/** @returns null for what is no device of a volume, or can't be read */
export function probeDevice(path: string): ProbedDevice | null {
  let device: FileBlockDevice;
  try {
    const place = realpathSync(path);
    const stat = statSync(place);
    // Anything else (a FIFO) might wait for ever.
    if (!stat.isBlockDevice() && !(stat.isFile() && stat.size >= SIZE_MIN)) return null;
    device = new FileBlockDevice(place, { readOnly: true });
  } catch {
    return null;
  }
  try {
    const superblock = readSuperblock(device);
    if (typeof superblock === "string") {
      if (!isEncrypted(device)) return null;
      return {
        path: device.path,
        sizeBytes: device.size,
        isEncrypted: true,
        uuid: null,
        label: "",
        generation: 0,
        index: 0,
        deviceUuid: "",
        members: [],
      };
    }
    const entries = superblock.table?.devices ?? [];
    return {
      path: device.path,
      sizeBytes: device.size,
      isEncrypted: false,
      uuid: uuidText(superblock.uuid),
      label: toText(superblock.label),
      generation: superblock.generation,
      index: superblock.deviceIndex,
      deviceUuid: uuidText(entries[superblock.deviceIndex]?.uuid ?? superblock.uuid),
      members: entries.flatMap((entry, index) => (entry.blocks > 0 ? [{ index, uuid: uuidText(entry.uuid) }] : [])),
    };
  } finally {
    device.close();
  }
}

/** Block devices of this host, partitions too; without RAM disks and empty loop devices. */
function blockDevices(): string[] {
  try {
    // proc_partitions(5): major, minor, blocks of 1024 bytes, name.
    return readFileSync("/proc/partitions", "latin1")
      .split("\n")
      .flatMap((line) => {
        const [, blocks, name] = /^\s*\d+\s+\d+\s+(\d+)\s+(\S+)$/.exec(line) ?? [];
        return name === undefined || Number(blocks) * 1024 < SIZE_MIN || name.startsWith("ram")
          ? []
          : [`/dev/${name.replaceAll("!", "/")}`];
      });
  } catch {
    return [];
  }
}

/**
 * Does a mount of ours stand on this loop device? It is the volume's file once more. Its name may also be known, from
 * another volume that it once held.
 */
function isOwnLoop(path: string): boolean {
  try {
    const { major, minor } = deviceNumbers(statSync(path).rdev);
    return fileOfOwnLoop(major, minor) !== null;
  } catch {
    return false;
  }
}

/** Regular files of a folder. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .slice(0, NEIGHBOURS_MAX)
      .map(({ name }) => join(folder, name));
  } catch {
    return [];
  }
}

/** The devices of volumes among block devices, known files and the files of these folders; each once. */
export function scanDevices(folders: readonly string[]): ProbedDevice[] {
  const found = new Map<string, ProbedDevice>();
  for (const path of [...knownVolumes().flat(), ...blockDevices(), ...folders.flatMap(filesIn)]) {
    const probed = isOwnLoop(path) ? null : probeDevice(path);
    if (probed !== null && !found.has(probed.path)) found.set(probed.path, probed);
  }
  return [...found.values()];
}

export interface ScannedVolume {
  readonly uuid: string | null;
  readonly label: string;
  readonly isEncrypted: boolean;
  /** By their numbers. */
  readonly devices: readonly ProbedDevice[];
  /** Numbers of devices that belong to it and weren't found. */
  readonly missing: readonly number[];
  /** Further devices that say they are one that is listed: copies of it, made with cp or dd. */
  readonly copies: readonly ProbedDevice[];
}

/** The volumes that these devices make. */
export function volumesOf(devices: readonly ProbedDevice[]): ScannedVolume[] {
  const volumes: ScannedVolume[] = [];
  const known = knownVolumes();
  for (const group of Map.groupBy(devices, (device) => device.uuid ?? encryptedGroup(device.path, known)).values()) {
    // The newest one knows best who belongs to it.
    const newest = group.reduce((best, device) => (device.generation > best.generation ? device : best));
    const { uuid, label, isEncrypted: encrypted, members } = newest;
    if (encrypted) {
      volumes.push({ uuid: null, label: "", isEncrypted: true, devices: group, missing: [], copies: [] });
      continue;
    }
    const wanted = members.length === 0 ? [{ index: 0, uuid: newest.deviceUuid }] : members;
    const own = wanted.map((member) => ({
      member,
      found: group.filter(({ deviceUuid }) => deviceUuid === member.uuid),
    }));
    const chosen = own.flatMap(({ found }) =>
      found.length === 0 ? [] : [found.reduce((best, device) => (device.generation > best.generation ? device : best))],
    );
    volumes.push({
      uuid,
      label,
      isEncrypted: false,
      devices: chosen,
      missing: own.filter(({ found }) => found.length === 0).map(({ member }) => member.index),
      copies: own.flatMap(({ found }) => found.filter((device) => !chosen.includes(device))),
    });
  }
  return volumes;
}

/** Sealed devices don't say whose they are: those that were opened together belong together. */
function encryptedGroup(path: string, known: readonly (readonly string[])[]): string {
  return known.find((paths) => paths.includes(path))?.join("\0") ?? path;
}
