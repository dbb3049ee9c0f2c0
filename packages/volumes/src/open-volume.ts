/**
 * Opens the volumes that `stratos fs` works on. Who changes one holds its lock, so that there is one writer at a time
 * (a mounted volume has one, too); readers take none: every block that they read is verified, and what was overwritten
 * meanwhile shows as damage, not as data.
 */
import { existsSync } from "node:fs";
import { ENOENT } from "@stratos/abi";
import {
  isEncrypted,
  MOUNT_ERROR_WORDS,
  readSuperblock,
  unreadDevices,
  type MountError,
  type Subvolume,
  type Volume,
} from "@stratos/aegisfs";
import type { BlockDevice } from "@stratos/host";
import { FileBlockDevice, FileLockedError, lockOwner, removeLeftovers, waitForEndingMount } from "@stratos/host-node";
import {
  environmentPassphrase,
  FilterError,
  mountDevices,
  openVolumeDevices,
  PassphraseError,
  withEnvironmentFilters,
  type VolumeDevices,
} from "@stratos/tools-node/volumes";
import { OperationError } from "@stratos/operation";
import { hostReason } from "@stratos/host-node/home";
import { VolumeInUseError } from "./volume-in-use-error.ts";
import { findVolume, mountOf, type FoundVolume } from "./find-volume.ts";
import { foreignContent, MARKED_BYTES } from "./foreign-content.ts";
import { hostedVolumeAt, hostPath, type HostedVolume } from "./hosted-volume.ts";
import { rememberVolume } from "./known-volumes.ts";
import { holdWhereMounted, isServed, type HeldVolume } from "./mount-control.ts";
import { promptPassphrase } from "./passphrase-prompt.ts";
import { probeDevice } from "./volume-scan.ts";
import { EngineError, expectResult, mountFailure } from "./volume-error.ts";

export interface OpenedVolume {
  readonly path: string;
  readonly volume: Volume;
  readonly devices: VolumeDevices;
  /** Commits what was changed. @throws OperationError */
  commit(): void;
  /** Lets go; what was not committed is lost. */
  close(): void;
  /** To be called between the steps of long work: where the volume is mounted, its users have their turn. */
  breathe(): void;
  /**
   * To be called before the live files become others. @throws OperationError where those who use them could not be told
   */
  replaceFiles(): void;
  /** What is served here as a mount; null for a volume that this command has opened itself. */
  readonly hosted: HostedVolume | null;
}

/** `quiet`: to be read, and nobody is to write it meanwhile. */
type DeviceAccess = VolumeAccess | "quiet";
export type VolumeAccess = "read" | "write";

export interface OpenOptions {
  /** Devices may be missing, as long as the others hold a copy of everything. */
  readonly degraded?: boolean;
}

/** @param text  names a volume (find-volume.ts). @throws OperationError */
export function openVolume(text: string, access: VolumeAccess, { degraded = false }: OpenOptions = {}): OpenedVolume {
  const found = findVolume(text);
  const hosted = hostedVolumeAt(found.paths[0]!);
  if (hosted !== null) return openHosted(text, access, hosted);
  const devices = openFound(found, access);
  try {
    const now = Date.now();
    const volume = mountDevices(devices, { readOnly: access === "read", degraded, seconds: Math.floor(now / 1000) });
    if (typeof volume === "string") throw refusal(text, devices, volume);
    volume.setTime(Math.floor(now / 1000), (now % 1000) * 1e6);
    if (access === "write" && volume.readOnly)
      throw new OperationError(
        "volume",
        text,
        "the volume has features that this version would break: it can be read only",
      );
    if (access === "write") rememberVolume(found.paths);
    return {
      path: text,
      volume,
      devices,
      commit: () => void expectResult(text, volume.sync()),
      close: () => devices.close(),
      breathe: () => {},
      replaceFiles: () => {},
      hosted: null,
    };
  } catch (error) {
    devices.close();
    throw error;
  }
}

/** Why these devices are no volume, as far as they tell. */
export function refusal(text: string, { devices }: Pick<VolumeDevices, "devices">, error: MountError): OperationError {
  if ((error === "no-superblock" || devices[0]!.size < VOLUME_MIN) && devices.length === 1)
    return new OperationError("volume", text, contentWords(devices[0]!) ?? MOUNT_ERROR_WORDS[error]);
  if (error === "superblocks-missing") {
    const { paths } = findVolume(text);
    const unread = unreadDevices(devices).map((at) => paths[at]);
    return new OperationError("volume", text, `${MOUNT_ERROR_WORDS[error]}: ${unread.join(", ")}`);
  }
  if (error !== "devices-missing") return mountFailure(text, error);
  const { paths } = findVolume(text);
  const probed = probeDevice(paths[0]!);
  return new OperationError(
    "volume",
    text,
    `${MOUNT_ERROR_WORDS[error]}` +
      `${
        probed === null
          ? ""
          : `: ${probed.members.length} devices, of which ` +
            `${paths.length === 1 ? `only ${paths[0]!} was` : `${paths.length} were`} found`
      }; ` +
      "name them, A,B,C, or see `stratos fs device list --dir FOLDER`; where they are lost and what is left has a " +
      "copy of everything, `stratos fs device replace` puts others in their place, and `-o degraded` mounts it so",
  );
}

/** @throws OperationError for a file that is known not to be a volume, or a part of one */
export function expectVolume(text: string, path: string): void {
  const device = new FileBlockDevice(path, { readOnly: true });
  try {
    const words = contentWords(device);
    if (words !== null) throw new OperationError("volume", text, words);
  } finally {
    device.close();
  }
}

const VOLUME_MIN = 4 << 20;

/** Null for what may be a damaged volume. */
function contentWords(device: BlockDevice): string | null {
  const bytes = new Uint8Array(Math.min(device.size, MARKED_BYTES));
  if (device.size === 0) return "is empty, and no AegisFS volume; `stratos fs format` makes one of it";
  if (device.read(0, bytes, 0, bytes.length) < 0) return null;
  const foreign = foreignContent(bytes);
  if (foreign !== null) return `is ${foreign}, and no AegisFS volume`;
  if (device.size < VOLUME_MIN) return `is a file of ${device.size} bytes, and no AegisFS volume`;
  return bytes.every((byte) => byte === 0)
    ? "begins with zeros, and is no AegisFS volume; `stratos fs format` makes one of it"
    : null;
}

function openHosted(path: string, access: VolumeAccess, hosted: HostedVolume): OpenedVolume {
  const { volume, devices } = hosted;
  if (access === "write" && volume.readOnly) throw new OperationError("volume", path, "is mounted read-only");
  let isReplaced = false;
  return {
    path,
    volume,
    devices,
    hosted,
    close: () => {},
    breathe: () => hosted.breathe(),
    replaceFiles: () => {
      if (!hosted.replaceFiles())
        throw new OperationError(
          "volume",
          path,
          "is mounted, and its users would go on seeing the old files (with nocontrol, or a kernel before Linux " +
            "6.16): unmount it first",
        );
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

/** The devices of a volume, their locks held for a writer. @throws OperationError */
export function openDevices(text: string, access: DeviceAccess): VolumeDevices {
  return openFound(findVolume(text), access);
}

function openFound(found: FoundVolume, access: DeviceAccess): VolumeDevices {
  try {
    return openVolumeDevices(access === "write" ? found.paths : membersOf(found), {
      readOnly: access !== "write",
      keepsWriters: access === "quiet",
      passphrase: () => promptPassphrase(`Passphrase of ${found.text}: `),
    });
  } catch (error) {
    throw deviceFailure(found, error);
  }
}

/** A mount keeps the name of a device that has left its volume meanwhile. */
export function membersOf({ paths, inside }: FoundVolume): readonly string[] {
  return inside !== null && paths.length > 1 && probeDevice(paths[0]!) === null ? paths.slice(1) : paths;
}

function deviceFailure(found: FoundVolume, error: unknown): unknown {
  const { text } = found;
  if (error instanceof FileLockedError)
    return new VolumeInUseError(text, {
      path: error.path,
      owner: error.owner,
      words: error.words,
      mountPoint: mountOf(found)?.mountPoint ?? null,
      cause: error,
    });
  const { path = "" } = error as NodeJS.ErrnoException;
  if (/\.lock(\.\d+)?$/.test(path) && error instanceof Error)
    return new OperationError(
      "volume",
      text,
      `cannot be changed: its lock, ${path.replace(/\.\d+$/, "")}, cannot be made (${hostReason(error)})`,
      { cause: error },
    );
  return error instanceof PassphraseError ? new OperationError("volume", text, error.message, { cause: error }) : error;
}

/**
 * Opens, hands over and closes; of a writer that returns the work is committed. What is read of a volume that is
 * mounted is what it was when it was opened, with all that had been written then: who serves it keeps that until it is
 * closed here.
 */
export async function withVolume<T>(
  text: string,
  access: VolumeAccess,
  work: (opened: OpenedVolume) => T | Promise<T>,
  options: OpenOptions = {},
): Promise<T> {
  const hold = await prepareVolume(text, access);
  try {
    const opened = openVolume(text, access, options);
    try {
      const result = await work(opened);
      if (access === "write") opened.commit();
      return result;
    } catch (error) {
      throw hostRefusal(opened, error);
    } finally {
      opened.close();
    }
  } catch (error) {
    throw access === "read" && hold === null ? beingChanged(findVolume(text), error) : error;
  } finally {
    hold?.letGo();
  }
}

/**
 * To be called before a volume is opened: takes away what a killed server left beside it, and has a running one keep
 * what is durable now, for who reads its devices.
 *
 * @returns what lets go of that; null where nobody serves the volume, or who does can't be reached
 * @throws OperationError when it is to be changed and is mounted read-only: it has no writer then, but its server
 *   believes what it has read. VolumeInUseError when it is to be read, is encrypted, and nobody gave a passphrase: the
 *   process that serves it has the key, and may do what is asked for
 */
export async function prepareVolume(text: string, access: VolumeAccess): Promise<HeldVolume | null> {
  const found = findVolume(text);
  const [path] = found.paths as [string];
  if (hostedVolumeAt(path) !== null) return null;
  const owner = lockOwner(path);
  if (owner === process.pid) return null;
  if (owner === null) {
    if (!(await isServed(path))) for (const one of found.paths) removeLeftovers(one);
    else if (access === "write")
      throw new OperationError(
        "volume",
        text,
        `is mounted read-only${atMount(found)}: \`stratos fs umount\` it first, or mount it read-write`,
      );
    return null;
  }
  if (access === "write") return null;
  if (environmentPassphrase() === null && probeDevice(path)?.isEncrypted === true)
    throw new VolumeInUseError(text, { path, owner, mountPoint: mountOf(found)?.mountPoint ?? null, cause: null });
  return holdWhereMounted(path);
}

function atMount(found: FoundVolume): string {
  const mount = mountOf(found);
  return mount === null ? "" : ` on ${mount.mountPoint}`;
}

/**
 * What the host said when it refused to write, where that is why work on a volume failed (a full disk, as a rule): the
 * engine knows an I/O error alone. Else the failure.
 */
export function hostRefusal({ devices }: OpenedVolume, failure: unknown): unknown {
  const { refused } = devices;
  return refused === undefined || !(failure instanceof OperationError && failure.cause instanceof EngineError)
    ? failure
    : new OperationError("volume", refused.path, `could not be written: ${hostReason(refused.refusal)}`, {
        cause: failure,
      });
}

/** The files of a snapshot or subvolume, or the live ones. @throws OperationError */
export function filesOf({ path, volume }: OpenedVolume, name: string | null): Subvolume {
  if (name === null) return volume.root;
  const id = volume.findSubvolume(Buffer.from(name, "utf8").toString("latin1"));
  if (id < 0)
    throw new OperationError("volume", `${path}@${name}`, "no such snapshot; `stratos fs snapshot list` shows them", {
      cause: new EngineError(-ENOENT),
    });
  return volume.subvolume(id)!;
}

/** One file or device as it is, which may be no volume, its lock held for a writer. @throws OperationError */
export function openDevice(path: string, access: VolumeAccess): FileBlockDevice {
  try {
    const place = hostPath(path);
    waitForEndingMount(place);
    return new FileBlockDevice(place, access === "read" ? { readOnly: true } : {});
  } catch (error) {
    throw deviceFailure({ text: path, paths: [path], inside: null }, error);
  }
}

/** The same, as the filters of the environment show them. @throws OperationError */
export function filteredFilesOf(opened: OpenedVolume, name: string | null): Subvolume {
  return filtered(filesOf(opened, name));
}

export function filtered(files: Subvolume): Subvolume {
  try {
    return withEnvironmentFilters(files);
  } catch (error) {
    throw error instanceof FilterError
      ? new OperationError("volume", "filters", error.message, { cause: error })
      : error;
  }
}

/** What is there, for whoever is about to overwrite it: null for nothing. @throws OperationError */
export function describeContent(path: string): string | null {
  if (!existsSync(hostPath(path))) return null;
  const device = openDevice(path, "read");
  try {
    if (isEncrypted(device)) return "an encrypted volume";
    const superblock = readSuperblock(device);
    if (typeof superblock !== "string") {
      const label = Buffer.from(superblock.label, "latin1").toString("utf8");
      const blocks = superblock.table?.segments.reduce((sum, one) => sum + one.blocks, 0) ?? superblock.blocks;
      return (
        `an AegisFS volume${label === "" ? "" : ` labelled "${label}"`} ` +
        `(${blocks - superblock.freeBlocks} blocks of 4 KiB in use)`
      );
    }
    if (device.size === 0) return null;
    const bytes = new Uint8Array(Math.min(device.size, SEARCHED_BYTES));
    if (device.read(0, bytes, 0, bytes.length) < 0) return "something that cannot be read";
    return foreignContent(bytes) ?? (bytes.some((byte) => byte !== 0) ? "data of another kind" : null);
  } finally {
    device.close();
  }
}

/** File systems and partition tables announce themselves near the beginning. */
const SEARCHED_BYTES = 1 << 20;

/** What looks like damage to a reader may come from a writer at work who could not be asked to keep what is read. */
function beingChanged({ paths }: FoundVolume, error: unknown): unknown {
  if (!(error instanceof OperationError) || !(error.cause instanceof EngineError || /damaged/.test(error.why)))
    return error;
  const owner = paths.map(lockOwner).find((pid) => pid !== null) ?? null;
  return owner === null
    ? error
    : new OperationError(
        "volume",
        error.what,
        `${error.why} (process ${owner} is changing the volume: try again, or read it where it is mounted)`,
        { cause: error },
      );
}
