/** An empty volume, made of files and devices. */
import { randomBytes } from "node:crypto";
import { closeSync, openSync, realpathSync, rmSync, statSync, truncateSync } from "node:fs";
import { COMPRESS_LZ4, COMPRESS_NONE, COMPRESS_ZSTD, EncryptedDevice, format, withCompression } from "@stratos/aegisfs";
import type { BlockDevice, KeyDerivation } from "@stratos/host";
import { type FileBlockDevice, nodeCipher } from "@stratos/host-node";
import { formatSize, OperationError } from "@stratos/operation";
import { environmentPassphrase } from "@stratos/tools-node/volumes";
import { toByteString } from "./file-tree.ts";
import { rememberVolume } from "./known-volumes.ts";
import { describeContent, openDevice } from "./open-volume.ts";
import { promptPassphrase } from "./passphrase-prompt.ts";
import { VOLUME_BYTES_MIN } from "./resize-volume.ts";
import { mountFailure } from "./volume-error.ts";
import { keyFailure } from "./volume-keys.ts";

interface DevicePlan {
  readonly path: string;
  /** A file that is to be made. */
  readonly isNew: boolean;
  readonly sizeBytes: number;
  /** What would be lost; null: nothing. */
  readonly content: string | null;
}

/**
 * What of each device would become.
 * @param size  bytes that each file is to have; not given: it keeps its own
 * @throws OperationError
 */
export function planFormat(paths: readonly string[], size: number | undefined): DevicePlan[] {
  if ((size ?? VOLUME_BYTES_MIN) < VOLUME_BYTES_MIN)
    throw new OperationError("option", "--size", `a volume needs at least ${formatSize(VOLUME_BYTES_MIN)}`);
  if (new Set(paths).size < paths.length) throw new OperationError("option", "format", "a device is named twice");
  return paths.map((path) => planDevice(path, size));
}

function planDevice(path: string, size: number | undefined): DevicePlan {
  const stat = statSync(path, { throwIfNoEntry: false });
  const isDevice = stat?.isBlockDevice() === true;
  if (stat !== undefined && !isDevice && !stat.isFile())
    throw new OperationError("volume", path, "is neither a file nor a block device");
  if (stat === undefined && size === undefined)
    throw new OperationError("option", "--size", `${path} is not there: how large is it to be?`);
  if (isDevice && size !== undefined)
    throw new OperationError("option", "--size", `${path} is a device: its size is given`);
  return { path, isNew: stat === undefined, sizeBytes: size ?? stat?.size ?? 0, content: describeContent(path) };
}

interface NewVolume {
  readonly size?: number | undefined;
  readonly label?: string | undefined;
  /** Of everything, on different devices where there are several. */
  readonly copies?: number | undefined;
  readonly compression?: { readonly name: "none" | "lz4" | "zstd"; readonly level: number } | undefined;
  /** The volume is encrypted; the environment names a passphrase, or the terminal is asked twice. */
  readonly encryption?: KeyDerivation | undefined;
  /** What the devices hold may be lost. */
  readonly force: boolean;
}

/**
 * A file that is not there is made, and goes again where the volume cannot be.
 * @returns the name by which the volume is found
 * @throws OperationError
 */
export function formatVolume(paths: readonly string[], wanted: NewVolume): string {
  const { size, encryption } = wanted;
  const plans = planFormat(paths, size);
  for (const { path, content } of plans)
    if (content !== null && !wanted.force)
      throw new OperationError("volume", path, `holds ${content}; --force replaces it`);
  const passphrase = encryption === undefined ? null : newPassphrase(paths[0]!);
  const devices: FileBlockDevice[] = [];
  const made: string[] = [];
  let isMade = false;
  const name = paths.join(",");
  try {
    for (const { path, isNew } of plans) {
      if (isNew) {
        closeSync(openSync(path, "wx", 0o644));
        made.push(path);
      }
      devices.push(openDevice(path, "write"));
    }
    for (const device of devices) {
      // Under the lock: a mounted volume's file keeps its size.
      if (size === undefined) continue;
      truncateSync(device.path, 0);
      truncateSync(device.path, size);
      device.resize(size);
    }
    const sealed = devices.map((device): BlockDevice =>
      encryption === undefined || passphrase === null ? device : encrypt(device, passphrase, encryption),
    );
    const failure = format(sealed.length === 1 ? sealed[0]! : sealed, {
      uuid: randomBytes(16),
      hashSeed: randomBytes(4).readUInt32LE(),
      label: toByteString(wanted.label ?? ""),
      seconds: Math.floor(Date.now() / 1000),
      // Who makes a volume is to be able to use it.
      owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
      copies: wanted.copies ?? 1,
      properties: propertiesOf(wanted.compression),
    });
    if (failure !== 0) throw mountFailure(name, failure);
    isMade = true;
  } finally {
    for (const device of devices) device.close();
    if (!isMade) for (const path of made) rmSync(path, { force: true });
  }
  rememberVolume(paths.map((path) => realpathSync(path)));
  return name;
}

function propertiesOf(choice: NewVolume["compression"]): number {
  if (choice === undefined) return 0;
  const kinds = { none: COMPRESS_NONE, lz4: COMPRESS_LZ4, zstd: COMPRESS_ZSTD } as const;
  return withCompression(0, kinds[choice.name], choice.level);
}

function encrypt(device: FileBlockDevice, passphrase: Uint8Array, derivation: KeyDerivation): BlockDevice {
  const encrypted = EncryptedDevice.create(device, nodeCipher, randomBytes(16), passphrase, { derivation });
  if (typeof encrypted === "string") throw keyFailure(device.path, encrypted);
  return encrypted.device;
}

/** From the environment, or twice from the terminal. */
function newPassphrase(path: string): Uint8Array {
  const given = environmentPassphrase();
  if (given !== null) return given;
  const passphrase = promptPassphrase(`New passphrase of ${path}: `);
  if (passphrase === null)
    throw new OperationError(
      "volume",
      path,
      "a passphrase is needed: STRATOS_PASSPHRASE_FILE names a file with it, or give it on a terminal",
    );
  const again = promptPassphrase("The same again: ");
  if (again === null || Buffer.compare(passphrase, again) !== 0)
    throw new OperationError("volume", path, "the two passphrases differ");
  return passphrase;
}
