/** Requests about tables and chains (net/netfilter/nf_tables_api.c: nf_tables_newtable, nf_tables_newchain, …). */
import {
  Chain,
  type ChainHook,
  type Flowtable,
  type NftSet,
  type StatefulObject,
  Table,
  objectKey,
} from "../rules/ruleset.ts";
import {
  AF_UNSPEC,
  EBUSY,
  EEXIST,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  NFTA_CHAIN_COUNTERS,
  NFTA_CHAIN_FLAGS,
  NFTA_CHAIN_HANDLE,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_ID,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_CHAIN_USERDATA,
  NFTA_COUNTER_BYTES,
  NFTA_COUNTER_PACKETS,
  NFTA_HOOK_DEV,
  NFTA_HOOK_DEVS,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_OBJ_HANDLE,
  NFTA_OBJ_NAME,
  NFTA_OBJ_TABLE,
  NFTA_OBJ_TYPE,
  NFTA_SET_HANDLE,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
  NFTA_TABLE_FLAGS,
  NFTA_TABLE_HANDLE,
  NFTA_TABLE_NAME,
  NFTA_TABLE_USERDATA,
  NFT_CHAIN_BASE,
  NFT_CHAIN_BINDING,
  NFT_CHAIN_HW_OFFLOAD,
  NFT_MSG_DELCHAIN,
  NFT_MSG_DELFLOWTABLE,
  NFT_MSG_DELOBJ,
  NFT_MSG_DELRULE,
  NFT_MSG_DELSET,
  NFT_MSG_DELTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWTABLE,
  NFT_TABLE_F_DORMANT,
  NFT_TABLE_F_OWNER,
  NFT_TABLE_F_PERSIST,
  NF_ACCEPT,
  NF_DROP,
  NF_IP_PRI_CONNTRACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_NONREC,
  NLM_F_REPLACE,
} from "@stratos/abi";
import { FAMILIES, hasDevices, hooksOf } from "../rules/chain-places.ts";
import type { Attributes } from "../wire/attributes.ts";
import { blaming, refuse } from "../wire/refusal.ts";
import { changeDevices, readDevices, removeDevices } from "./devices.ts";
import { fillChain, fillFlowtable, fillObject, fillRule, fillSet, fillTable } from "./fill.ts";
import type { ChangeRequest, Transaction } from "./transaction.ts";

const TABLE_FLAGS = NFT_TABLE_F_DORMANT | NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST;
const CHAIN_FLAGS = NFT_CHAIN_BASE | NFT_CHAIN_BINDING;
const USERDATA_MAX = 256;

/** @throws Refusal EOPNOTSUPP */
function checkFamily(family: number): void {
  if (!FAMILIES.has(family)) refuse(EOPNOTSUPP);
}

export function userdataOf(attributes: Attributes, type: number): Uint8Array | null {
  const bytes = attributes.bytes(type);
  if (bytes === null) return null;
  return bytes.length > USERDATA_MAX ? refuse(ERANGE) : bytes.slice();
}

/** @throws Refusal ENOENT; EPERM it is another's */
export function findTable(t: Transaction, { family, attributes }: ChangeRequest, type: number): Table {
  const bad = attributes.bytes(type);
  const table = t.ruleset.table(family, attributes.needText(type)) ?? refuse(ENOENT, bad);
  return table.owner !== 0 && table.owner !== t.port ? refuse(EPERM, bad) : table;
}

/** By the number of its handle where that is given. */
function tableOf(t: Transaction, request: ChangeRequest): Table {
  const { family, attributes } = request;
  const handle = attributes.u64(NFTA_TABLE_HANDLE);
  if (handle === null) return findTable(t, request, NFTA_TABLE_NAME);
  const bad = attributes.bytes(NFTA_TABLE_HANDLE);
  const table = t.ruleset.tables.find((one) => one.handle === handle && one.family === family) ?? refuse(ENOENT, bad);
  return table.owner !== 0 && table.owner !== t.port ? refuse(EPERM, bad) : table;
}

export function newTable(t: Transaction, request: ChangeRequest): void {
  const { family, flags, attributes } = request;
  checkFamily(family);
  const name = attributes.needText(NFTA_TABLE_NAME);
  const given = attributes.u32(NFTA_TABLE_FLAGS);
  if (given !== null && (given & ~TABLE_FLAGS) !== 0) refuse(EOPNOTSUPP);
  const known = t.ruleset.table(family, name);
  if (known !== undefined) {
    const bad = attributes.bytes(NFTA_TABLE_NAME);
    if (known.owner !== 0 && known.owner !== t.port) refuse(EPERM, bad);
    if ((flags & NLM_F_EXCL) !== 0) refuse(EEXIST, bad);
    if ((flags & NLM_F_REPLACE) !== 0) refuse(EOPNOTSUPP);
    if (given !== null && given !== known.flags) {
      const before = known.flags;
      const isOwned = (given & NFT_TABLE_F_OWNER) !== 0;
      if (known.owner !== 0 ? !isOwned : isOwned && (before & NFT_TABLE_F_PERSIST) === 0) refuse(EOPNOTSUPP);
      if (((given ^ before) & NFT_TABLE_F_PERSIST) !== 0) refuse(EOPNOTSUPP);
      // Once in a batch (nf_tables_updtable, "no dormant off/on/off/on games").
      if (t.toggled.has(known)) refuse(EINVAL);
      if (((given ^ before) & NFT_TABLE_F_DORMANT) !== 0) t.toggled.add(known);
      const { owner } = known;
      t.do(
        () => Object.assign(known, { flags: given, owner: isOwned ? t.port : 0 }),
        () => Object.assign(known, { flags: before, owner }),
      );
    }
    t.notify(NFT_MSG_NEWTABLE, family, 0, (w) => fillTable(w, known));
    return;
  }
  if (name === "") refuse(EINVAL);
  t.take();
  const table = new Table(family, name, t.ruleset.lastHandle + 1);
  table.flags = given ?? 0;
  table.userdata = userdataOf(attributes, NFTA_TABLE_USERDATA);
  if ((table.flags & NFT_TABLE_F_OWNER) !== 0) table.owner = t.port;
  t.do(
    () => {
      t.ruleset.lastHandle++;
      t.ruleset.tables.push(table);
    },
    () => {
      t.ruleset.tables.splice(t.ruleset.tables.indexOf(table), 1);
    },
  );
  t.notify(NFT_MSG_NEWTABLE, family, NLM_F_CREATE, (w) => fillTable(w, table));
}

/** Without a family or a name: all that there are. */
export function deleteTable(t: Transaction, request: ChangeRequest): void {
  const { family, attributes } = request;
  if (family !== AF_UNSPEC && (attributes.has(NFTA_TABLE_NAME) || attributes.has(NFTA_TABLE_HANDLE))) {
    dropTable(t, tableOf(t, request), request);
    return;
  }
  const name = attributes.text(NFTA_TABLE_NAME);
  for (const table of [...t.ruleset.tables]) {
    if (family !== AF_UNSPEC && table.family !== family) continue;
    if ((name !== null && name !== table.name) || (table.owner !== 0 && table.owner !== t.port)) continue;
    dropTable(t, table, request);
  }
}

function dropTable(t: Transaction, table: Table, { flags }: ChangeRequest): void {
  if ((flags & NLM_F_NONREC) !== 0 && table.use > 0) refuse(EBUSY);
  for (const chain of table.chains.values()) flushChain(t, chain);
  for (const set of [...table.sets.values()]) removeSet(t, set);
  for (const flowtable of [...table.flowtables.values()]) removeFlowtable(t, flowtable);
  for (const object of [...table.objects.values()]) removeObject(t, object);
  for (const chain of [...table.chains.values()]) removeChain(t, chain);
  const at = t.ruleset.tables.indexOf(table);
  t.do(
    () => t.ruleset.tables.splice(at, 1),
    () => t.ruleset.tables.splice(at, 0, table),
  );
  t.give();
  t.notify(NFT_MSG_DELTABLE, table.family, 0, (w) => fillTable(w, table, true));
}

/** All of its rules. */
export function flushChain(t: Transaction, chain: Chain): void {
  while (chain.rules.length > 0) removeRule(t, chain, chain.rules.length - 1);
}

export function removeRule(t: Transaction, chain: Chain, at: number): void {
  const rule = chain.rules[at]!;
  t.do(
    () => {
      chain.rules.splice(at, 1);
      chain.use--;
    },
    () => {
      chain.rules.splice(at, 0, rule);
      chain.use++;
    },
  );
  t.hold(rule.expressions, -1);
  t.give();
  t.notify(NFT_MSG_DELRULE, chain.table.family, 0, (w) => fillRule(w, rule, t.nowNs));
}

function removeSet(t: Transaction, set: NftSet): void {
  t.dropSet(set);
  t.notify(NFT_MSG_DELSET, set.table.family, 0, (w) => fillSet(w, set, t.nowNs, true));
}

function removeObject(t: Transaction, object: StatefulObject): void {
  t.takeOut(object.table.objects, objectKey(object.type, object.name), object);
  t.give();
  t.notify(NFT_MSG_DELOBJ, object.table.family, 0, (w) => fillObject(w, object, t.nowNs));
}

export function removeFlowtable(t: Transaction, flowtable: Flowtable): void {
  t.takeOut(flowtable.table.flowtables, flowtable.name, flowtable);
  t.give();
  t.notify(NFT_MSG_DELFLOWTABLE, flowtable.table.family, 0, (w) => fillFlowtable(w, flowtable, true));
}

function removeChain(t: Transaction, chain: Chain): void {
  t.takeOut(chain.table.chains, chain.name, chain);
  t.give();
  t.notify(NFT_MSG_DELCHAIN, chain.table.family, 0, (w) => fillChain(w, chain, true));
}

/**
 * @param attributes  of the chain: NFTA_CHAIN_TYPE
 * @param known  of one that is there already: what isn't said stays as it is
 */
function readHook(
  family: number,
  nested: Attributes,
  attributes: Attributes,
  known: ChainHook | null = null,
): ChainHook {
  const hook = nested.u32(NFTA_HOOK_HOOKNUM) ?? known?.hook ?? refuse(ENOENT);
  const priority = (nested.u32(NFTA_HOOK_PRIORITY) ?? known?.priority ?? refuse(ENOENT)) | 0;
  if (known !== null && (hook !== known.hook || priority !== known.priority)) refuse(EOPNOTSUPP);
  const type = attributes.text(NFTA_CHAIN_TYPE) ?? known?.type ?? "filter";
  const hooks = hooksOf(family, type) ?? refuse(ENOENT, attributes.bytes(NFTA_CHAIN_TYPE));
  if (hook > 31 || (hooks & (1 << hook)) === 0) refuse(EOPNOTSUPP);
  if (type === "nat" && priority <= NF_IP_PRI_CONNTRACK) refuse(EOPNOTSUPP);
  if (hasDevices(family, hook)) return { type, hook, priority, devices: readDevices(nested) };
  if (nested.has(NFTA_HOOK_DEV) || nested.has(NFTA_HOOK_DEVS)) refuse(EOPNOTSUPP);
  return { type, hook, priority, devices: [] };
}

function readCounters(nested: Attributes | null): Float64Array | null {
  if (nested === null) return null;
  return Float64Array.of(nested.needU64(NFTA_COUNTER_PACKETS), nested.needU64(NFTA_COUNTER_BYTES));
}

export function newChain(t: Transaction, request: ChangeRequest): void {
  const { family, flags, attributes } = request;
  checkFamily(family);
  const table = findTable(t, request, NFTA_CHAIN_TABLE);
  const id = attributes.u32(NFTA_CHAIN_ID);
  const handle = attributes.u64(NFTA_CHAIN_HANDLE);
  const name = attributes.text(NFTA_CHAIN_NAME);
  const known =
    handle !== null
      ? ([...table.chains.values()].find((one) => one.handle === handle) ??
        refuse(ENOENT, attributes.bytes(NFTA_CHAIN_HANDLE)))
      : name === null
        ? id === null
          ? refuse(EINVAL)
          : undefined
        : table.chains.get(name);
  const hook = attributes.nested(NFTA_CHAIN_HOOK);
  const policy = attributes.u32(NFTA_CHAIN_POLICY);
  if (policy !== null) {
    if (known !== undefined ? known.hook === null : hook === null)
      refuse(EOPNOTSUPP, attributes.bytes(NFTA_CHAIN_POLICY));
    if (policy !== NF_DROP && policy !== NF_ACCEPT) refuse(EINVAL);
  }
  const given = attributes.u32(NFTA_CHAIN_FLAGS) ?? 0;
  if ((given & ~(CHAIN_FLAGS | NFT_CHAIN_HW_OFFLOAD)) !== 0) refuse(EOPNOTSUPP);
  if ((given & NFT_CHAIN_HW_OFFLOAD) !== 0) refuse(EOPNOTSUPP);
  const isBase = (known === undefined ? hook : known.hook) !== null;
  const counters = isBase ? readCounters(attributes.nested(NFTA_CHAIN_COUNTERS)) : null;
  if (known !== undefined) {
    if ((known.flags & NFT_CHAIN_BINDING) !== 0) refuse(EINVAL);
    if ((flags & NLM_F_EXCL) !== 0)
      refuse(EEXIST, attributes.bytes(handle === null ? NFTA_CHAIN_NAME : NFTA_CHAIN_HANDLE));
    if ((flags & NLM_F_REPLACE) !== 0) refuse(EOPNOTSUPP);
    changeChain(t, known, { family, attributes, hook, policy, counters, name });
    return;
  }
  const place = hook === null ? null : readHook(family, hook, attributes);
  if (place !== null && (given & NFT_CHAIN_BINDING) !== 0) refuse(EOPNOTSUPP);
  if (name === null && (given & NFT_CHAIN_BINDING) === 0) refuse(EINVAL);
  if (place === null && (given & NFT_CHAIN_BASE) !== 0) refuse(EINVAL);
  if (place !== null && t.toggled.has(table)) refuse(EINVAL);
  t.take();
  const number = table.takeHandle();
  const chain = new Chain(table, name ?? nameOfBinding(table, number), number, place);
  chain.policy = policy ?? NF_ACCEPT;
  chain.counters = counters;
  chain.flags = given | (place === null ? 0 : NFT_CHAIN_BASE);
  chain.userdata = userdataOf(attributes, NFTA_CHAIN_USERDATA);
  t.do(
    () => table.chains.set(chain.name, chain),
    () => table.chains.delete(chain.name),
  );
  t.nameChain(id, chain);
  if ((given & NFT_CHAIN_BINDING) !== 0) t.expectJumpTo(chain);
  t.notify(NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, (w) => fillChain(w, chain));
}

function changeChain(
  t: Transaction,
  chain: Chain,
  to: {
    family: number;
    attributes: Attributes;
    hook: Attributes | null;
    policy: number | null;
    counters: Float64Array | null;
    name: string | null;
  },
): void {
  if (to.hook !== null) {
    if (chain.hook === null) refuse(EEXIST);
    const { type, devices } = readHook(to.family, to.hook, to.attributes, chain.hook);
    if (type !== chain.hook.type) refuse(EEXIST);
    changeDevices(t, chain.hook, [...new Set([...devices, ...chain.hook.devices])]);
  }
  if (to.attributes.has(NFTA_CHAIN_COUNTERS) && chain.hook === null) refuse(EOPNOTSUPP);
  const { policy, counters } = chain;
  const newPolicy = to.policy ?? policy;
  const newCounters = to.counters ?? counters;
  t.do(
    () => {
      chain.policy = newPolicy;
      chain.counters = newCounters;
    },
    () => {
      chain.policy = policy;
      chain.counters = counters;
    },
  );
  const isRenamed = to.attributes.has(NFTA_CHAIN_HANDLE) && to.name !== null && to.name !== chain.name;
  if (isRenamed) blaming(to.attributes.bytes(NFTA_CHAIN_NAME), () => renameChain(t, chain, to.name!));
  t.notify(NFT_MSG_NEWCHAIN, to.family, 0, (w) => fillChain(w, chain));
}

/** Of a chain without a name. Its id is of its batch alone, and others have the same. */
function nameOfBinding({ chains }: Table, handle: number): string {
  let name = `__chain${handle}`;
  while (chains.has(name)) name += "_";
  return name;
}

function renameChain(t: Transaction, chain: Chain, name: string): void {
  const { chains } = chain.table;
  if (chains.has(name)) refuse(EEXIST);
  const before = chain.name;
  // It stays where it stands in lists.
  const move = (from: string, to: string) => (): void => {
    const all = [...chains];
    chains.clear();
    chain.name = to;
    for (const [key, one] of all) chains.set(key === from ? to : key, one);
  };
  t.do(move(before, name), move(name, before));
}

export function findChain(table: Table, attributes: Attributes, type: number): Chain {
  return table.chains.get(attributes.needText(type)) ?? refuse(ENOENT, attributes.bytes(type));
}

export function deleteChain(t: Transaction, request: ChangeRequest): void {
  const { flags, attributes } = request;
  const table = findTable(t, request, NFTA_CHAIN_TABLE);
  const handle = attributes.u64(NFTA_CHAIN_HANDLE);
  const chain =
    handle === null
      ? findChain(table, attributes, NFTA_CHAIN_NAME)
      : ([...table.chains.values()].find((one) => one.handle === handle) ??
        refuse(ENOENT, attributes.bytes(NFTA_CHAIN_HANDLE)));
  // Of its devices alone (nft_delchain_hook).
  const hook = attributes.nested(NFTA_CHAIN_HOOK);
  if (hook !== null && chain.hook !== null && hasDevices(table.family, chain.hook.hook)) {
    const gone = readDevices(hook);
    if (gone.length > 0) {
      removeDevices(t, chain.hook, gone);
      t.notify(NFT_MSG_DELCHAIN, table.family, 0, (w) => fillChain(w, chain));
      return;
    }
  }
  if ((flags & NLM_F_NONREC) !== 0 && chain.use > 0) refuse(EBUSY);
  flushChain(t, chain);
  // Somebody jumps to it.
  if (chain.use > 0) refuse(EBUSY, attributes.bytes(handle === null ? NFTA_CHAIN_NAME : NFTA_CHAIN_HANDLE));
  removeChain(t, chain);
}

export function deleteSet(t: Transaction, request: ChangeRequest): void {
  const { attributes } = request;
  const table = findTable(t, request, NFTA_SET_TABLE);
  const handle = attributes.u64(NFTA_SET_HANDLE);
  const bad = attributes.bytes(handle === null ? NFTA_SET_NAME : NFTA_SET_HANDLE);
  const set =
    (handle === null
      ? table.sets.get(attributes.needText(NFTA_SET_NAME))
      : [...table.sets.values()].find((one) => one.shape.handle === handle)) ?? refuse(ENOENT, bad);
  if (set.use > 0) refuse(EBUSY, bad);
  removeSet(t, set);
}

export function deleteObject(t: Transaction, request: ChangeRequest): void {
  const { attributes } = request;
  const table = findTable(t, request, NFTA_OBJ_TABLE);
  const type = attributes.needU32(NFTA_OBJ_TYPE);
  const handle = attributes.u64(NFTA_OBJ_HANDLE);
  const bad = attributes.bytes(handle === null ? NFTA_OBJ_NAME : NFTA_OBJ_HANDLE);
  const object =
    (handle === null
      ? table.objects.get(objectKey(type, attributes.needText(NFTA_OBJ_NAME)))
      : [...table.objects.values()].find((one) => one.handle === handle)) ?? refuse(ENOENT, bad);
  if (object.use > 0) refuse(EBUSY, bad);
  removeObject(t, object);
}
