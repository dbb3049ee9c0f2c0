/** What messages say of tables, chains, rules, sets and objects, in the order in which Linux says it. */
import { hasDevices } from "../rules/chain-places.ts";
import {
  type Chain,
  type Expression,
  type Flowtable,
  type NftSet,
  PREFIX,
  type Rule,
  type SetElement,
  type StatefulObject,
  type Table,
} from "../rules/ruleset.ts";
import {
  NFTA_CHAIN_COUNTERS,
  NFTA_CHAIN_FLAGS,
  NFTA_CHAIN_HANDLE,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_CHAIN_USE,
  NFTA_CHAIN_USERDATA,
  NFTA_COUNTER_BYTES,
  NFTA_COUNTER_PACKETS,
  NFTA_DEVICE_NAME,
  NFTA_DEVICE_PREFIX,
  NFTA_FLOWTABLE_FLAGS,
  NFTA_FLOWTABLE_HANDLE,
  NFTA_FLOWTABLE_HOOK,
  NFTA_FLOWTABLE_HOOK_DEVS,
  NFTA_FLOWTABLE_HOOK_NUM,
  NFTA_FLOWTABLE_HOOK_PRIORITY,
  NFTA_FLOWTABLE_NAME,
  NFTA_FLOWTABLE_TABLE,
  NFTA_FLOWTABLE_USE,
  NFTA_HOOK_DEV,
  NFTA_HOOK_DEVS,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_LIST_ELEM,
  NFTA_OBJ_DATA,
  NFTA_OBJ_HANDLE,
  NFTA_OBJ_NAME,
  NFTA_OBJ_TABLE,
  NFTA_OBJ_TYPE,
  NFTA_OBJ_USE,
  NFTA_OBJ_USERDATA,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_HANDLE,
  NFTA_RULE_POSITION,
  NFTA_RULE_TABLE,
  NFTA_RULE_USERDATA,
  NFTA_SET_COUNT,
  NFTA_SET_DATA_LEN,
  NFTA_SET_DATA_TYPE,
  NFTA_SET_DESC,
  NFTA_SET_DESC_CONCAT,
  NFTA_SET_DESC_SIZE,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_EXPIRATION,
  NFTA_SET_ELEM_EXPR,
  NFTA_SET_ELEM_EXPRESSIONS,
  NFTA_SET_ELEM_FLAGS,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_KEY_END,
  NFTA_SET_ELEM_OBJREF,
  NFTA_SET_ELEM_TIMEOUT,
  NFTA_SET_ELEM_USERDATA,
  NFTA_SET_EXPR,
  NFTA_SET_EXPRESSIONS,
  NFTA_SET_FIELD_LEN,
  NFTA_SET_FLAGS,
  NFTA_SET_GC_INTERVAL,
  NFTA_SET_HANDLE,
  NFTA_SET_KEY_LEN,
  NFTA_SET_KEY_TYPE,
  NFTA_SET_NAME,
  NFTA_SET_OBJ_TYPE,
  NFTA_SET_POLICY,
  NFTA_SET_TABLE,
  NFTA_SET_TIMEOUT,
  NFTA_SET_TYPE,
  NFTA_SET_USERDATA,
  NFTA_TABLE_FLAGS,
  NFTA_TABLE_HANDLE,
  NFTA_TABLE_NAME,
  NFTA_TABLE_OWNER,
  NFTA_TABLE_USE,
  NFTA_TABLE_USERDATA,
  NFT_SET_MAP,
  NF_NETDEV_INGRESS,
  NFT_SET_OBJECT,
  NFT_SET_POL_PERFORMANCE,
} from "@stratos/abi";
import { writeData, writeExpression, writeExpressionData } from "../rules/read-expression.ts";
import { byteStringOf } from "@stratos/base";
import type { MessageWriter } from "../wire/message-writer.ts";

/** @param isGone  its name and handle are enough */
export function fillTable(w: MessageWriter, table: Table, isGone = false): void {
  w.text(NFTA_TABLE_NAME, table.name).u32(NFTA_TABLE_USE, table.use).u64(NFTA_TABLE_HANDLE, table.handle);
  if (isGone) return;
  w.u32(NFTA_TABLE_FLAGS, table.flags);
  if (table.owner !== 0) w.u32(NFTA_TABLE_OWNER, table.owner);
  if (table.userdata !== null) w.bytes(NFTA_TABLE_USERDATA, table.userdata);
}

export function fillChain(w: MessageWriter, chain: Chain, isGone = false): void {
  const { table, name, handle, hook, policy, counters, flags, use, userdata } = chain;
  w.text(NFTA_CHAIN_TABLE, table.name).text(NFTA_CHAIN_NAME, name).u64(NFTA_CHAIN_HANDLE, handle);
  if (isGone) return;
  if (hook !== null) {
    w.nest(NFTA_CHAIN_HOOK, (one) => {
      one.u32(NFTA_HOOK_HOOKNUM, hook.hook).u32(NFTA_HOOK_PRIORITY, hook.priority);
      if (hasDevices(table.family, hook.hook)) fillDevices(one, NFTA_HOOK_DEVS, hook.devices, NFTA_HOOK_DEV);
    });
    w.u32(NFTA_CHAIN_POLICY, policy).text(NFTA_CHAIN_TYPE, hook.type);
    if (counters !== null)
      w.nest(NFTA_CHAIN_COUNTERS, (one) =>
        one.u64(NFTA_COUNTER_PACKETS, counters[0]!).u64(NFTA_COUNTER_BYTES, counters[1]!),
      );
  }
  if (flags !== 0) w.u32(NFTA_CHAIN_FLAGS, flags);
  w.u32(NFTA_CHAIN_USE, use);
  if (userdata !== null) w.bytes(NFTA_CHAIN_USERDATA, userdata);
}

/** @param single  where one alone is told once more; 0: nowhere */
function fillDevices(w: MessageWriter, type: number, devices: readonly string[], single: number): void {
  const put = (writer: MessageWriter, as: number, name: string): void => {
    if (!name.endsWith(PREFIX)) writer.text(as, name);
    else writer.bytes(as === NFTA_DEVICE_NAME ? NFTA_DEVICE_PREFIX : as, byteStringOf(name.slice(0, -1)));
  };
  w.nest(type, (list) => {
    for (const name of devices) put(list, NFTA_DEVICE_NAME, name);
  });
  if (devices.length === 1 && single !== 0) put(w, single, devices[0]!);
}

export function fillFlowtable(w: MessageWriter, it: Flowtable, isGone = false): void {
  w.text(NFTA_FLOWTABLE_TABLE, it.table.name).text(NFTA_FLOWTABLE_NAME, it.name).u64(NFTA_FLOWTABLE_HANDLE, it.handle);
  if (isGone) return;
  w.u32(NFTA_FLOWTABLE_USE, it.use).u32(NFTA_FLOWTABLE_FLAGS, it.flags);
  w.nest(NFTA_FLOWTABLE_HOOK, (hook) => {
    hook.u32(NFTA_FLOWTABLE_HOOK_NUM, NF_NETDEV_INGRESS).u32(NFTA_FLOWTABLE_HOOK_PRIORITY, it.priority);
    fillDevices(hook, NFTA_FLOWTABLE_HOOK_DEVS, it.devices, 0);
  });
}

export function fillRule(w: MessageWriter, rule: Rule, nowNs: number, before: Rule | null = null): void {
  const { chain, handle, expressions, userdata } = rule;
  w.text(NFTA_RULE_TABLE, chain.table.name).text(NFTA_RULE_CHAIN, chain.name).u64(NFTA_RULE_HANDLE, handle);
  if (before !== null) w.u64(NFTA_RULE_POSITION, before.handle);
  w.nest(NFTA_RULE_EXPRESSIONS, (list) => {
    for (const one of expressions) writeExpression(list, one, NFTA_LIST_ELEM, nowNs);
  });
  if (userdata !== null) w.bytes(NFTA_RULE_USERDATA, userdata);
}

export function fillObject(w: MessageWriter, object: StatefulObject, nowNs: number): void {
  const { table, name, type, handle, use, expression, userdata } = object;
  w.text(NFTA_OBJ_TABLE, table.name).text(NFTA_OBJ_NAME, name).u32(NFTA_OBJ_TYPE, type).u64(NFTA_OBJ_HANDLE, handle);
  w.u32(NFTA_OBJ_USE, use);
  w.nest(NFTA_OBJ_DATA, (data) => writeExpressionData(data, expression, nowNs));
  if (userdata !== null) w.bytes(NFTA_OBJ_USERDATA, userdata);
}

export function fillSet(w: MessageWriter, set: NftSet, nowNs: number, isGone = false): void {
  const { shape } = set;
  w.text(NFTA_SET_TABLE, set.table.name).text(NFTA_SET_NAME, set.name).u64(NFTA_SET_HANDLE, shape.handle);
  if (isGone) return;
  if (shape.flags !== 0) w.u32(NFTA_SET_FLAGS, shape.flags);
  w.u32(NFTA_SET_KEY_TYPE, shape.keyType).u32(NFTA_SET_KEY_LEN, shape.keyLength);
  if ((shape.flags & NFT_SET_MAP) !== 0)
    w.u32(NFTA_SET_DATA_TYPE, shape.dataType).u32(NFTA_SET_DATA_LEN, shape.dataLength);
  if ((shape.flags & NFT_SET_OBJECT) !== 0) w.u32(NFTA_SET_OBJ_TYPE, shape.objectType);
  if (shape.timeoutMs !== 0) w.u64(NFTA_SET_TIMEOUT, shape.timeoutMs);
  if (shape.gcIntervalMs !== 0) w.u32(NFTA_SET_GC_INTERVAL, shape.gcIntervalMs);
  if (shape.policy !== NFT_SET_POL_PERFORMANCE) w.u32(NFTA_SET_POLICY, shape.policy);
  if (shape.userdata !== null) w.bytes(NFTA_SET_USERDATA, shape.userdata);
  w.nest(NFTA_SET_DESC, (description) => {
    if (shape.sizeMost !== 0) description.u32(NFTA_SET_DESC_SIZE, shape.sizeMost);
    if (shape.fields.length > 1)
      description.nest(NFTA_SET_DESC_CONCAT, (fields) => {
        for (const size of shape.fields) fields.nest(NFTA_LIST_ELEM, (one) => one.u32(NFTA_SET_FIELD_LEN, size));
      });
  });
  fillStateful(w, set.templates, { one: NFTA_SET_EXPR, several: NFTA_SET_EXPRESSIONS }, nowNs);
  w.text(NFTA_SET_TYPE, set.typeName).u32(NFTA_SET_COUNT, set.countTold);
}

function fillStateful(
  w: MessageWriter,
  all: readonly Expression[],
  types: { readonly one: number; readonly several: number },
  nowNs: number,
): void {
  if (all.length === 1) writeExpression(w, all[0]!, types.one, nowNs);
  else if (all.length > 1)
    w.nest(types.several, (list) => {
      for (const one of all) writeExpression(list, one, NFTA_LIST_ELEM, nowNs);
    });
}

export function fillElement(w: MessageWriter, set: NftSet, element: SetElement, nowNs: number): void {
  w.nest(NFTA_LIST_ELEM, (one) => {
    if (!element.isEverythingElse) one.nest(NFTA_SET_ELEM_KEY, (key) => writeData(key, element.key));
    if (element.keyEnd !== null) one.nest(NFTA_SET_ELEM_KEY_END, (key) => writeData(key, element.keyEnd!));
    if (element.data !== null) one.nest(NFTA_SET_ELEM_DATA, (data) => writeData(data, element.data!));
    fillStateful(one, element.expressions, { one: NFTA_SET_ELEM_EXPR, several: NFTA_SET_ELEM_EXPRESSIONS }, nowNs);
    if (element.object !== null) one.text(NFTA_SET_ELEM_OBJREF, element.object.name);
    if (element.flags !== 0) one.u32(NFTA_SET_ELEM_FLAGS, element.flags);
    if (element.timeoutMs !== 0 && element.timeoutMs !== set.shape.timeoutMs)
      one.u64(NFTA_SET_ELEM_TIMEOUT, element.timeoutMs);
    if (element.expiresNs !== 0)
      one.u64(NFTA_SET_ELEM_EXPIRATION, Math.max(0, Math.floor((element.expiresNs - nowNs) / 1e6)));
    if (element.userdata !== null) one.bytes(NFTA_SET_ELEM_USERDATA, element.userdata);
  });
}
