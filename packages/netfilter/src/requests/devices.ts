/** Devices that chains and flow tables name (nf_tables_api.c: nf_tables_parse_netdev_hooks). */
import {
  EEXIST,
  EFBIG,
  EINVAL,
  ENOENT,
  IFNAMSIZ,
  NFTA_DEVICE_NAME,
  NFTA_DEVICE_PREFIX,
  NFTA_HOOK_DEV,
  NFTA_HOOK_DEVS,
} from "@stratos/abi";
import { byteString } from "@stratos/base";
import { PREFIX } from "../rules/ruleset.ts";
import { type Attributes, eachAttribute } from "../wire/attributes.ts";
import { refuse } from "../wire/refusal.ts";
import type { Transaction } from "./transaction.ts";

/** NFT_NETDEVICE_MAX. */
const DEVICES_MAX = 256;

/** Interfaces by their names, whether they are there or not; those that begin so, with `*` (nft_netdev_hook_alloc). */
export function readDevices(nested: Attributes, types = { one: NFTA_HOOK_DEV, list: NFTA_HOOK_DEVS }): string[] {
  const one = nested.text(types.one, IFNAMSIZ);
  if (one !== null) return [one];
  const list = nested.bytes(types.list);
  const devices: string[] = [];
  if (list === null) return devices;
  for (const { type, value } of eachAttribute(list)) {
    if (type !== NFTA_DEVICE_NAME && type !== NFTA_DEVICE_PREFIX) refuse(EINVAL);
    const nul = value.indexOf(0);
    const length = nul < 0 ? value.length : nul;
    if (length === 0 || length >= IFNAMSIZ) refuse(EINVAL, value);
    const name = byteString(value, 0, length) + (type === NFTA_DEVICE_PREFIX ? PREFIX : "");
    if (devices.includes(name)) refuse(EEXIST, value);
    if (devices.length === DEVICES_MAX) refuse(EFBIG);
    devices.push(name);
  }
  return devices;
}

/** Those of a chain; what listens hears of the chain. */
export function changeDevices(t: Transaction, of: { devices: readonly string[] }, devices: readonly string[]): void {
  const before = of.devices;
  if (devices.length > DEVICES_MAX) refuse(EFBIG);
  if (devices.length === before.length) return;
  t.do(
    () => (of.devices = devices),
    () => (of.devices = before),
  );
}

/** Takes devices from what has them. @throws Refusal ENOENT it hasn't one */
export function removeDevices(t: Transaction, of: { devices: readonly string[] }, gone: readonly string[]): void {
  for (const name of gone) if (!of.devices.includes(name)) refuse(ENOENT);
  changeDevices(
    t,
    of,
    of.devices.filter((name) => !gone.includes(name)),
  );
}
