/** Expressions from messages and into messages. */
import { type Chain, type Data, Expression, type NftSet, type Table, Verdict, objectKey } from "./ruleset.ts";
import {
  E2BIG,
  EBUSY,
  EINVAL,
  ENODATA,
  ENOENT,
  EOPNOTSUPP,
  EOVERFLOW,
  EPROTO,
  ERANGE,
  NFPROTO_BRIDGE,
  NFPROTO_IPV4,
  NFPROTO_NETDEV,
  NFTA_COUNTER_BYTES,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_DYNSET_EXPR,
  NFTA_DYNSET_EXPRESSIONS,
  NFTA_DYNSET_FLAGS,
  NFTA_DYNSET_OP,
  NFTA_DYNSET_SET_ID,
  NFTA_DYNSET_SET_NAME,
  NFTA_DYNSET_SREG_DATA,
  NFTA_DYNSET_TIMEOUT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_FLOW_TABLE_NAME,
  NFTA_IMMEDIATE_DATA,
  NFTA_IMMEDIATE_DREG,
  NFTA_LAST_MSECS,
  NFTA_LAST_SET,
  NFTA_LIST_ELEM,
  NFTA_LOOKUP_DREG,
  NFTA_LOOKUP_FLAGS,
  NFTA_LOOKUP_SET,
  NFTA_LOOKUP_SET_ID,
  NFTA_META_KEY,
  NFTA_NAT_FAMILY,
  NFTA_NAT_REG_ADDR_MAX,
  NFTA_NAT_REG_ADDR_MIN,
  NFTA_OBJREF_IMM_NAME,
  NFTA_OBJREF_IMM_TYPE,
  NFTA_OBJREF_SET_ID,
  NFTA_OBJREF_SET_NAME,
  NFTA_OBJREF_SET_SREG,
  NFTA_QUOTA_CONSUMED,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CHAIN_ID,
  NFTA_VERDICT_CODE,
  NFT_BREAK,
  NFT_CONTINUE,
  NFT_DATA_VERDICT,
  NFT_DYNSET_F_EXPR,
  NFT_DYNSET_F_INV,
  NFT_DYNSET_OP_DELETE,
  NFT_GOTO,
  NFT_JUMP,
  NFT_LOOKUP_F_INV,
  NFT_REG32_00,
  NFT_REG32_15,
  NFT_REG_4,
  NFT_RETURN,
  NFT_SET_ANONYMOUS,
  NFT_SET_CONSTANT,
  NFT_SET_MAP,
  NFT_SET_OBJECT,
  NFT_SET_TIMEOUT,
  NF_ACCEPT,
  NF_DROP,
  NF_QUEUE,
  NFT_META_BRI_IIFNAME,
  NFT_META_BRI_OIFNAME,
} from "@stratos/abi";
import { Attributes, eachAttribute } from "../wire/attributes.ts";
import type { MessageWriter } from "../wire/message-writer.ts";
import { blaming, refuse } from "../wire/refusal.ts";
import type { AttributeRow, ExpressionKind } from "./expression-kind.ts";
import { EXPRESSION_KINDS } from "./expression-kinds.ts";
import { isOfMaster } from "./match-kinds.ts";
import { isIpFamily } from "./chain-places.ts";
import { COUNTED_BYTES, COUNTED_PACKETS } from "./statement-kinds.ts";
import { checkExtension, EXTENSION_KINDS } from "./extension.ts";

/** Words of the register file; the verdict has the first four. */
const REGISTER_WORDS = 20,
  FIRST_WORD = 4;
/** Expressions of one rule (net/netfilter/nf_tables_api.c, NFT_RULE_MAXEXPRS), and of one element. */
export const RULE_EXPRESSIONS_MAX = 128,
  ELEMENT_EXPRESSIONS_MAX = 2;
const VALUE_MAX = 64;

/** What names in messages mean. */
export interface ReadingContext {
  readonly table: Table;
  /** Where the rule will be; null: it is of no rule. */
  readonly chain: Chain | null;
  /** What the transaction under way has made, by the numbers that it gave. */
  setById(id: number): NftSet | undefined;
  chainById(id: number): Chain | undefined;
  /** When it is read; `last` begins to count there. */
  readonly nowNs: number;
  /** Words of the register file that hold something by now, a bit each. */
  written: number;
}

/** So many nanoseconds are no number of 64 bits (nf_msecs_to_jiffies64). */
const LAST_MSECS_MAX = Math.floor(2 ** 64 / 1e6);

/** What packets of IP have alone, and how Linux refuses it where there are frames, without modules for these. */
const OF_IP = new Map([
  ["ct", EPROTO],
  ["connlimit", EPROTO],
  ["reject", ENOENT],
  ["fib", ENOENT],
  ["nat", ENOENT],
  ["masq", ENOENT],
  ["redir", ENOENT],
  ["flow_offload", ENOENT],
  ["rt", EOPNOTSUPP],
]);

/** @throws Refusal ENOENT there is no such expression; what its kind says */
export function readExpression(context: ReadingContext, bytes: Uint8Array): Expression {
  const all = Attributes.read(bytes);
  const name = all.needText(NFTA_EXPR_NAME);
  const kind = EXPRESSION_KINDS.get(name) ?? EXTENSION_KINDS.get(name);
  if (kind === undefined) return refuse(ENOENT);
  const { family } = context.table;
  const isRefused = !isIpFamily(family) && OF_IP.has(name) && !(name === "fib" && family === NFPROTO_NETDEV);
  if (isRefused) refuse(OF_IP.get(name)!);
  const expression = new Expression(name, kind.stateSize);
  const given = all.nested(NFTA_EXPR_DATA) ?? Attributes.read(new Uint8Array(0));
  for (const row of kind.rows) readRow(context, expression, row, given);
  resolve(context, expression, given);
  const error =
    kind === EXTENSION_KINDS.get(name)
      ? checkExtension(context.table, context.chain, expression)
      : kind.check(expression);
  if (error !== 0) refuse(error);
  const size = kind.sizes(expression);
  for (const { attribute, form } of kind.rows)
    if (expression.has(attribute)) useRegister(context, expression, attribute, form, size);
  return expression;
}

/** Those within an attribute of a list. */
export function readExpressions(context: ReadingContext, list: Uint8Array, most: number): Expression[] {
  const all: Expression[] = [];
  for (const { type, value } of eachAttribute(list)) {
    if (type !== NFTA_LIST_ELEM) refuse(EINVAL);
    if (all.length === most) refuse(EINVAL);
    all.push(blaming(value, () => readExpression(context, value)));
  }
  return all;
}

function readRow(context: ReadingContext, into: Expression, row: AttributeRow, from: Attributes): void {
  const { attribute, form, fallback, isNeeded } = row;
  if (!from.has(attribute)) {
    if (isNeeded) refuse(EINVAL);
    if (fallback !== null) into.values[attribute] = fallback;
    return;
  }
  switch (form) {
    case "u8":
      into.values[attribute] = from.u8(attribute)!;
      break;
    case "u16":
      into.values[attribute] = from.u16(attribute)!;
      break;
    case "u32":
      into.values[attribute] = from.u32(attribute)!;
      break;
    case "u64":
      into.values[attribute] = from.u64(attribute)!;
      break;
    case "text":
      into.values[attribute] = from.text(attribute)!;
      break;
    case "bytes":
      into.values[attribute] = from.bytes(attribute)!.slice();
      break;
    case "source":
    case "target":
      into.values[attribute] = readRegister(from.u32(attribute)!);
      break;
    case "data":
      into.values[attribute] = readData(context, from.bytes(attribute)!);
  }
}

/** Four of sixteen bytes, or sixteen of four: the same words. */
function readRegister(number: number): number {
  if (number <= NFT_REG_4) return number * 4;
  return number >= NFT_REG32_00 && number <= NFT_REG32_15 ? number - NFT_REG32_00 + FIRST_WORD : refuse(ERANGE);
}

/** @throws Refusal EINVAL it is neither a value nor a verdict, or too long; what a verdict's chain says */
export function readData(context: ReadingContext, bytes: Uint8Array): Data {
  const all = Attributes.read(bytes);
  const value = all.bytes(NFTA_DATA_VALUE);
  if (value !== null) {
    if (value.length === 0 || value.length > VALUE_MAX) refuse(value.length === 0 ? EINVAL : EOVERFLOW);
    return value.slice();
  }
  const verdict = all.nested(NFTA_DATA_VERDICT);
  return verdict === null ? refuse(EINVAL) : readVerdict(context, verdict);
}

function readVerdict(context: ReadingContext, all: Attributes): Verdict {
  const code = all.needU32(NFTA_VERDICT_CODE) | 0;
  if (code === NF_ACCEPT || code === NF_DROP) return new Verdict(code, null);
  // Nobody takes packets from a queue here.
  if (code >= 0) return refuse((code & 0xff) === NF_QUEUE ? EOPNOTSUPP : EINVAL);
  if (code === NFT_CONTINUE || code === NFT_BREAK || code === NFT_RETURN) return new Verdict(code, null);
  if (code !== NFT_JUMP && code !== NFT_GOTO) return refuse(EINVAL);
  const name = all.text(NFTA_VERDICT_CHAIN);
  const id = all.u32(NFTA_VERDICT_CHAIN_ID);
  if (name === null && id === null) return refuse(EINVAL);
  const chain = name !== null ? context.table.chains.get(name) : context.chainById(id!);
  if (chain === undefined) return refuse(ENOENT);
  return chain.hook === null ? new Verdict(code, chain) : refuse(EOPNOTSUPP);
}

function resolve(context: ReadingContext, it: Expression, given: Attributes): void {
  switch (it.kind) {
    case "lookup":
      return resolveLookup(context, it, given.u32(NFTA_LOOKUP_SET_ID));
    case "dynset":
      return resolveDynset(context, it, given);
    case "objref":
      return resolveObject(context, it, given);
    case "last":
      return beginLast(it, context.nowNs);
    case "meta":
      return checkFamily(context, it);
    case "flow_offload":
      it.flowtable = context.table.flowtables.get(it.values[NFTA_FLOW_TABLE_NAME] as string) ?? refuse(ENOENT);
      return;
    case "immediate": {
      const isVerdict = it.values[NFTA_IMMEDIATE_DATA] instanceof Verdict;
      if (isVerdict !== (it.number(NFTA_IMMEDIATE_DREG) === 0)) refuse(EINVAL);
    }
  }
}

/** With what it had when it was listed (nft_last_init); 0 is never. */
function beginLast(it: Expression, nowNs: number): void {
  if (it.number(NFTA_LAST_MSECS) >= LAST_MSECS_MAX) refuse(ERANGE);
  if (it.number(NFTA_LAST_SET) !== 0) it.state[0] = nowNs - it.number(NFTA_LAST_MSECS) * 1e6 || -1;
}

/** The bridge of a device is known where frames pass it (nft_meta_bridge.c), its master where packets of IP do. */
function checkFamily({ table }: ReadingContext, it: Expression): void {
  const key = it.number(NFTA_META_KEY);
  const isOfBridge = key === NFT_META_BRI_IIFNAME || key === NFT_META_BRI_OIFNAME;
  if (isOfBridge && table.family !== NFPROTO_BRIDGE) refuse(EOPNOTSUPP);
  if (isOfMaster(it) && !isIpFamily(table.family)) refuse(EOPNOTSUPP);
}

/** By its name; one of the same transaction by its number. */
function findSet({ table, setById }: ReadingContext, name: string, id: number | null): NftSet {
  const byName = table.sets.get(name);
  if (byName !== undefined) return byName;
  const byId = id === null ? undefined : setById(id);
  return byId !== undefined && byId.table === table ? byId : refuse(ENOENT);
}

function resolveLookup(context: ReadingContext, it: Expression, id: number | null): void {
  const set = findSet(context, it.values[NFTA_LOOKUP_SET] as string, id);
  it.set = set;
  it.values[NFTA_LOOKUP_SET] = set.name;
  const flags = it.number(NFTA_LOOKUP_FLAGS);
  if ((flags & ~NFT_LOOKUP_F_INV) !== 0) refuse(EINVAL);
  const isMap = (set.shape.flags & NFT_SET_MAP) !== 0;
  if (!it.has(NFTA_LOOKUP_DREG)) {
    if (isMap && (set.shape.flags & NFT_SET_ANONYMOUS) === 0) return;
    return;
  }
  if (flags !== 0 || !isMap) refuse(EINVAL);
  const isVerdict = set.shape.dataType === NFT_DATA_VERDICT;
  if (isVerdict !== (it.number(NFTA_LOOKUP_DREG) === 0)) refuse(EINVAL);
}

function resolveDynset(context: ReadingContext, it: Expression, given: Attributes): void {
  const set = findSet(context, given.needText(NFTA_DYNSET_SET_NAME), given.u32(NFTA_DYNSET_SET_ID));
  it.set = set;
  it.values[NFTA_DYNSET_SET_NAME] = set.name;
  if (set.hasIntervals || set.isConcat) refuse(EOPNOTSUPP);
  if ((set.shape.flags & NFT_SET_CONSTANT) !== 0) refuse(EBUSY);
  if (it.number(NFTA_DYNSET_OP) > NFT_DYNSET_OP_DELETE) refuse(EOPNOTSUPP);
  if ((it.number(NFTA_DYNSET_FLAGS) & ~(NFT_DYNSET_F_INV | NFT_DYNSET_F_EXPR)) !== 0) refuse(EOPNOTSUPP);
  const hasTimeouts = (set.shape.flags & NFT_SET_TIMEOUT) !== 0;
  if (it.number(NFTA_DYNSET_TIMEOUT) !== 0 && !hasTimeouts) refuse(EINVAL);
  if ((set.shape.flags & NFT_SET_MAP) !== 0) {
    if (!it.has(NFTA_DYNSET_SREG_DATA)) refuse(EINVAL);
    if (set.shape.dataType === NFT_DATA_VERDICT) refuse(EOPNOTSUPP);
  } else if (it.has(NFTA_DYNSET_SREG_DATA)) refuse(EINVAL);
  const one = given.bytes(NFTA_DYNSET_EXPR);
  const several = given.bytes(NFTA_DYNSET_EXPRESSIONS);
  if (one !== null) it.templates.push(readStateful(context, one));
  else if (several !== null)
    for (const { value } of eachAttribute(several)) {
      if (it.templates.length === ELEMENT_EXPRESSIONS_MAX) refuse(E2BIG);
      it.templates.push(readStateful(context, value));
    }
  it.values[NFTA_DYNSET_FLAGS] = it.number(NFTA_DYNSET_FLAGS) & NFT_DYNSET_F_INV;
  // What the set says of all its elements holds.
  if (set.templates.length === 0) return;
  if (it.templates.length > 0 && it.templates.length !== set.templates.length) refuse(EOPNOTSUPP);
  if (it.templates.some(({ kind }, at) => kind !== set.templates[at]!.kind)) refuse(EOPNOTSUPP);
  it.templates.length = 0;
}

/** One that an element of a set may have. */
export function readStateful(context: ReadingContext, bytes: Uint8Array): Expression {
  const expression = readExpression(context, bytes);
  return EXPRESSION_KINDS.get(expression.kind)?.isStateful === true ? expression : refuse(EOPNOTSUPP);
}

function resolveObject(context: ReadingContext, it: Expression, given: Attributes): void {
  if (it.has(NFTA_OBJREF_IMM_NAME)) {
    if (!it.has(NFTA_OBJREF_IMM_TYPE)) refuse(EINVAL);
    const key = objectKey(it.number(NFTA_OBJREF_IMM_TYPE), it.values[NFTA_OBJREF_IMM_NAME] as string);
    it.object = context.table.objects.get(key) ?? refuse(ENOENT);
    return;
  }
  if (!it.has(NFTA_OBJREF_SET_SREG) || !it.has(NFTA_OBJREF_SET_NAME)) refuse(EOPNOTSUPP);
  const set = findSet(context, it.values[NFTA_OBJREF_SET_NAME] as string, given.u32(NFTA_OBJREF_SET_ID));
  if ((set.shape.flags & NFT_SET_OBJECT) === 0) refuse(EINVAL);
  it.set = set;
  it.values[NFTA_OBJREF_SET_NAME] = set.name;
}

/** Nothing is read that wasn't written, and nothing reaches behind the register file (nft_parse_register_load). */
function useRegister(
  context: ReadingContext,
  it: Expression,
  attribute: number,
  form: AttributeRow["form"],
  size: ReturnType<ExpressionKind["sizes"]>,
): void {
  if (form !== "source" && form !== "target") return;
  const word = it.number(attribute);
  const bytes = bytesOf(it, attribute, form, size);
  if (word < FIRST_WORD) {
    if (form === "source" || bytes !== 0) refuse(EINVAL);
    return;
  }
  if (bytes === 0) refuse(EINVAL);
  const words = (bytes + 3) >> 2;
  if (word + words > REGISTER_WORDS) refuse(ERANGE);
  const mask = ((1 << words) - 1) << word;
  if (form === "target") context.written |= mask;
  else if ((context.written & mask) !== mask) refuse(ENODATA);
}

function bytesOf(
  it: Expression,
  attribute: number,
  form: "source" | "target",
  size: ReturnType<ExpressionKind["sizes"]>,
): number {
  if (it.kind === "immediate") {
    const data = it.values[NFTA_IMMEDIATE_DATA];
    return data instanceof Uint8Array ? data.length : 0;
  }
  if (it.kind === "nat" && (attribute === NFTA_NAT_REG_ADDR_MIN || attribute === NFTA_NAT_REG_ADDR_MAX))
    return it.number(NFTA_NAT_FAMILY) === NFPROTO_IPV4 ? 4 : 16;
  if (it.set !== null) {
    const { keyLength, dataLength, dataType } = it.set.shape;
    const isData = form === "target" || (it.kind === "dynset" && attribute === NFTA_DYNSET_SREG_DATA);
    return isData ? (dataType === NFT_DATA_VERDICT ? 0 : dataLength) : keyLength;
  }
  return (form === "source" ? size.source : size.target) ?? 0;
}

function rowsOf({ kind }: Expression): readonly AttributeRow[] {
  return (EXPRESSION_KINDS.get(kind) ?? EXTENSION_KINDS.get(kind))!.rows;
}

/** As a list has it. */
export function writeExpression(writer: MessageWriter, it: Expression, type: number, nowNs: number): void {
  writer.nest(type, (one) => {
    one.text(NFTA_EXPR_NAME, it.kind);
    if (rowsOf(it).length > 0) one.nest(NFTA_EXPR_DATA, (data) => writeExpressionData(data, it, nowNs));
  });
}

export function writeExpressionData(writer: MessageWriter, it: Expression, nowNs: number): void {
  for (const { attribute, form, hidesZero } of rowsOf(it)) {
    const value = currentValue(it, attribute, nowNs);
    if (value === undefined || (hidesZero && value === 0)) continue;
    // Those that an element gets come before what is said of all of them.
    if (it.kind === "dynset" && attribute === NFTA_DYNSET_FLAGS) writeTemplates(writer, it, nowNs);
    switch (form) {
      case "u8":
        writer.u8(attribute, value as number);
        break;
      case "u16":
        writer.u16(attribute, value as number);
        break;
      case "u32":
        writer.u32(attribute, value as number);
        break;
      case "u64":
        writer.u64(attribute, value as number);
        break;
      case "text":
        writer.text(attribute, value as string);
        break;
      case "bytes":
        writer.bytes(attribute, value as Uint8Array);
        break;
      case "source":
      case "target":
        writer.u32(attribute, writtenRegister(value as number));
        break;
      case "data":
        writer.nest(attribute, (data) => writeData(data, value as Data));
    }
  }
}

function writeTemplates(writer: MessageWriter, it: Expression, nowNs: number): void {
  if (it.templates.length === 1) writeExpression(writer, it.templates[0]!, NFTA_DYNSET_EXPR, nowNs);
  else if (it.templates.length > 1)
    writer.nest(NFTA_DYNSET_EXPRESSIONS, (list) => {
      for (const one of it.templates) writeExpression(list, one, NFTA_LIST_ELEM, nowNs);
    });
}

/** What packets have changed since is told as it is now. */
function currentValue(it: Expression, attribute: number, nowNs: number): Expression["values"][number] {
  switch (it.kind) {
    case "counter":
      return it.state[attribute === NFTA_COUNTER_BYTES ? COUNTED_BYTES : COUNTED_PACKETS];
    case "quota":
      return attribute === NFTA_QUOTA_CONSUMED ? it.state[0] : it.values[attribute];
    case "last":
      if (attribute === NFTA_LAST_SET) return it.state[0] === 0 ? 0 : 1;
      return it.state[0] === 0 ? 0 : Math.floor((nowNs - it.state[0]!) / 1e6);
    default:
      return it.values[attribute];
  }
}

/** Words that sixteen bytes begin at are told by the registers of sixteen (nft_dump_register). */
function writtenRegister(word: number): number {
  return word % 4 === 0 ? word / 4 : word - FIRST_WORD + NFT_REG32_00;
}

export function writeData(writer: MessageWriter, data: Data): void {
  if (data instanceof Uint8Array) {
    writer.bytes(NFTA_DATA_VALUE, data);
    return;
  }
  writer.nest(NFTA_DATA_VERDICT, (verdict) => {
    verdict.u32(NFTA_VERDICT_CODE, data.code);
    if (data.chain !== null) verdict.text(NFTA_VERDICT_CHAIN, data.chain.name);
  });
}
