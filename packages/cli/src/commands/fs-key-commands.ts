/** `stratos fs key …`: passphrases of an encrypted volume. */
import { readFileSync } from "node:fs";
import { KEY_ERROR_WORDS, keySlots, type EncryptedDevice, type KeyError } from "@stratos/aegisfs";
import { environmentPassphrase, volumePaths } from "@stratos/host-node";
import { CommandError } from "../command-error.ts";
import { openDevice, openDevices } from "../fs/open-volume.ts";
import { promptPassphrase } from "../fs/passphrase-prompt.ts";

export interface KeyOptions { readonly newFile?: string; readonly json?: true }

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
  else for (const { device, slots } of rows) for (const { slot, cost } of slots) process.stdout.write(`${device}: slot ${slot}, scrypt 2^${cost.logN}, r ${cost.r}, p ${cost.p}\n`);
  return 0;
}

export const addKey = (path: string, options: KeyOptions): Promise<number> => change(path, (device) => device.addPassphrase(newPassphrase(path, options)));
export const removeKey = (path: string, slot: number): Promise<number> => change(path, (device) => device.removeSlot(slot));
export const changeKey = (path: string, options: KeyOptions): Promise<number> => {
  const before = currentPassphrase(path);
  const after = newPassphrase(path, options);
  return change(path, (device) => device.changePassphrase(before, after));
};
export const rotateKey = (path: string): Promise<number> => {
  const passphrase = currentPassphrase(path);
  return change(path, (device) => device.rotate(passphrase));
};

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

let known: Uint8Array | null = null;

function currentPassphrase(path: string): Uint8Array {
  known ??= environmentPassphrase() ?? promptPassphrase(`Passphrase of ${path}: `);
  if (known === null) throw new CommandError(path, "a passphrase is needed: STRATOS_PASSPHRASE_FILE names a file with it, or give it on a terminal");
  return known;
}

let fresh: Uint8Array | null = null;

function newPassphrase(path: string, options: KeyOptions): Uint8Array {
  if (fresh !== null) return fresh;
  if (options.newFile !== undefined) {
    const text = readFileSync(options.newFile);
    const end = text.indexOf(10);
    fresh = end < 0 ? text : text.subarray(0, end);
  } else {
    fresh = promptPassphrase(`New passphrase of ${path}: `);
    const again = fresh === null ? null : promptPassphrase("The same again: ");
    if (fresh !== null && (again === null || Buffer.compare(fresh, again) !== 0)) throw new CommandError(path, "the two passphrases differ");
  }
  if (fresh === null || fresh.length === 0) throw new CommandError(path, "a new passphrase is needed: --new-file names a file with it, or give it on a terminal");
  return fresh;
}
