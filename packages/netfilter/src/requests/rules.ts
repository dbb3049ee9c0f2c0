/** Requests about rules and objects (nf_tables_api.c: nf_tables_newrule, nf_tables_delrule, nf_tables_newobj). */
import { type Chain, type Expression, Rule, StatefulObject, type Table, Verdict, objectKey } from "../rules/ruleset.ts";
import {
  EEXIST,
  EINVAL,
  EMLINK,
  ENOENT,
  EOPNOTSUPP,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_OBJ_DATA,
  NFTA_OBJ_NAME,
  NFTA_OBJ_TABLE,
  NFTA_OBJ_TYPE,
  NFTA_OBJ_USERDATA,
  NFTA_QUOTA_BYTES,
  NFTA_QUOTA_FLAGS,
  NFTA_RULE_CHAIN,
  NFTA_RULE_CHAIN_ID,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_HANDLE,
  NFTA_RULE_ID,
  NFTA_RULE_POSITION,
  NFTA_RULE_POSITION_ID,
  NFTA_RULE_TABLE,
  NFTA_RULE_USERDATA,
  NFT_CHAIN_BINDING,
  NFT_MSG_NEWOBJ,
  NFT_MSG_NEWRULE,
  NFT_OBJECT_CONNLIMIT,
  NFT_OBJECT_COUNTER,
  NFT_OBJECT_LIMIT,
  NFT_OBJECT_QUOTA,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from "@stratos/abi";
import { EXPRESSION_KINDS } from "../rules/expression-kinds.ts";
import { extensionPlaces } from "../rules/extension.ts";
import { readExpression, readExpressions, RULE_EXPRESSIONS_MAX } from "../rules/read-expression.ts";
import { refuse } from "../wire/refusal.ts";
import { fillObject, fillRule } from "./fill.ts";
import { findChain, findTable, flushChain, removeRule, userdataOf } from "./tables.ts";
import type { ChangeRequest, Transaction } from "./transaction.ts";

function chainOf(t: Transaction, table: Table, { attributes }: ChangeRequest): Chain {
  const id = attributes.u32(NFTA_RULE_CHAIN_ID);
  if (attributes.has(NFTA_RULE_CHAIN) || id === null) return findChain(table, attributes, NFTA_RULE_CHAIN);
  return t.chain(id) ?? refuse(ENOENT, attributes.bytes(NFTA_RULE_CHAIN_ID));
}

/** @param bad  that names it */
function placeOf(chain: Chain, handle: number, bad: Uint8Array | null): number {
  const at = chain.rules.findIndex((one) => one.handle === handle);
  return at < 0 ? refuse(ENOENT, bad) : at;
}

export function newRule(t: Transaction, request: ChangeRequest): void {
  const { family, flags, attributes } = request;
  const table = findTable(t, request, NFTA_RULE_TABLE);
  const chain = chainOf(t, table, request);
  const known = attributes.u64(NFTA_RULE_HANDLE);
  let at = -1;
  if (known !== null) {
    const bad = attributes.bytes(NFTA_RULE_HANDLE);
    at = placeOf(chain, known, bad);
    if ((flags & NLM_F_EXCL) !== 0) refuse(EEXIST, bad);
    if ((flags & NLM_F_REPLACE) === 0) refuse(EOPNOTSUPP);
  } else if ((flags & NLM_F_CREATE) === 0 || (flags & NLM_F_REPLACE) !== 0) refuse(EINVAL);
  const handle = known ?? table.takeHandle();
  const list = attributes.bytes(NFTA_RULE_EXPRESSIONS);
  const expressions = list === null ? [] : readExpressions(t.context(table, chain), list, RULE_EXPRESSIONS_MAX);
  const rule = new Rule(chain, { handle, expressions, userdata: userdataOf(attributes, NFTA_RULE_USERDATA) });
  const where = known !== null ? at : whereNew(t, chain, request);
  // What the old one has to itself, the new one may need.
  t.hold(expressions, 1);
  if (known !== null) removeRule(t, chain, at);
  t.take();
  t.do(
    () => {
      chain.rules.splice(where, 0, rule);
      chain.use++;
    },
    () => {
      chain.rules.splice(where, 1);
      chain.use--;
    },
  );
  t.nameRule(attributes.u32(NFTA_RULE_ID), rule);
  t.touched.add(table);
  const told = NLM_F_CREATE | (flags & (NLM_F_APPEND | NLM_F_REPLACE));
  t.notify(NFT_MSG_NEWRULE, family, told, (w) => {
    const before = chain.rules[chain.rules.indexOf(rule) - 1] ?? null;
    fillRule(w, rule, t.nowNs, before);
  });
}

/** Behind or before the one that is named, else at the end or the beginning. */
function whereNew(t: Transaction, chain: Chain, { flags, attributes }: ChangeRequest): number {
  const isAppended = (flags & NLM_F_APPEND) !== 0;
  const position = attributes.u64(NFTA_RULE_POSITION);
  const id = attributes.u32(NFTA_RULE_POSITION_ID);
  let beside = -1;
  if (position !== null) beside = placeOf(chain, position, attributes.bytes(NFTA_RULE_POSITION));
  else if (id !== null) {
    const bad = attributes.bytes(NFTA_RULE_POSITION_ID);
    const rule = t.rule(id) ?? refuse(ENOENT, bad);
    beside = chain.rules.indexOf(rule);
    if (beside < 0) refuse(ENOENT, bad);
  }
  if (beside < 0) return isAppended ? chain.rules.length : 0;
  return isAppended ? beside + 1 : beside;
}

/** One by its handle, else all of a chain or of a table. */
export function deleteRule(t: Transaction, request: ChangeRequest): void {
  const { attributes } = request;
  const table = findTable(t, request, NFTA_RULE_TABLE);
  if (!attributes.has(NFTA_RULE_CHAIN)) {
    for (const chain of table.chains.values()) if ((chain.flags & NFT_CHAIN_BINDING) === 0) flushChain(t, chain);
    return;
  }
  const chain = findChain(table, attributes, NFTA_RULE_CHAIN);
  const handle = attributes.u64(NFTA_RULE_HANDLE);
  const id = attributes.u32(NFTA_RULE_ID);
  if (handle !== null) removeRule(t, chain, placeOf(chain, handle, attributes.bytes(NFTA_RULE_HANDLE)));
  else if (id !== null) {
    const bad = attributes.bytes(NFTA_RULE_ID);
    removeRule(t, chain, placeOf(chain, (t.rule(id) ?? refuse(ENOENT, bad)).handle, bad));
  } else flushChain(t, chain);
}

/** What objects of a type are made of. */
const OBJECT_KINDS = new Map<number, string>([
  [NFT_OBJECT_COUNTER, "counter"],
  [NFT_OBJECT_QUOTA, "quota"],
  [NFT_OBJECT_LIMIT, "limit"],
  [NFT_OBJECT_CONNLIMIT, "connlimit"],
]);

export function newObject(t: Transaction, request: ChangeRequest): void {
  const { family, flags, attributes } = request;
  const type = attributes.needU32(NFTA_OBJ_TYPE);
  const data = attributes.needBytes(NFTA_OBJ_DATA);
  const table = findTable(t, request, NFTA_OBJ_TABLE);
  const name = attributes.needText(NFTA_OBJ_NAME);
  const key = objectKey(type, name);
  const known = table.objects.get(key);
  if (known !== undefined) {
    if ((flags & NLM_F_EXCL) !== 0) refuse(EEXIST, attributes.bytes(NFTA_OBJ_NAME));
    if ((flags & NLM_F_REPLACE) !== 0) refuse(EOPNOTSUPP);
    if (type === NFT_OBJECT_QUOTA)
      updateQuota(t, known, readExpression(t.context(table), namedExpression("quota", data)));
    return;
  }
  const kind = OBJECT_KINDS.get(type) ?? refuse(ENOENT);
  const expression: Expression = readExpression(t.context(table), namedExpression(kind, data));
  t.take();
  const handle = table.takeHandle();
  const userdata = userdataOf(attributes, NFTA_OBJ_USERDATA);
  const object = new StatefulObject(table, name, { type, handle, expression, userdata });
  t.do(
    () => table.objects.set(key, object),
    () => table.objects.delete(key),
  );
  t.notify(NFT_MSG_NEWOBJ, family, NLM_F_CREATE, (w) => fillObject(w, object, t.nowNs));
}

/** How much it is of, and which way; what was used stays (nft_quota_obj_update). Other objects stay as they are. */
function updateQuota(t: Transaction, object: StatefulObject, to: Expression): void {
  const { values } = object.expression;
  const changed = [NFTA_QUOTA_BYTES, NFTA_QUOTA_FLAGS];
  const before = changed.map((attribute) => values[attribute]);
  t.do(
    () => changed.forEach((attribute) => (values[attribute] = to.values[attribute])),
    () => changed.forEach((attribute, at) => (values[attribute] = before[at])),
  );
  t.notify(NFT_MSG_NEWOBJ, object.table.family, 0, (w) => fillObject(w, object, t.nowNs));
}

/** As a list has it: a name, and its data. */
function namedExpression(kind: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + ((kind.length + 4) & ~3) + data.length);
  const put = (at: number, length: number, type: number): void => {
    bytes[at] = length & 255;
    bytes[at + 1] = length >> 8;
    bytes[at + 2] = type;
  };
  put(0, 4 + kind.length + 1, NFTA_EXPR_NAME);
  for (let at = 0; at < kind.length; at++) bytes[4 + at] = kind.charCodeAt(at);
  const second = 4 + ((kind.length + 4) & ~3);
  put(second, 4 + data.length, NFTA_EXPR_DATA);
  bytes.set(data, second + 4);
  return bytes;
}

/** How deep chains may call (net/netfilter/nf_tables_core.c, NFT_JUMP_STACK_SIZE). */
const DEPTH_MAX = 16;

/**
 * Do jumps of a table end, and is each expression where it may be (nft_chain_validate)? Work: one step a rule and a
 * way to it, each chain once for each place that leads there.
 *
 * @throws Refusal EMLINK chains call each other, or too deep; EOPNOTSUPP an expression is in the wrong place
 */
export function validateTable(table: Table): void {
  for (const chain of table.chains.values())
    if (chain.hook !== null)
      validateChain(chain, { type: chain.hook.type, hook: chain.hook.hook, done: new Set() }, []);
    else findLoop(chain, new Set(), []);
}

interface Place {
  readonly type: string;
  readonly hook: number;
  /** Chains that are known to be right in this place. */
  readonly done: Set<Chain>;
}

function validateChain(chain: Chain, place: Place, path: readonly Chain[]): void {
  if (path.includes(chain)) refuse(EMLINK);
  if (path.length === DEPTH_MAX) refuse(EMLINK);
  if (place.done.has(chain)) return;
  const inner = [...path, chain];
  for (const { expressions } of chain.rules)
    for (const expression of expressions) {
      const kind = EXPRESSION_KINDS.get(expression.kind);
      const where = kind?.places(expression) ?? extensionPlaces(expression);
      if (where !== null) {
        // net/netfilter/nft_compat.c, nft_target_validate
        const error = kind === undefined ? EINVAL : EOPNOTSUPP;
        if (where.type !== null && where.type !== place.type) refuse(error);
        if ((where.hooks & (1 << place.hook)) === 0) refuse(error);
      }
      for (const next of targetsOf(expression)) validateChain(next, place, inner);
    }
  place.done.add(chain);
}

function findLoop(chain: Chain, done: Set<Chain>, path: readonly Chain[]): void {
  if (path.includes(chain)) refuse(EMLINK);
  if (path.length === DEPTH_MAX) refuse(EMLINK);
  if (done.has(chain)) return;
  const inner = [...path, chain];
  for (const { expressions } of chain.rules)
    for (const expression of expressions) for (const next of targetsOf(expression)) findLoop(next, done, inner);
  done.add(chain);
}

/** Chains that it may lead to: its own verdict's, or those of a map. */
function* targetsOf(expression: Expression): Generator<Chain> {
  for (const value of expression.values) if (value instanceof Verdict && value.chain !== null) yield value.chain;
  if (expression.kind !== "lookup" || expression.set === null) return;
  for (const { data } of expression.set.inOrder()) if (data instanceof Verdict && data.chain !== null) yield data.chain;
}
