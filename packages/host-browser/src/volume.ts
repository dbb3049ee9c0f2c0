/** AegisFS volumes in a browser: any that another host made, encrypted and compressed ones too. */
import {
  EncryptedDevice,
  Files,
  format,
  isEncrypted,
  KEY_ERROR_WORDS,
  mount,
  MOUNT_ERROR_WORDS,
  type FormatOptions,
  type KeyOptions,
  type MountOptions,
  type Volume,
} from "@stratos/aegisfs";
import type { BlockDevice } from "@stratos/host";
import { browserCipher } from "./browser-cipher.ts";
import { browserClock } from "./browser-clock.ts";
import { OpfsBlockDevice, type SyncAccessHandle } from "./opfs-block-device.ts";
import { loadZstd } from "./zstd-codec.ts";

export interface VolumeOptions {
  /** Of an encrypted volume. */
  readonly passphrase?: string;
  readonly readOnly?: boolean;
  /** Where the page finds zstd.wasm; see `loadZstd`. */
  readonly zstdUrl?: string;
  readonly mount?: MountOptions;
}

export interface OpenedVolume {
  readonly volume: Volume;
  /** Its files by path; call `tick` now and then, and `sync` before the page goes. */
  readonly files: Files;
  /** Makes everything durable and lets go of the files. @throws Error */
  close(): void;
}

/** A device that is closed with its volume. */
export interface ClosingDevice extends BlockDevice {
  close(): void;
}

/** Opens the volume on these files of the origin, in any order. @throws Error with words for people */
export function openVolume(
  handles: SyncAccessHandle | readonly SyncAccessHandle[],
  options: VolumeOptions = {},
): Promise<OpenedVolume> {
  const { readOnly = false } = options;
  return openVolumeOn(
    [handles].flat().map((handle) => new OpfsBlockDevice(handle as SyncAccessHandle, { readOnly })),
    options,
  );
}

/** The same on devices of any kind; they stay open when it fails. @throws Error with words for people */
export async function openVolumeOn(raw: readonly ClosingDevice[], options: VolumeOptions): Promise<OpenedVolume> {
  const zstd = await loadZstd(options.zstdUrl);
  const devices = raw.map((device): BlockDevice =>
    isEncrypted(device) ? unlocked(device, options.passphrase) : device,
  );
  const volume = mount(devices, {
    codecs: [zstd],
    seconds: Math.floor(browserClock.realtimeMs() / 1000),
    ...options.mount,
    readOnly: options.readOnly === true,
  });
  if (typeof volume === "string") throw new Error(`the volume cannot be opened: ${MOUNT_ERROR_WORDS[volume]}`);
  return {
    volume,
    files: new Files(volume, { clock: browserClock }),
    close() {
      const failed = volume.sync();
      for (const device of raw) device.close();
      if (failed < 0) throw new Error(`the volume could not be written to the end (errno ${-failed})`);
    },
  };
}

function unlocked(device: BlockDevice, passphrase: string | undefined): BlockDevice {
  if (passphrase === undefined) throw new Error("the volume is encrypted: a passphrase is needed");
  const opened = EncryptedDevice.open(device, browserCipher, new TextEncoder().encode(passphrase));
  if (typeof opened === "string") throw new Error(`the volume cannot be opened: ${KEY_ERROR_WORDS[opened]}`);
  return opened.device;
}

export interface NewVolume {
  /** Bytes; a multiple of 4096. */
  readonly size: number;
  /** Encrypts it. */
  readonly passphrase?: string;
  readonly key?: KeyOptions;
  readonly label?: string;
  /** See `withCompression` of aegisfs. */
  readonly properties?: number;
}

/** Makes an empty volume of a file of the origin, whose content is lost. @throws Error with words for people */
export function formatVolume(handle: SyncAccessHandle, wanted: NewVolume): void {
  const device = new OpfsBlockDevice(handle);
  if (device.resize(wanted.size) < 0) throw new Error("the browser does not give the origin that much space");
  const random = new Uint8Array(20);
  browserCipher.random(random);
  const uuid = random.slice(0, 16);
  let target: BlockDevice = device;
  if (wanted.passphrase !== undefined) {
    const encrypted = EncryptedDevice.create(
      device,
      browserCipher,
      uuid,
      new TextEncoder().encode(wanted.passphrase),
      wanted.key,
    );
    if (typeof encrypted === "string") throw new Error(`the volume cannot be made: ${KEY_ERROR_WORDS[encrypted]}`);
    target = encrypted.device;
  }
  const options: FormatOptions = {
    uuid,
    hashSeed: new DataView(random.buffer).getUint32(16, true),
    seconds: Math.floor(browserClock.realtimeMs() / 1000),
    ...(wanted.label === undefined ? {} : { label: wanted.label }),
    ...(wanted.properties === undefined ? {} : { properties: wanted.properties }),
  };
  const failed = format(target, options);
  if (failed !== 0) throw new Error(`the volume cannot be made: ${MOUNT_ERROR_WORDS[failed]}`);
}
