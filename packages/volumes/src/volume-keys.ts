/** Passphrases of an encrypted volume. */
import {
  addPassphrase,
  ARGON2ID,
  changePassphrase,
  type EncryptedDevice,
  KEY_ERROR_WORDS,
  type KeyError,
  keySlots,
  removeSlot,
  SCRYPT,
} from "@stratos/aegisfs";
import type { KeyDerivation } from "@stratos/host";
import { OperationError, type Progress } from "@stratos/operation";
import type { VolumeDevices } from "@stratos/tools-node/volumes";
import { findVolume } from "./find-volume.ts";
import { freshPassphrase, presentPassphrase } from "./given-passphrases.ts";
import { hostedVolumeAt } from "./hosted-volume.ts";
import { expectVolume, membersOf, openDevice, openDevices } from "./open-volume.ts";
import { probeDevice } from "./volume-scan.ts";

export type DerivationName = KeyDerivation["kind"];

const BLOCK = 4096;
/** Blocks between two looks at signals and progress. */
const RESEAL_STEP = 4096;

/** Scrypt where none is named. */
export const derivationOf = (name: DerivationName | undefined): KeyDerivation =>
  name === "argon2id" ? ARGON2ID : SCRYPT;

interface DeviceKeys {
  readonly device: string;
  readonly slots: readonly { readonly slot: number; readonly derivation: KeyDerivation }[];
}

/** Of each device of a volume. @throws OperationError */
export function listVolumeKeys(path: string): DeviceKeys[] {
  expectEncrypted(path);
  return membersOf(findVolume(path)).map((part) => {
    const device = openDevice(part, "read");
    try {
      return { device: part, slots: expectKey(path, keySlots(device)) };
    } finally {
      device.close();
    }
  });
}

interface NewKey {
  /** The file whose first line the new passphrase is; not given: the terminal is asked. */
  readonly newFile?: string | undefined;
  readonly derivation: KeyDerivation;
}

/** @throws OperationError */
export function addVolumeKey(path: string, { newFile, derivation }: NewKey): void {
  expectEncrypted(path);
  const fresh = freshPassphrase(path, newFile);
  changeKeys(path, (devices) => addPassphrase(devices, fresh, { derivation }));
}

/** @throws OperationError */
export function removeVolumeKey(path: string, slot: number): void {
  changeKeys(path, (devices) => removeSlot(devices, slot));
}

/** @throws OperationError */
export function changeVolumeKey(path: string, { newFile, derivation }: NewKey): void {
  expectEncrypted(path);
  const before = presentPassphrase(path);
  const after = freshPassphrase(path, newFile);
  changeKeys(path, (devices) => changePassphrase(devices, before, after, { derivation }));
}

/** What is written from then on is sealed with a new key. @throws OperationError */
export function rotateVolumeKey(path: string, derivation: KeyDerivation): void {
  expectEncrypted(path);
  const passphrase = presentPassphrase(path);
  changeKeys(path, (devices) => {
    for (const device of devices) expectKey(path, device.rotate(passphrase, { derivation }));
    return 0;
  });
}

interface ResealedVolume {
  readonly resealedBlocks: number;
  /** They open with none of the keys. */
  readonly damagedBlocks: number;
  /** False: the signal came first, and another run goes on. */
  readonly finished: boolean;
}

/** Seals what lies there with the newest key; goes on where an earlier run was interrupted. @throws OperationError */
export async function resealVolume(path: string, signal: AbortSignal, progress: Progress): Promise<ResealedVolume> {
  const devices = keyedDevices(path);
  const result = { resealedBlocks: 0, damagedBlocks: 0, finished: true };
  try {
    for (const device of devices.encrypted) {
      const work = expectKey(path, device.reseal());
      while (!signal.aborted && expectKey(path, work.step(RESEAL_STEP)) === 1) {
        progress.update("Sealing anew", work.done * BLOCK, work.total * BLOCK, "bytes");
        devices.breathe();
        await new Promise((resolve) => setImmediate(resolve));
      }
      result.finished &&= work.isOver;
      result.resealedBlocks += work.resealed;
      result.damagedBlocks += work.damaged;
    }
  } finally {
    devices.close();
  }
  return result;
}

/** Before anything is asked for. */
function expectEncrypted(path: string): void {
  const part = membersOf(findVolume(path))[0]!;
  const probed = probeDevice(part);
  if (probed === null) expectVolume(path, part);
  else if (!probed.isEncrypted) throw keyFailure(path, "not-encrypted");
}

/** The devices of a volume, which may be served here; `close` lets go of those that were opened for this. */
function keyedDevices(path: string): Pick<VolumeDevices, "encrypted" | "close"> & { breathe(): void } {
  const hosted = hostedVolumeAt(findVolume(path).paths[0]!);
  const devices =
    hosted === null
      ? { ...openDevices(path, "write"), breathe: (): void => {} }
      : { encrypted: hosted.devices.encrypted, close: (): void => {}, breathe: () => hosted.breathe() };
  if (devices.encrypted.length > 0) return devices;
  devices.close();
  throw keyFailure(path, "not-encrypted");
}

/** Changes the headers of the devices. */
function changeKeys(path: string, work: (devices: readonly EncryptedDevice[]) => number | KeyError): void {
  const devices = keyedDevices(path);
  try {
    expectKey(path, work(devices.encrypted));
  } finally {
    devices.close();
  }
}

function expectKey<T>(path: string, result: T | KeyError): Exclude<T, KeyError> {
  if (typeof result === "string" && result in KEY_ERROR_WORDS) throw keyFailure(path, result as KeyError);
  return result as Exclude<T, KeyError>;
}

export function keyFailure(path: string, error: KeyError): OperationError {
  return new OperationError("volume", path, KEY_ERROR_WORDS[error]);
}
