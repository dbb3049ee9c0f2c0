/** `stratos fs key …`: passphrases of an encrypted volume. */
import { readFileSync } from "node:fs";
import { ARGON2ID, KEY_ERROR_WORDS, keySlots, SCRYPT, type EncryptedDevice, type KeyError } from "@stratos/aegisfs";
import type { KeyDerivation } from "@stratos/host";
import { environmentPassphrase, ProgressDisplay, volumePaths } from "@stratos/host-node";
import { CommandError } from "../command-error.ts";
import { openDevice, openDevices } from "../fs/open-volume.ts";
import { promptPassphrase } from "../fs/passphrase-prompt.ts";
import { formatSize } from "../option-values.ts";

export type DerivationName = KeyDerivation["kind"];
export interface KeyOptions { readonly newFile?: string; readonly kdf?: DerivationName; readonly json?: true }
export interface RotateOptions { readonly reseal?: true; readonly kdf?: DerivationName; readonly json?: true }

export const derivationOf = (name: DerivationName | undefined): KeyDerivation => (name === "argon2id" ? ARGON2ID : SCRYPT);

export async function listKeys(path: string, options: { readonly json?: true }): Promise<number> {
  const rows = volumePaths(path).map((part) => {
    const device = openDevice(part, "read");
    try {
      return { device: part, slots: expectKey(part, keySlots(device)) };
    } finally {
      device.close();
    }
  });
  if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else for (const { device, slots } of rows) for (const { slot, derivation } of slots) process.stdout.write(`${device}: slot ${slot}, ${derivationText(derivation)}\n`);
  return 0;
}

function derivationText(derivation: KeyDerivation): string {
  return derivation.kind === "scrypt"
    ? `scrypt 2^${derivation.logN}, r ${derivation.r}, p ${derivation.p}` : `argon2id ${formatSize(derivation.memoryKiB * 1024)}, ${derivation.passes} passes, ${derivation.lanes} lanes`;
}

export const addKey = (path: string, options: KeyOptions): Promise<number> => change(path, (device) => device.addPassphrase(newPassphrase(path, options), { derivation: derivationOf(options.kdf) }));
export const removeKey = (path: string, slot: number): Promise<number> => change(path, (device) => device.removeSlot(slot));
export const changeKey = (path: string, options: KeyOptions): Promise<number> => {
  const before = currentPassphrase(path);
  const after = newPassphrase(path, options);
  return change(path, (device) => device.changePassphrase(before, after, { derivation: derivationOf(options.kdf) }));
};
export const rotateKey = async (path: string, options: RotateOptions): Promise<number> => {
  const passphrase = currentPassphrase(path);
  await change(path, (device) => device.rotate(passphrase, { derivation: derivationOf(options.kdf) }));
  return options.reseal === true ? resealKey(path, options) : 0;
};

/** Seals what lies there with the newest key; goes on where an earlier run was interrupted. Exit status 1 when it is interrupted itself. */
export async function resealKey(path: string, options: { readonly json?: true }): Promise<number> {
  const devices = openDevices(path, "write");
  const progress = new ProgressDisplay(process.stderr);
  let isStopped = false;
  const stop = (): void => void (isStopped = true);
  for (const signal of STOP_SIGNALS) process.once(signal, stop);
  const result = { resealedBlocks: 0, damagedBlocks: 0, finished: true };
  try {
    if (devices.encrypted.length === 0) throw new CommandError(path, KEY_ERROR_WORDS["not-encrypted"]);
    for (const device of devices.encrypted) {
      const work = expectKey(path, device.reseal());
      while (!isStopped && expectKey(path, work.step(RESEAL_STEP)) === 1) {
        if (process.stderr.isTTY) progress.update("Sealing anew", work.done * 4096, work.total * 4096, "bytes");
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
  else if (result.damagedBlocks > 0) process.stderr.write(`stratos: ${path}: ${result.damagedBlocks} blocks open with none of the keys: a crash left them, or they are damaged (\`stratos fs scrub\` tells)\n`);
  if (!result.finished) throw new CommandError(path, "interrupted; `stratos fs key reseal` goes on");
  return 0;
}

const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** Blocks between two looks at signals and progress. */
const RESEAL_STEP = 4096;

/** Changes the header of each device; the first that cannot be changed ends it. */
async function change(path: string, work: (device: EncryptedDevice) => number | KeyError): Promise<number> {
  const devices = openDevices(path, "write");
  try {
    if (devices.encrypted.length === 0) throw new CommandError(path, KEY_ERROR_WORDS["not-encrypted"]);
    for (const device of devices.encrypted) expectKey(path, work(device));
  } finally {
    devices.close();
  }
  return 0;
}

function expectKey<T>(path: string, result: T | KeyError): Exclude<T, KeyError> {
  if (typeof result === "string" && result in KEY_ERROR_WORDS) throw new CommandError(path, KEY_ERROR_WORDS[result as KeyError]);
  return result as Exclude<T, KeyError>;
}

/** Of several devices of a volume, it is asked for once. */
let prompted: Uint8Array | null = null;

function currentPassphrase(path: string): Uint8Array {
  const passphrase = environmentPassphrase() ?? (prompted ??= promptPassphrase(`Passphrase of ${path}: `));
  if (passphrase === null) throw new CommandError(path, "a passphrase is needed: STRATOS_PASSPHRASE_FILE names a file with it, or give it on a terminal");
  return passphrase;
}

let fresh: Uint8Array | null = null;

function newPassphrase(path: string, options: KeyOptions): Uint8Array {
  if (fresh !== null && options.newFile === undefined) return fresh;
  if (options.newFile !== undefined) {
    const text = readFileSync(options.newFile);
    const end = text.indexOf(10);
    const given = end < 0 ? text : text.subarray(0, end);
    if (given.length === 0) throw new CommandError(options.newFile, "its first line, the new passphrase, is empty");
    return given;
  }
  fresh = promptPassphrase(`New passphrase of ${path}: `);
  const again = fresh === null ? null : promptPassphrase("The same again: ");
  if (fresh !== null && (again === null || Buffer.compare(fresh, again) !== 0)) throw new CommandError(path, "the two passphrases differ");
  if (fresh === null || fresh.length === 0) throw new CommandError(path, "a new passphrase is needed: --new-file names a file with it, or give it on a terminal");
  return fresh;
}
