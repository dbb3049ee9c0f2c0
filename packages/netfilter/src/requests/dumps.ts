/** What a ruleset is made of, in messages: all of a kind, or one by its name. */
import {
  type Expression,
  type NftSet,
  type Rule,
  type Ruleset,
  type StatefulObject,
  type Table,
  objectKey,
} from "../rules/ruleset.ts";
import {
  AF_UNSPEC,
  EINVAL,
  ENOENT,
  NFNL_SUBSYS_NFTABLES,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_TABLE,
  NFTA_OBJ_NAME,
  NFTA_OBJ_TABLE,
  NFTA_OBJ_TYPE,
  NFTA_RULE_CHAIN,
  NFTA_RULE_HANDLE,
  NFTA_RULE_TABLE,
  NFTA_SET_ELEM_FLAGS,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
  NFTA_TABLE_NAME,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWOBJ,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_MSG_NEWTABLE,
  NFT_OBJECT_LIMIT,
  NFT_OBJECT_UNSPEC,
  NFT_SET_ELEM_INTERVAL_END,
  NLM_F_APPEND,
  NLM_F_MULTI,
} from "@stratos/abi";
import { readData } from "../rules/read-expression.ts";
import { Attributes, eachAttribute } from "../wire/attributes.ts";
import { MessageWriter } from "../wire/message-writer.ts";
import { blaming, refuse } from "../wire/refusal.ts";
import { fillChain, fillElement, fillObject, fillRule, fillSet, fillTable } from "./fill.ts";

/** Bytes of elements in one message. */
const ELEMENTS_BYTES = 3500;

/** Who asks for what. */
interface DumpRequest {
  /** NFPROTO_*; AF_UNSPEC: all. */
  readonly family: number;
  readonly attributes: Attributes;
  readonly sequence: number;
  readonly port: number;
  /** All that there are, else the one that is named. */
  readonly isDump: boolean;
  readonly nowNs: number;
}

const WRITER = new MessageWriter();

export class Dump {
  readonly messages: Uint8Array[] = [];
  readonly ruleset: Ruleset;
  readonly request: DumpRequest;

  constructor(ruleset: Ruleset, request: DumpRequest) {
    this.ruleset = ruleset;
    this.request = request;
  }

  /** @param flags  beside NLM_F_MULTI, which all of a dump have */
  add(message: number, family: number, flags: number, fill: (w: MessageWriter) => void): void {
    const { sequence, port, isDump } = this.request;
    const resource = this.ruleset.generation & 0xffff;
    WRITER.begin((NFNL_SUBSYS_NFTABLES << 8) | message, {
      flags: flags | (isDump ? NLM_F_MULTI : 0),
      sequence,
      port,
      family,
      resource,
    });
    fill(WRITER);
    this.messages.push(WRITER.finish());
  }

  /** Those of the family that is asked for, and of the name where one is given. */
  *tables(type: number): Generator<Table> {
    const { family, attributes } = this.request;
    const name = attributes.text(type);
    for (const table of this.ruleset.tables)
      if ((family === AF_UNSPEC || family === table.family) && (name === null || name === table.name)) yield table;
  }

  /** The one that is named. @throws Refusal ENOENT */
  table(type: number): Table {
    const { family, attributes } = this.request;
    return this.ruleset.table(family, attributes.needText(type)) ?? refuse(ENOENT, attributes.bytes(type));
  }
}

export function dumpTables(dump: Dump): void {
  const tables = dump.request.isDump ? dump.tables(NFTA_TABLE_NAME) : [dump.table(NFTA_TABLE_NAME)];
  for (const table of tables) dump.add(NFT_MSG_NEWTABLE, table.family, 0, (w) => fillTable(w, table));
}

export function dumpChains(dump: Dump): void {
  const { attributes, isDump } = dump.request;
  if (!isDump) {
    const table = dump.table(NFTA_CHAIN_TABLE);
    const chain =
      table.chains.get(attributes.needText(NFTA_CHAIN_NAME)) ?? refuse(ENOENT, attributes.bytes(NFTA_CHAIN_NAME));
    dump.add(NFT_MSG_NEWCHAIN, table.family, 0, (w) => fillChain(w, chain));
    return;
  }
  for (const table of dump.tables(NFTA_CHAIN_TABLE))
    for (const chain of table.chains.values()) dump.add(NFT_MSG_NEWCHAIN, table.family, 0, (w) => fillChain(w, chain));
}

export function dumpRules(dump: Dump, isReset: boolean): void {
  const { attributes, isDump, nowNs } = dump.request;
  const add = (rule: Rule, before: Rule | null, flags: number): void => {
    dump.add(NFT_MSG_NEWRULE, rule.chain.table.family, flags, (w) => fillRule(w, rule, nowNs, before));
    if (isReset) reset(rule.expressions);
  };
  if (!isDump) {
    const table = dump.table(NFTA_RULE_TABLE);
    const chain =
      table.chains.get(attributes.needText(NFTA_RULE_CHAIN)) ?? refuse(ENOENT, attributes.bytes(NFTA_RULE_CHAIN));
    const handle = attributes.u64(NFTA_RULE_HANDLE) ?? refuse(EINVAL);
    const at = chain.rules.findIndex((one) => one.handle === handle);
    if (at < 0) refuse(ENOENT, attributes.bytes(NFTA_RULE_HANDLE));
    add(chain.rules[at]!, null, 0);
    return;
  }
  const name = attributes.text(NFTA_RULE_CHAIN);
  for (const table of dump.tables(NFTA_RULE_TABLE))
    for (const chain of table.chains.values())
      if (name === null || name === chain.name)
        for (const [at, rule] of chain.rules.entries()) add(rule, chain.rules[at - 1] ?? null, NLM_F_APPEND);
}

export function dumpSets(dump: Dump): void {
  const { attributes, isDump, nowNs } = dump.request;
  if (!isDump) {
    const table = dump.table(NFTA_SET_TABLE);
    const set = table.sets.get(attributes.needText(NFTA_SET_NAME)) ?? refuse(ENOENT, attributes.bytes(NFTA_SET_NAME));
    dump.add(NFT_MSG_NEWSET, table.family, 0, (w) => fillSet(w, set, nowNs));
    return;
  }
  for (const table of dump.tables(NFTA_SET_TABLE))
    for (const set of table.sets.values()) dump.add(NFT_MSG_NEWSET, table.family, 0, (w) => fillSet(w, set, nowNs));
}

export function dumpObjects(dump: Dump, isReset: boolean): void {
  const { attributes, isDump, nowNs } = dump.request;
  const type = attributes.u32(NFTA_OBJ_TYPE);
  const add = (object: StatefulObject, flags: number): void => {
    dump.add(NFT_MSG_NEWOBJ, object.table.family, flags, (w) => fillObject(w, object, nowNs));
    if (isReset && object.type !== NFT_OBJECT_LIMIT) object.expression.state.fill(0);
  };
  if (!isDump) {
    const key = objectKey(type ?? refuse(EINVAL), attributes.needText(NFTA_OBJ_NAME));
    add(dump.table(NFTA_OBJ_TABLE).objects.get(key) ?? refuse(ENOENT), 0);
    return;
  }
  for (const table of dump.tables(NFTA_OBJ_TABLE))
    for (const object of table.objects.values())
      if (type === null || type === NFT_OBJECT_UNSPEC || type === object.type) add(object, NLM_F_APPEND);
}

/** What counts begins anew (nft_expr_ops.reset). */
function reset(expressions: readonly Expression[]): void {
  for (const one of expressions) if (one.kind === "counter" || one.kind === "quota") one.state.fill(0);
}

function addElements(
  dump: Dump,
  set: NftSet,
  elements: Iterable<Parameters<typeof fillElement>[2]>,
  isReset: boolean,
): void {
  const { nowNs } = dump.request;
  const iterator = elements[Symbol.iterator]();
  for (let next = iterator.next(); next.done !== true;)
    dump.add(NFT_MSG_NEWSETELEM, set.table.family, 0, (w) => {
      w.text(NFTA_SET_ELEM_LIST_TABLE, set.table.name).text(NFTA_SET_ELEM_LIST_SET, set.name);
      w.nest(NFTA_SET_ELEM_LIST_ELEMENTS, (list) => {
        for (; next.done !== true && w.length < ELEMENTS_BYTES; next = iterator.next())
          if (!next.value.isExpired(nowNs)) {
            fillElement(list, set, next.value, nowNs);
            if (isReset) reset(next.value.expressions);
          }
      });
    });
}

export function dumpElements(dump: Dump, isReset: boolean): void {
  const { attributes, isDump, nowNs } = dump.request;
  const table = dump.table(NFTA_SET_ELEM_LIST_TABLE);
  const set = table.sets.get(attributes.needText(NFTA_SET_ELEM_LIST_SET)) ?? refuse(ENOENT);
  if (isDump) {
    addElements(dump, set, set.inOrder(), isReset);
    return;
  }
  const context = {
    table,
    chain: null,
    setById: () => undefined,
    chainById: () => undefined,
    nowNs: dump.request.nowNs,
    written: 0,
  };
  for (const { value } of eachAttribute(attributes.needBytes(NFTA_SET_ELEM_LIST_ELEMENTS))) {
    const found = blaming(value, () => {
      const one = Attributes.read(value);
      const key = readData(context, one.needBytes(NFTA_SET_ELEM_KEY));
      if (!(key instanceof Uint8Array) || key.length !== set.shape.keyLength) refuse(EINVAL);
      const isEnd = ((one.u32(NFTA_SET_ELEM_FLAGS) ?? 0) & NFT_SET_ELEM_INTERVAL_END) !== 0;
      return set.bound(key as Uint8Array, isEnd, nowNs) ?? refuse(ENOENT);
    });
    addElements(dump, set, [found], isReset);
  }
}
