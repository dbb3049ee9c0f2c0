/**
 * Passphrases of a volume on several encrypted devices. Each device has a header of its own, and headers are written
 * one after the other, so every change is made of steps that all devices have made before the next begins: wherever it
 * breaks off, there is a passphrase that opens all of them. A passphrase has the same slot on each.
 */
import type { KeyError } from "./key-error.ts";
import { SLOTS } from "./key-header.ts";
import type { EncryptedDevice, KeyOptions } from "./keys.ts";

type Devices = readonly EncryptedDevice[];

/** Another passphrase that opens them all. Returns its slot. */
export function addPassphrase(devices: Devices, passphrase: Uint8Array, options: KeyOptions = {}): number | KeyError {
  let slot = 0;
  while (devices.some(({ slots }) => slots.includes(slot))) slot++;
  if (slot >= SLOTS) return "no-free-slot";
  return onEach(devices, (device) => device.addPassphrase(passphrase, { ...options, slot })) ?? slot;
}

/** Refused by all of them, or by none: a passphrase that broke off while it was added opens no volume. */
export function removeSlot(devices: Devices, slot: number): 0 | KeyError {
  const users = devices.filter(({ slots }) => slots.includes(slot));
  if (users.length === 0) return "no-slot";
  const isOpenedBy = (other: number): boolean => devices.every(({ slots }) => slots.includes(other));
  if (!devices[0]!.slots.some((other) => other !== slot && isOpenedBy(other))) return "last-slot";
  return onEach(users, (device) => device.removeSlot(slot)) ?? 0;
}

/** Puts a new passphrase in the place of another, which opens nothing any more. */
export function changePassphrase(
  devices: Devices,
  before: Uint8Array,
  after: Uint8Array,
  options: KeyOptions = {},
): 0 | KeyError {
  const isNew = before.length !== after.length || before.some((byte, at) => byte !== after[at]);
  if (devices.length === 1 || !isNew)
    return onEach(devices, (device) => device.changePassphrase(before, after, options)) ?? 0;
  const known = onEach(devices, (device) => (device.slotsOf(before).length > 0 ? 0 : "wrong-passphrase"));
  if (known !== null) return known;
  const added = addPassphrase(devices, after, options);
  if (typeof added === "string") return added;
  return onEach(devices, (device) => device.removePassphrase(before)) ?? 0;
}

/** The first device that cannot be changed ends it. */
function onEach(devices: Devices, change: (device: EncryptedDevice) => number | KeyError): KeyError | null {
  for (const device of devices) {
    const result = change(device);
    if (typeof result === "string") return result;
  }
  return null;
}
