/**
 * The devices of an AegisFS volume on this host: one file or block device, or several, written `A,B,C`; encrypted ones
 * are opened with a passphrase.
 *
 * The passphrase comes from the caller's prompt, or from the environment: STRATOS_PASSPHRASE_FILE names a file whose
 * first line it is.
 */
import { existsSync, readFileSync } from "node:fs";
import {
  EncryptedDevice,
  isEncrypted,
  KEY_ERROR_WORDS,
  lz4,
  mount,
  offerChecksumLanes,
  type MountError,
  type MountOptions,
  type Volume,
} from "@stratos/aegisfs";
import type { BlockDevice, CompressionCodec } from "@stratos/host";
import {
  FileBlockDevice,
  makeStagedLanes,
  nodeCipher,
  NodeWasmEngine,
  ThreadCodecPool,
  waitForEndingMount,
  zstdCodec,
} from "@stratos/host-node";

/** What content may be compressed with. */
export const VOLUME_CODECS: readonly CompressionCodec[] = [lz4, zstdCodec];
/** Of all volumes of this thread; its own threads start with the first content that is worth it. */
const codecPool = new ThreadCodecPool();

/** Why an encrypted device was not opened, in words. */
export class PassphraseError extends Error {}

export interface VolumeDevices {
  /** What is mounted: the files themselves, or what lies sealed in them. */
  readonly devices: readonly BlockDevice[];
  /** The files. */
  readonly files: readonly FileBlockDevice[];
  readonly encrypted: readonly EncryptedDevice[];
  /** The first file that the host has refused to write. */
  readonly refused: FileBlockDevice | undefined;
  /** Takes a further file, which has joined the volume, and what it is when it is encrypted. */
  adopt(file: FileBlockDevice, sealed: EncryptedDevice | null): void;
  /** Closes those that are no longer part of the volume, and keeps the file of one of them open. */
  release(isUsed: (device: BlockDevice) => boolean, kept: BlockDevice | undefined): void;
  close(): void;
}

interface VolumeDevicesOptions {
  readonly readOnly: boolean;
  /** Of readers: nobody writes them as long as they are open. */
  readonly keepsWriters?: boolean;
  /** The passphrase, whatever the environment says. */
  readonly given?: Uint8Array;
  /** Asked once, when the environment gives none. */
  readonly passphrase?: () => Uint8Array | null;
}

/** The paths of a volume. A file whose own name holds a comma is one device. */
export function volumePaths(path: string): string[] {
  return path.includes(",") && !existsSync(path) ? path.split(",").filter((part) => part !== "") : [path];
}

/** @throws FileLockedError, PassphraseError, or Node's error when a file cannot be opened */
export function openVolumeDevices(path: string | readonly string[], options: VolumeDevicesOptions): VolumeDevices {
  const files: FileBlockDevice[] = [];
  const close = (): void => files.forEach((file) => file.close());
  try {
    const devices: BlockDevice[] = [];
    const encrypted: EncryptedDevice[] = [];
    let passphrase: Uint8Array | null = null;
    for (const part of typeof path === "string" ? volumePaths(path) : path) {
      waitForEndingMount(part);
      const file = new FileBlockDevice(
        part,
        options.readOnly ? { readOnly: true, keepsWriters: options.keepsWriters === true } : {},
      );
      files.push(file);
      if (!isEncrypted(file)) {
        devices.push(file);
        continue;
      }
      passphrase ??= options.given ?? environmentPassphrase() ?? options.passphrase?.() ?? null;
      if (passphrase === null)
        throw new PassphraseError(
          "it is encrypted: STRATOS_PASSPHRASE_FILE names a file with the passphrase, or give it on a terminal",
        );
      const opened = EncryptedDevice.open(file, nodeCipher, passphrase);
      if (typeof opened === "string") throw new PassphraseError(KEY_ERROR_WORDS[opened]);
      encrypted.push(opened);
      devices.push(opened.device);
    }
    const adopt = (file: FileBlockDevice, sealed: EncryptedDevice | null): void => {
      files.push(file);
      devices.push(sealed?.device ?? file);
      if (sealed !== null) encrypted.push(sealed);
    };
    const release = (isUsed: (device: BlockDevice) => boolean, kept: BlockDevice | undefined): void => {
      for (let index = devices.length - 1; index >= 0; index--) {
        if (isUsed(devices[index]!)) continue;
        const sealed = encrypted.findIndex(({ device }) => device === devices[index]);
        if (sealed >= 0) encrypted.splice(sealed, 1);
        if (devices[index] === kept) continue;
        files[index]!.close();
        files.splice(index, 1);
        devices.splice(index, 1);
      }
    };
    return {
      ...{ devices, files, encrypted, adopt, release, close },
      get refused() {
        return files.find(({ refusal }) => refusal !== null);
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Checksums of blocks are computed by vector instructions from now on. */
export function offerNodeLanes(): void {
  offerChecksumLanes(() => makeStagedLanes(new NodeWasmEngine()));
}

/** Mounts them as one volume, with all codecs, threads and vector instructions of this host. */
export function mountDevices(
  { devices }: Pick<VolumeDevices, "devices">,
  options: MountOptions = {},
): Volume | MountError {
  offerNodeLanes();
  return mount(devices.length === 1 ? devices[0]! : devices, { codecs: VOLUME_CODECS, codecPool, ...options });
}

/** The passphrase that the environment gives, or null. @throws PassphraseError when its file cannot be read */
export function environmentPassphrase(): Uint8Array | null {
  const path = process.env["STRATOS_PASSPHRASE_FILE"];
  if (path === undefined || path === "") return null;
  try {
    const text = readFileSync(path);
    const end = text.indexOf(10);
    return end < 0 ? text : text.subarray(0, end);
  } catch (error) {
    throw new PassphraseError(
      "STRATOS_PASSPHRASE_FILE: " +
        `${/^[A-Z0-9]+: ([^,]+), /.exec((error as Error).message)?.[1] ?? (error as Error).message}: ${path}`,
    );
  }
}
