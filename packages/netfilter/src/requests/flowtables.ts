/**
 * Requests about flow tables (nf_tables_api.c: nf_tables_newflowtable, nf_tables_delflowtable): connections that a rule
 * gives to one (`flow add @f`) go by the rules from then on, as long as they come in by one of its devices.
 */
import {
  EBUSY,
  EEXIST,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  NFTA_FLOWTABLE_FLAGS,
  NFTA_FLOWTABLE_HANDLE,
  NFTA_FLOWTABLE_HOOK,
  NFTA_FLOWTABLE_HOOK_DEVS,
  NFTA_FLOWTABLE_HOOK_NUM,
  NFTA_FLOWTABLE_HOOK_PRIORITY,
  NFTA_FLOWTABLE_NAME,
  NFTA_FLOWTABLE_TABLE,
  NFT_FLOWTABLE_COUNTER,
  NFT_MSG_DELFLOWTABLE,
  NFT_MSG_NEWFLOWTABLE,
  NF_NETDEV_INGRESS,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from "@stratos/abi";
import { isIpFamily } from "../rules/chain-places.ts";
import { Flowtable } from "../rules/ruleset.ts";
import type { Attributes } from "../wire/attributes.ts";
import { refuse } from "../wire/refusal.ts";
import type { Dump } from "./dumps.ts";
import { changeDevices, readDevices, removeDevices } from "./devices.ts";
import { fillFlowtable } from "./fill.ts";
import { findTable, removeFlowtable } from "./tables.ts";
import type { ChangeRequest, Transaction } from "./transaction.ts";

/** @returns devices, in the place of a chain's */
function devicesOf(hook: Attributes): string[] {
  return readDevices(hook, { one: 0, list: NFTA_FLOWTABLE_HOOK_DEVS });
}

export function newFlowtable(t: Transaction, request: ChangeRequest): void {
  const { family, flags, attributes } = request;
  const hook = attributes.needNested(NFTA_FLOWTABLE_HOOK);
  const name = attributes.needText(NFTA_FLOWTABLE_NAME);
  const table = findTable(t, request, NFTA_FLOWTABLE_TABLE);
  const known = table.flowtables.get(name);
  const given = attributes.u32(NFTA_FLOWTABLE_FLAGS) ?? 0;
  if (known !== undefined) {
    if ((flags & NLM_F_EXCL) !== 0) refuse(EEXIST, attributes.bytes(NFTA_FLOWTABLE_NAME));
    if ((flags & NLM_F_REPLACE) !== 0) refuse(EOPNOTSUPP);
    const priority = hook.u32(NFTA_FLOWTABLE_HOOK_PRIORITY);
    if (priority !== null && (priority | 0) !== known.priority) refuse(EOPNOTSUPP);
    changeDevices(t, known, [...new Set([...devicesOf(hook), ...known.devices])]);
    t.notify(NFT_MSG_NEWFLOWTABLE, family, 0, (w) => fillFlowtable(w, known));
    return;
  }
  if (!isIpFamily(family)) refuse(ENOENT);
  // A card that does it by itself (NFT_FLOWTABLE_HW_OFFLOAD) is nowhere.
  if ((given & ~NFT_FLOWTABLE_COUNTER) !== 0) refuse(EOPNOTSUPP);
  const number = hook.u32(NFTA_FLOWTABLE_HOOK_NUM);
  const priority = hook.u32(NFTA_FLOWTABLE_HOOK_PRIORITY);
  if (number === null || priority === null) refuse(EINVAL);
  if (number !== NF_NETDEV_INGRESS) refuse(EOPNOTSUPP);
  t.take();
  const handle = table.takeHandle();
  const made = new Flowtable(table, name, { handle, priority: priority! | 0, flags: given, devices: devicesOf(hook) });
  t.do(
    () => table.flowtables.set(name, made),
    () => table.flowtables.delete(name),
  );
  t.notify(NFT_MSG_NEWFLOWTABLE, family, NLM_F_CREATE, (w) => fillFlowtable(w, made));
}

export function deleteFlowtable(t: Transaction, request: ChangeRequest): void {
  const { attributes } = request;
  const table = findTable(t, request, NFTA_FLOWTABLE_TABLE);
  const handle = attributes.u64(NFTA_FLOWTABLE_HANDLE);
  const bad = attributes.bytes(handle === null ? NFTA_FLOWTABLE_NAME : NFTA_FLOWTABLE_HANDLE);
  const found =
    (handle === null
      ? table.flowtables.get(attributes.needText(NFTA_FLOWTABLE_NAME))
      : [...table.flowtables.values()].find((one) => one.handle === handle)) ?? refuse(ENOENT, bad);
  const hook = attributes.nested(NFTA_FLOWTABLE_HOOK);
  const gone = hook === null ? [] : devicesOf(hook);
  if (gone.length > 0) {
    removeDevices(t, found, gone);
    t.notify(NFT_MSG_DELFLOWTABLE, table.family, 0, (w) => fillFlowtable(w, found));
    return;
  }
  if (found.use > 0) refuse(EBUSY, bad);
  removeFlowtable(t, found);
}

export function dumpFlowtables(dump: Dump): void {
  const { attributes, isDump } = dump.request;
  if (!isDump) {
    const table = dump.table(NFTA_FLOWTABLE_TABLE);
    const bad = attributes.bytes(NFTA_FLOWTABLE_NAME);
    const one = table.flowtables.get(attributes.needText(NFTA_FLOWTABLE_NAME)) ?? refuse(ENOENT, bad);
    dump.add(NFT_MSG_NEWFLOWTABLE, table.family, 0, (w) => fillFlowtable(w, one));
    return;
  }
  for (const table of dump.tables(NFTA_FLOWTABLE_TABLE))
    for (const one of table.flowtables.values())
      dump.add(NFT_MSG_NEWFLOWTABLE, table.family, NLM_F_APPEND, (w) => fillFlowtable(w, one));
}
