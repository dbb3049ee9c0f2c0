/** `stratos fs key …`: passphrases of an encrypted volume. */
import { ARGON2ID, KEY_ERROR_WORDS, keySlots, SCRYPT, type EncryptedDevice, type KeyError } from "@stratos/aegisfs";
import type { KeyDerivation } from "@stratos/host";
import { type VolumeDevices } from "@stratos/tools-node/volumes";
import { ProgressDisplay } from "../progress-display.ts";
import {
  findVolume,
  freshPassphrase,
  presentPassphrase,
  hostedVolumeAt,
  openDevice,
  openDevices,
  probeDevice,
} from "@stratos/volumes";
import { CommandError } from "../command-error.ts";
import { formatSize } from "../option-values.ts";

export type DerivationName = KeyDerivation["kind"];
export interface KeyOptions {
  readonly newFile?: string;
  readonly kdf?: DerivationName;
  readonly json?: true;
}
export interface RotateOptions {
  readonly reseal?: true;
  readonly kdf?: DerivationName;
  readonly json?: true;
}

export const derivationOf = (name: DerivationName | undefined): KeyDerivation =>
  name === "argon2id" ? ARGON2ID : SCRYPT;

export async function listKeys(path: string, options: { readonly json?: true }): Promise<number> {
  const rows = findVolume(path).paths.map((part) => {
    const device = openDevice(part, "read");
    try {
      return { device: part, slots: expectKey(path, keySlots(device)) };
    } finally {
      device.close();
    }
  });
  if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else
    for (const { device, slots } of rows)
      for (const { slot, derivation } of slots)
        process.stdout.write(`${device}: slot ${slot}, ${derivationText(derivation)}\n`);
  return 0;
}

function derivationText(derivation: KeyDerivation): string {
  return derivation.kind === "scrypt"
    ? `scrypt 2^${derivation.logN}, r ${derivation.r}, p ${derivation.p}`
    : `argon2id ${formatSize(derivation.memoryKiB * 1024)}, ${derivation.passes} passes, ${derivation.lanes} lanes`;
}

export const addKey = async (path: string, options: KeyOptions): Promise<number> => {
  expectEncrypted(path);
  const fresh = freshPassphrase(path, options.newFile);
  return change(path, (device) => device.addPassphrase(fresh, { derivation: derivationOf(options.kdf) }));
};
export const removeKey = (path: string, slot: number): Promise<number> =>
  change(path, (device) => device.removeSlot(slot));
export const changeKey = async (path: string, options: KeyOptions): Promise<number> => {
  expectEncrypted(path);
  const before = presentPassphrase(path),
    after = freshPassphrase(path, options.newFile);
  return change(path, (device) => device.changePassphrase(before, after, { derivation: derivationOf(options.kdf) }));
};
export const rotateKey = async (path: string, options: RotateOptions): Promise<number> => {
  expectEncrypted(path);
  const passphrase = presentPassphrase(path);
  await change(path, (device) => device.rotate(passphrase, { derivation: derivationOf(options.kdf) }));
  return options.reseal === true ? resealKey(path, options) : 0;
};

/** Before anything is asked for. */
function expectEncrypted(path: string): void {
  if (probeDevice(findVolume(path).paths[0]!)?.isEncrypted === false)
    throw new CommandError(path, KEY_ERROR_WORDS["not-encrypted"]);
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
  throw new CommandError(path, KEY_ERROR_WORDS["not-encrypted"]);
}

/**
 * Seals what lies there with the newest key; goes on where an earlier run was interrupted. Exit status 1 when it is
 * interrupted itself.
 */
export async function resealKey(path: string, options: { readonly json?: true }): Promise<number> {
  const devices = keyedDevices(path);
  const progress = new ProgressDisplay(process.stderr);
  let isStopped = false;
  const stop = (): void => void (isStopped = true);
  for (const signal of STOP_SIGNALS) process.once(signal, stop);
  const result = { resealedBlocks: 0, damagedBlocks: 0, finished: true };
  try {
    for (const device of devices.encrypted) {
      const work = expectKey(path, device.reseal());
      while (!isStopped && expectKey(path, work.step(RESEAL_STEP)) === 1) {
        if (process.stderr.isTTY) progress.update("Sealing anew", work.done * 4096, work.total * 4096, "bytes");
        devices.breathe();
        await new Promise((resolve) => setImmediate(resolve));
      }
      result.finished &&= work.isOver;
      result.resealedBlocks += work.resealed;
      result.damagedBlocks += work.damaged;
    }
  } finally {
    for (const signal of STOP_SIGNALS) process.removeListener(signal, stop);
    progress.clear();
    devices.close();
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else if (result.damagedBlocks > 0)
    process.stderr.write(
      `stratos: ${path}: ${result.damagedBlocks} blocks open with none of the keys: a crash left them, or they ` +
        "are damaged (`stratos fs scrub` tells)\n",
    );
  if (!result.finished) throw new CommandError(path, "interrupted; `stratos fs key reseal` goes on");
  return 0;
}

const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** Blocks between two looks at signals and progress. */
const RESEAL_STEP = 4096;

/** Changes the header of each device; the first that cannot be changed ends it. */
async function change(path: string, work: (device: EncryptedDevice) => number | KeyError): Promise<number> {
  const devices = keyedDevices(path);
  try {
    for (const device of devices.encrypted) expectKey(path, work(device));
  } finally {
    devices.close();
  }
  return 0;
}

function expectKey<T>(path: string, result: T | KeyError): Exclude<T, KeyError> {
  if (typeof result === "string" && result in KEY_ERROR_WORDS)
    throw new CommandError(path, KEY_ERROR_WORDS[result as KeyError]);
  return result as Exclude<T, KeyError>;
}
