/** Requests about sets and their elements (nf_tables_api.c: nf_tables_newset, nft_add_set_elem, nft_del_setelem). */
import { type Expression, NftSet, SetElement, type Table, Verdict, objectKey } from "../rules/ruleset.ts";
import {
  E2BIG,
  EBUSY,
  EEXIST,
  EINVAL,
  ENFILE,
  ENOENT,
  EOPNOTSUPP,
  ERANGE,
  NFTA_LIST_ELEM,
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
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_SET_ID,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_ELEM_OBJREF,
  NFTA_SET_ELEM_TIMEOUT,
  NFTA_SET_ELEM_USERDATA,
  NFTA_SET_EXPR,
  NFTA_SET_EXPRESSIONS,
  NFTA_SET_FIELD_LEN,
  NFTA_SET_FLAGS,
  NFTA_SET_GC_INTERVAL,
  NFTA_SET_ID,
  NFTA_SET_KEY_LEN,
  NFTA_SET_KEY_TYPE,
  NFTA_SET_NAME,
  NFTA_SET_OBJ_TYPE,
  NFTA_SET_POLICY,
  NFTA_SET_TABLE,
  NFTA_SET_TIMEOUT,
  NFTA_SET_USERDATA,
  NFT_DATA_VALUE,
  NFT_DATA_VERDICT,
  NFT_MSG_DELSETELEM,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_SET_ANONYMOUS,
  NFT_SET_CONCAT,
  NFT_SET_CONSTANT,
  NFT_SET_ELEM_CATCHALL,
  NFT_SET_ELEM_INTERVAL_END,
  NFT_SET_EVAL,
  NFT_SET_EXPR,
  NFT_SET_INTERVAL,
  NFT_SET_MAP,
  NFT_SET_OBJECT,
  NFT_SET_POL_PERFORMANCE,
  NFT_SET_TIMEOUT,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from "@stratos/abi";
import { ELEMENT_EXPRESSIONS_MAX, readData, readStateful } from "../rules/read-expression.ts";
import { Attributes, eachAttribute } from "../wire/attributes.ts";
import type { MessageWriter } from "../wire/message-writer.ts";
import { blaming, refuse } from "../wire/refusal.ts";
import { fillElement, fillSet } from "./fill.ts";
import { findTable, userdataOf } from "./tables.ts";
import type { ChangeRequest, Transaction } from "./transaction.ts";

const SET_FLAGS =
  NFT_SET_ANONYMOUS |
  NFT_SET_CONSTANT |
  NFT_SET_INTERVAL |
  NFT_SET_TIMEOUT |
  NFT_SET_MAP |
  NFT_SET_EVAL |
  NFT_SET_OBJECT |
  NFT_SET_CONCAT |
  NFT_SET_EXPR;
const VALUE_MAX = 64,
  FIELDS_MAX = 16;
const NO_KEY = new Uint8Array(0);
const TIMEOUT_MS_MAX = 2 ** 53;

export function newSet(t: Transaction, request: ChangeRequest): void {
  const { family, flags: how, attributes } = request;
  const table = findTable(t, request, NFTA_SET_TABLE);
  const name = attributes.needText(NFTA_SET_NAME);
  const keyLength = attributes.needU32(NFTA_SET_KEY_LEN);
  const id = attributes.u32(NFTA_SET_ID);
  if (id === null) refuse(EINVAL);
  if (keyLength === 0 || keyLength > VALUE_MAX) refuse(EINVAL);
  const flags = attributes.u32(NFTA_SET_FLAGS) ?? 0;
  if ((flags & ~SET_FLAGS) !== 0) refuse(EOPNOTSUPP);
  const isMap = (flags & NFT_SET_MAP) !== 0;
  const isObjects = (flags & NFT_SET_OBJECT) !== 0;
  // Elements come from rules, or they are what they are.
  if ((flags & (NFT_SET_MAP | NFT_SET_OBJECT)) === (NFT_SET_MAP | NFT_SET_OBJECT)) refuse(EOPNOTSUPP);
  if ((flags & (NFT_SET_EVAL | NFT_SET_OBJECT)) === (NFT_SET_EVAL | NFT_SET_OBJECT)) refuse(EOPNOTSUPP);
  if (
    (flags & (NFT_SET_ANONYMOUS | NFT_SET_TIMEOUT | NFT_SET_EVAL)) ===
    (NFT_SET_ANONYMOUS | NFT_SET_TIMEOUT | NFT_SET_EVAL)
  )
    refuse(EOPNOTSUPP);
  if ((flags & (NFT_SET_CONSTANT | NFT_SET_TIMEOUT)) === (NFT_SET_CONSTANT | NFT_SET_TIMEOUT)) refuse(EOPNOTSUPP);
  const dataType = isMap ? attributes.needU32(NFTA_SET_DATA_TYPE) : 0;
  let dataLength = 0;
  if (isMap) {
    if (dataType >= 0xffffff00 && dataType !== NFT_DATA_VERDICT) refuse(EINVAL);
    if (dataType === NFT_DATA_VERDICT) dataLength = VERDICT_SIZE;
    else {
      dataLength = attributes.needU32(NFTA_SET_DATA_LEN);
      if (dataLength === 0 || dataLength > VALUE_MAX) refuse(EINVAL);
    }
  } else if (attributes.has(NFTA_SET_DATA_TYPE)) refuse(EINVAL);
  const objectType = isObjects ? attributes.needU32(NFTA_SET_OBJ_TYPE) : 0;
  const timeoutMs = attributes.u64(NFTA_SET_TIMEOUT) ?? 0;
  const gcIntervalMs = attributes.u32(NFTA_SET_GC_INTERVAL) ?? 0;
  if ((flags & NFT_SET_TIMEOUT) === 0 && (timeoutMs !== 0 || gcIntervalMs !== 0)) refuse(EINVAL);
  if (timeoutMs >= TIMEOUT_MS_MAX) refuse(ERANGE);
  const description = readDescription(attributes.nested(NFTA_SET_DESC));
  const policy = attributes.u32(NFTA_SET_POLICY) ?? NFT_SET_POL_PERFORMANCE;
  if ((flags & NFT_SET_CONCAT) !== 0 && description.fields.length > 0) checkFields(description.fields, keyLength);
  const known = table.sets.get(name);
  if (known !== undefined) {
    const bad = attributes.bytes(NFTA_SET_NAME);
    if ((how & NLM_F_EXCL) !== 0) refuse(EEXIST, bad);
    if ((how & NLM_F_REPLACE) !== 0) refuse(EOPNOTSUPP);
    const { shape } = known;
    if (
      shape.flags !== flags ||
      shape.keyLength !== keyLength ||
      shape.keyType !== (attributes.u32(NFTA_SET_KEY_TYPE) ?? 0)
    )
      refuse(EEXIST, bad);
    t.nameSet(id, known);
    return;
  }
  if ((how & NLM_F_CREATE) === 0) refuse(ENOENT);
  t.take();
  const set = new NftSet(table, chooseName(t, table, name), {
    handle: table.takeHandle(),
    flags,
    keyType: attributes.u32(NFTA_SET_KEY_TYPE) ?? NFT_DATA_VALUE,
    keyLength,
    dataType,
    dataLength,
    objectType,
    policy,
    timeoutMs,
    gcIntervalMs,
    sizeMost: description.size,
    fields: description.fields,
    userdata: userdataOf(attributes, NFTA_SET_USERDATA),
  });
  readTemplates(t, set, attributes);
  t.do(
    () => table.sets.set(set.name, set),
    () => table.sets.delete(set.name),
  );
  t.nameSet(id, set);
  t.notify(NFT_MSG_NEWSET, family, NLM_F_CREATE, (w) => fillSet(w, set, t.nowNs));
}

/** `struct nft_verdict` of a 64-bit kernel. */
const VERDICT_SIZE = 16;

function readDescription(nested: Attributes | null): { size: number; fields: number[] } {
  const fields: number[] = [];
  const concat = nested?.bytes(NFTA_SET_DESC_CONCAT) ?? null;
  if (concat !== null)
    for (const { type, value } of eachAttribute(concat)) {
      if (type !== NFTA_LIST_ELEM) refuse(EINVAL);
      if (fields.length === FIELDS_MAX) refuse(E2BIG);
      const size = Attributes.read(value).needU32(NFTA_SET_FIELD_LEN);
      if (size === 0 || size > 16) refuse(size === 0 ? EINVAL : E2BIG);
      fields.push(size);
    }
  return { size: nested?.u32(NFTA_SET_DESC_SIZE) ?? 0, fields };
}

/** Each begins at a word, and they are all of the key. */
function checkFields(fields: readonly number[], keyLength: number): void {
  if (fields.length < 2) refuse(EINVAL);
  if (fields.reduce((sum, size) => sum + ((size + 3) & ~3), 0) !== keyLength) refuse(EINVAL);
}

/** `%d` is replaced by a number that is free: sets without a name of their own. */
function chooseName(t: Transaction, { sets }: Table, name: string): string {
  const at = name.indexOf("%");
  if (at < 0) return name;
  if (name[at + 1] !== "d" || name.includes("%", at + 1)) refuse(EINVAL);
  for (let number = 0; ; number++) {
    const chosen = `${name.slice(0, at)}${number}${name.slice(at + 2)}`;
    if (!sets.has(chosen)) return chosen;
  }
}

function readTemplates(t: Transaction, set: NftSet, attributes: Attributes): void {
  for (const one of statefulOf(t, set.table, attributes, { one: NFTA_SET_EXPR, several: NFTA_SET_EXPRESSIONS }))
    set.templates.push(one);
}

function statefulOf(
  t: Transaction,
  table: Table,
  attributes: Attributes,
  types: { readonly one: number; readonly several: number },
): Expression[] {
  const all: Expression[] = [];
  const one = attributes.bytes(types.one);
  const several = attributes.bytes(types.several);
  if (one !== null) all.push(readStateful(t.context(table), one));
  else if (several !== null)
    for (const { value } of eachAttribute(several)) {
      if (all.length === ELEMENT_EXPRESSIONS_MAX) refuse(E2BIG);
      all.push(readStateful(t.context(table), value));
    }
  return all;
}

function findSet(t: Transaction, table: Table, attributes: Attributes): NftSet {
  const name = attributes.needText(NFTA_SET_ELEM_LIST_SET);
  const byName = table.sets.get(name);
  if (byName !== undefined) return byName;
  const id = attributes.u32(NFTA_SET_ELEM_LIST_SET_ID);
  const byId = id === null ? undefined : t.set(id);
  return byId !== undefined && byId.table === table ? byId : refuse(ENOENT, attributes.bytes(NFTA_SET_ELEM_LIST_SET));
}

export function newElements(t: Transaction, request: ChangeRequest): void {
  const { flags, attributes } = request;
  const list = attributes.needBytes(NFTA_SET_ELEM_LIST_ELEMENTS);
  const table = findTable(t, request, NFTA_SET_ELEM_LIST_TABLE);
  const set = findSet(t, table, attributes);
  // What rules look into without a name stays as it was made.
  if (set.use > 0 && (set.shape.flags & (NFT_SET_ANONYMOUS | NFT_SET_CONSTANT)) !== 0) refuse(EBUSY);
  for (const one of set.expired(t.nowNs)) removeElement(t, set, one);
  for (const { value } of eachAttribute(list)) blaming(value, () => addElement(t, set, Attributes.read(value), flags));
  if (set.shape.dataType === NFT_DATA_VERDICT) t.touched.add(table);
}

function readKey(t: Transaction, set: NftSet, attributes: Attributes, type: number): Uint8Array {
  const data = readData(t.context(set.table), attributes.needBytes(type));
  return data instanceof Uint8Array && data.length === set.shape.keyLength ? data : refuse(EINVAL);
}

function addElement(t: Transaction, set: NftSet, attributes: Attributes, flags: number): void {
  const { shape, table } = set;
  const own = attributes.u32(NFTA_SET_ELEM_FLAGS) ?? 0;
  if ((own & ~(NFT_SET_ELEM_INTERVAL_END | NFT_SET_ELEM_CATCHALL)) !== 0) refuse(EOPNOTSUPP);
  const isRest = (own & NFT_SET_ELEM_CATCHALL) !== 0;
  if (isRest && own !== NFT_SET_ELEM_CATCHALL) refuse(EOPNOTSUPP);
  if (isRest === attributes.has(NFTA_SET_ELEM_KEY)) refuse(EINVAL);
  const isEnd = (own & NFT_SET_ELEM_INTERVAL_END) !== 0;
  if (isEnd && (shape.flags & NFT_SET_INTERVAL) === 0) refuse(EINVAL);
  const key = isRest ? NO_KEY : readKey(t, set, attributes, NFTA_SET_ELEM_KEY);
  const keyEnd = attributes.has(NFTA_SET_ELEM_KEY_END) ? readKey(t, set, attributes, NFTA_SET_ELEM_KEY_END) : null;
  if (keyEnd !== null && !set.isConcat) refuse(EINVAL);
  const element = new SetElement(key, keyEnd, own);
  const isMap = (shape.flags & NFT_SET_MAP) !== 0;
  const data = attributes.bytes(NFTA_SET_ELEM_DATA);
  if ((data !== null) !== (isMap && !isEnd)) refuse(EINVAL);
  if (data !== null) {
    element.data = readData(t.context(table), data);
    const isVerdict = element.data instanceof Verdict;
    if (isVerdict !== (shape.dataType === NFT_DATA_VERDICT)) refuse(EINVAL);
    if (element.data instanceof Uint8Array && element.data.length !== shape.dataLength) refuse(EINVAL);
  }
  const reference = attributes.text(NFTA_SET_ELEM_OBJREF);
  if ((reference !== null) !== ((shape.flags & NFT_SET_OBJECT) !== 0 && !isEnd)) refuse(EINVAL);
  if (reference !== null) element.object = table.objects.get(objectKey(shape.objectType, reference)) ?? refuse(ENOENT);
  setTimes(t, set, element, attributes);
  element.userdata = userdataOf(attributes, NFTA_SET_ELEM_USERDATA);
  element.expressions = statefulOf(t, table, attributes, {
    one: NFTA_SET_ELEM_EXPR,
    several: NFTA_SET_ELEM_EXPRESSIONS,
  });
  if (element.expressions.length === 0 && !isEnd) element.expressions = set.templates.map((one) => one.copy());

  const known = isRest ? set.everythingElse : set.exact(key, keyEnd, isEnd);
  if (known !== null) {
    if (!isSameData(known, element)) refuse(EBUSY);
    if ((flags & NLM_F_EXCL) !== 0) refuse(EEXIST);
    renew(t, set, known, attributes);
    return;
  }
  if (!isEnd && !isRest && (set.overlaps(key) || set.overlapsConcat(key, keyEnd ?? key))) refuse(EEXIST);
  if (shape.sizeMost !== 0 && set.elements.size >= limitOf(set)) refuse(ENFILE);
  t.take();
  t.do(
    () => set.insert(element),
    () => set.remove(element),
  );
  t.holdData(element.data, element.object, 1);
  t.notify(NFT_MSG_NEWSETELEM, table.family, NLM_F_CREATE, (w) => fillElements(w, set, element, t.nowNs));
}

/** One that is there already stays for another time, when that is what it is given (since Linux 6.12). */
function renew(t: Transaction, set: NftSet, element: SetElement, attributes: Attributes): void {
  const before = { timeoutMs: element.timeoutMs, expiresNs: element.expiresNs };
  if (before.timeoutMs === 0 || (set.shape.flags & NFT_SET_TIMEOUT) === 0) return;
  const timeoutMs = attributes.u64(NFTA_SET_ELEM_TIMEOUT) ?? set.shape.timeoutMs;
  const left = attributes.u64(NFTA_SET_ELEM_EXPIRATION) ?? (timeoutMs === before.timeoutMs ? 0 : timeoutMs);
  if (timeoutMs === before.timeoutMs && left === 0) return;
  const expiresNs = timeoutMs === 0 ? 0 : left === 0 ? before.expiresNs : t.nowNs + left * 1e6;
  t.do(
    () => Object.assign(element, { timeoutMs, expiresNs }),
    () => Object.assign(element, before),
  );
  t.notify(NFT_MSG_NEWSETELEM, set.table.family, NLM_F_CREATE, (w) => fillElements(w, set, element, t.nowNs));
}

/** An interval is two bounds, and one more may lie before the first. */
function limitOf(set: NftSet): number {
  return set.hasIntervals ? 2 * set.shape.sizeMost + 1 : set.shape.sizeMost;
}

function setTimes(t: Transaction, { shape }: NftSet, element: SetElement, attributes: Attributes): void {
  const timeout = attributes.u64(NFTA_SET_ELEM_TIMEOUT);
  const expiration = attributes.u64(NFTA_SET_ELEM_EXPIRATION);
  if ((shape.flags & NFT_SET_TIMEOUT) === 0) {
    if (timeout !== null || expiration !== null) refuse(EINVAL);
    return;
  }
  if (element.isEnd) return;
  element.timeoutMs = timeout ?? shape.timeoutMs;
  if (expiration !== null && expiration > element.timeoutMs) refuse(ERANGE);
  if (element.timeoutMs !== 0) element.expiresNs = t.nowNs + (expiration ?? element.timeoutMs) * 1e6;
}

function isSameData(one: SetElement, other: SetElement): boolean {
  if (one.object !== other.object) return false;
  if (one.data instanceof Uint8Array && other.data instanceof Uint8Array) {
    const { data } = other;
    return one.data.every((byte, at) => byte === data[at]);
  }
  if (one.data instanceof Verdict && other.data instanceof Verdict)
    return one.data.code === other.data.code && one.data.chain === other.data.chain;
  return one.data === other.data;
}

export function deleteElements(t: Transaction, request: ChangeRequest, isForced: boolean): void {
  const { attributes } = request;
  const table = findTable(t, request, NFTA_SET_ELEM_LIST_TABLE);
  const set = findSet(t, table, attributes);
  if (set.use > 0 && (set.shape.flags & (NFT_SET_ANONYMOUS | NFT_SET_CONSTANT)) !== 0) refuse(EBUSY);
  const list = attributes.bytes(NFTA_SET_ELEM_LIST_ELEMENTS);
  if (list === null) {
    for (const element of [...set.inOrder()]) removeElement(t, set, element);
    return;
  }
  for (const { value } of eachAttribute(list)) {
    const element = blaming(value, () => findElement(t, set, Attributes.read(value)));
    if (element !== null && !element.isExpired(t.nowNs)) removeElement(t, set, element);
    else if (!isForced) refuse(ENOENT, value);
  }
}

function findElement(t: Transaction, set: NftSet, attributes: Attributes): SetElement | null {
  const flags = attributes.u32(NFTA_SET_ELEM_FLAGS) ?? 0;
  if ((flags & NFT_SET_ELEM_CATCHALL) !== 0) return set.everythingElse;
  const key = readKey(t, set, attributes, NFTA_SET_ELEM_KEY);
  const keyEnd = attributes.has(NFTA_SET_ELEM_KEY_END) ? readKey(t, set, attributes, NFTA_SET_ELEM_KEY_END) : null;
  return set.exact(key, keyEnd, (flags & NFT_SET_ELEM_INTERVAL_END) !== 0);
}

function removeElement(t: Transaction, set: NftSet, element: SetElement): void {
  t.do(
    () => set.remove(element),
    () => set.insert(element),
  );
  t.holdData(element.data, element.object, -1);
  t.give();
  t.notify(NFT_MSG_DELSETELEM, set.table.family, 0, (w) => fillElements(w, set, element, t.nowNs));
}

function fillElements(w: MessageWriter, set: NftSet, element: SetElement, nowNs: number): void {
  w.text(NFTA_SET_ELEM_LIST_TABLE, set.table.name).text(NFTA_SET_ELEM_LIST_SET, set.name);
  w.nest(NFTA_SET_ELEM_LIST_ELEMENTS, (list) => fillElement(list, set, element, nowNs));
}
