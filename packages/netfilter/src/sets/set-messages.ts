/** NFNL_SUBSYS_IPSET: what ipset(8) asks (net/netfilter/ipset/ip_set_core.c). */
import {
  AF_UNSPEC,
  EEXIST,
  EINVAL,
  ENOENT,
  ERANGE,
  IPSET_ATTR_ADT,
  IPSET_ATTR_BUCKETSIZE,
  IPSET_ATTR_BYTES,
  IPSET_ATTR_CADT_FLAGS,
  IPSET_ATTR_CIDR,
  IPSET_ATTR_COMMENT,
  IPSET_ATTR_DATA,
  IPSET_ATTR_ELEMENTS,
  IPSET_ATTR_FAMILY,
  IPSET_ATTR_FLAGS,
  IPSET_ATTR_HASHSIZE,
  IPSET_ATTR_INDEX,
  IPSET_ATTR_INITVAL,
  IPSET_ATTR_IP,
  IPSET_ATTR_IPADDR_IPV4,
  IPSET_ATTR_IPADDR_IPV6,
  IPSET_ATTR_MAXELEM,
  IPSET_ATTR_MEMSIZE,
  IPSET_ATTR_NETMASK,
  IPSET_ATTR_PACKETS,
  IPSET_ATTR_PORT,
  IPSET_ATTR_PROTO,
  IPSET_ATTR_PROTOCOL,
  IPSET_ATTR_PROTOCOL_MIN,
  IPSET_ATTR_REFERENCES,
  IPSET_ATTR_REVISION,
  IPSET_ATTR_SETNAME,
  IPSET_ATTR_TIMEOUT,
  IPSET_ATTR_TYPENAME,
  IPSET_CMD_ADD,
  IPSET_CMD_CREATE,
  IPSET_CMD_DEL,
  IPSET_CMD_DESTROY,
  IPSET_CMD_FLUSH,
  IPSET_CMD_HEADER,
  IPSET_CMD_LIST,
  IPSET_CMD_PROTOCOL,
  IPSET_CMD_RENAME,
  IPSET_CMD_SAVE,
  IPSET_CMD_SWAP,
  IPSET_CMD_TEST,
  IPSET_CMD_TYPE,
  IPSET_ERR_BUSY,
  IPSET_ERR_COMMENT,
  IPSET_ERR_COUNTER,
  IPSET_ERR_EXIST,
  IPSET_ERR_EXIST_SETNAME2,
  IPSET_ERR_FIND_TYPE,
  IPSET_ERR_HASH_FULL,
  IPSET_ERR_INVALID_FAMILY,
  IPSET_ERR_INVALID_NETMASK,
  IPSET_ERR_MAX_SETS,
  IPSET_ERR_PROTOCOL,
  IPSET_ERR_TIMEOUT,
  IPSET_ERR_TYPE_MISMATCH,
  IPSET_FLAG_LIST_HEADER,
  IPSET_FLAG_LIST_SETNAME,
  IPSET_FLAG_NOMATCH,
  IPSET_FLAG_WITH_COMMENT,
  IPSET_FLAG_WITH_COUNTERS,
  IPSET_MAXNAMELEN,
  IPSET_PROTOCOL,
  IPSET_PROTOCOL_MIN,
  NFNL_SUBSYS_IPSET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NLA_F_NESTED,
  NLA_F_NET_BYTEORDER,
  NLM_F_EXCL,
  NLM_F_MULTI,
} from "@stratos/abi";
import { byteString, byteStringOf } from "@stratos/base";
import type { NetfilterRequest, Subsystem } from "../requests/batch.ts";
import { Attributes, eachAttribute } from "../wire/attributes.ts";
import { MessageWriter } from "../wire/message-writer.ts";
import { refuse } from "../wire/refusal.ts";
import {
  ELEMENTS_MAX,
  type IpSet,
  IpSetElement,
  type IpSets,
  PORT_AT,
  PREFIX_AT,
  PROTOCOL_AT,
  SET_TYPES,
  type SetOptions,
} from "./ip-set.ts";
import { namedKeys } from "./named-elements.ts";

const HEADER_SIZE = 4;
/** Of a message of a list: elements at most, so that it fits a datagram. */
const LISTED_MOST = 200;
/** Elements that all ranges of one message have together. */
const CHANGED_MOST = 1 << 16;
const COMMENT_MOST = 255;
const WRITER = new MessageWriter();
/** Numbers of attributes are in network order, and say so. */
const NUMBER = NLA_F_NET_BYTEORDER;

/** @param references  how many rules ask each set, by its index */
export function setSubsystem(sets: IpSets, references: () => Map<number, number>, nowNs: number): Subsystem {
  return (request, port) => new SetRequest(sets, references, { request, port, nowNs }).answer();
}

interface Reply {
  readonly request: NetfilterRequest;
  readonly port: number;
  readonly nowNs: number;
}

class SetRequest {
  readonly #sets: IpSets;
  readonly #references: () => Map<number, number>;
  readonly #reply: Reply;
  readonly #attributes: Attributes;

  constructor(sets: IpSets, references: () => Map<number, number>, reply: Reply) {
    this.#sets = sets;
    this.#references = references;
    this.#reply = reply;
    this.#attributes = Attributes.read(reply.request.payload, HEADER_SIZE);
  }

  answer(): Uint8Array[] | number {
    const command = this.#reply.request.type & 0xff;
    const protocol = this.#attributes.u8(IPSET_ATTR_PROTOCOL);
    if (protocol === null || protocol < IPSET_PROTOCOL_MIN || protocol > IPSET_PROTOCOL) return -IPSET_ERR_PROTOCOL;
    switch (command) {
      case IPSET_CMD_PROTOCOL:
        return [this.#begin(command).u8(IPSET_ATTR_PROTOCOL_MIN, IPSET_PROTOCOL_MIN).finish()];
      case IPSET_CMD_TYPE:
        return this.#tellType();
      case IPSET_CMD_HEADER: {
        const set = this.#named();
        return [describeType(this.#begin(command).text(IPSET_ATTR_SETNAME, set.name), set).finish()];
      }
      case IPSET_CMD_CREATE:
        return this.#create();
      case IPSET_CMD_DESTROY:
        return this.#destroy();
      case IPSET_CMD_FLUSH:
        for (const set of this.#attributes.has(IPSET_ATTR_SETNAME) ? [this.#named()] : this.#sets.list()) set.flush();
        return [];
      case IPSET_CMD_RENAME:
        return this.#rename();
      case IPSET_CMD_SWAP:
        return this.#swap();
      case IPSET_CMD_LIST:
      case IPSET_CMD_SAVE:
        return this.#list();
      case IPSET_CMD_ADD:
      case IPSET_CMD_DEL:
        return this.#change(command === IPSET_CMD_ADD);
      case IPSET_CMD_TEST:
        return this.#test();
      default:
        return -EINVAL;
    }
  }

  get #isExclusive(): boolean {
    return (this.#reply.request.flags & NLM_F_EXCL) !== 0;
  }

  #begin(command: number, flags = 0): MessageWriter {
    const { request, port } = this.#reply;
    const heading = { flags, sequence: request.sequence, port, family: NFPROTO_IPV4, resource: 0 };
    return WRITER.begin((NFNL_SUBSYS_IPSET << 8) | command, heading).u8(IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
  }

  #nameIn(type: number): string {
    return this.#attributes.text(type, IPSET_MAXNAMELEN) ?? refuse(IPSET_ERR_PROTOCOL);
  }

  #named(): IpSet {
    return this.#sets.named(this.#nameIn(IPSET_ATTR_SETNAME)) ?? refuse(ENOENT);
  }

  #tellType(): Uint8Array[] | number {
    const name = this.#nameIn(IPSET_ATTR_TYPENAME);
    const family = this.#attributes.u8(IPSET_ATTR_FAMILY) ?? AF_UNSPEC;
    const type = SET_TYPES.find((each) => each.name === name);
    if (type === undefined || !isFamily(family)) return -IPSET_ERR_FIND_TYPE;
    const writer = this.#begin(IPSET_CMD_TYPE).text(IPSET_ATTR_TYPENAME, name).u8(IPSET_ATTR_FAMILY, family);
    return [writer.u8(IPSET_ATTR_REVISION, type.revision).u8(IPSET_ATTR_PROTOCOL_MIN, 0).finish()];
  }

  #create(): Uint8Array[] | number {
    const name = this.#nameIn(IPSET_ATTR_SETNAME);
    const options = this.#optionsIn();
    const known = this.#sets.named(name);
    if (known === undefined) return this.#sets.make(name, options) === undefined ? -IPSET_ERR_MAX_SETS : [];
    return this.#isExclusive || !isSameKind(known.options, options) ? -EEXIST : [];
  }

  #optionsIn(): SetOptions {
    const attributes = this.#attributes;
    const type = SET_TYPES.find(({ name }) => name === this.#nameIn(IPSET_ATTR_TYPENAME));
    const family = attributes.u8(IPSET_ATTR_FAMILY) ?? refuse(IPSET_ERR_PROTOCOL);
    const revision = attributes.u8(IPSET_ATTR_REVISION) ?? refuse(IPSET_ERR_PROTOCOL);
    if (type === undefined || revision > type.revision) refuse(IPSET_ERR_FIND_TYPE);
    if (!isFamily(family)) refuse(IPSET_ERR_INVALID_FAMILY);
    const data = attributes.needNested(IPSET_ATTR_DATA);
    const flags = data.u32(IPSET_ATTR_CADT_FLAGS) ?? 0;
    const whole = family === NFPROTO_IPV6 ? 128 : 32;
    const netmask = data.u8(IPSET_ATTR_NETMASK) ?? whole;
    if (netmask === 0 || netmask > whole || (type.name !== "hash:ip" && netmask !== whole))
      refuse(IPSET_ERR_INVALID_NETMASK);
    const hashSize = data.u32(IPSET_ATTR_HASHSIZE) ?? 1024;
    return {
      type,
      family,
      hashSize: Math.max(64, 2 ** Math.ceil(Math.log2(Math.max(1, Math.min(hashSize, 2 ** 31))))),
      elementsMost: data.u32(IPSET_ATTR_MAXELEM) ?? 65536,
      bucketSize: Math.min(12, Math.max(2, data.u8(IPSET_ATTR_BUCKETSIZE) ?? 12) & ~1),
      timeout: data.u32(IPSET_ATTR_TIMEOUT),
      hasCounters: (flags & IPSET_FLAG_WITH_COUNTERS) !== 0,
      hasComments: (flags & IPSET_FLAG_WITH_COMMENT) !== 0,
      netmask,
    };
  }

  #destroy(): Uint8Array[] | number {
    const references = this.#references();
    if (!this.#attributes.has(IPSET_ATTR_SETNAME)) {
      for (const { index } of this.#sets.list()) if (references.has(index)) return -IPSET_ERR_BUSY;
      for (const set of [...this.#sets.list()]) this.#sets.remove(set);
      return [];
    }
    const set = this.#sets.named(this.#nameIn(IPSET_ATTR_SETNAME));
    if (set === undefined) return this.#isExclusive ? -ENOENT : [];
    if (references.has(set.index)) return -IPSET_ERR_BUSY;
    this.#sets.remove(set);
    return [];
  }

  #rename(): Uint8Array[] | number {
    const set = this.#named();
    const name = this.#nameIn(IPSET_ATTR_TYPENAME);
    if (this.#sets.named(name) !== undefined) return -IPSET_ERR_EXIST_SETNAME2;
    set.name = name;
    return [];
  }

  #swap(): Uint8Array[] | number {
    const one = this.#named();
    const other = this.#sets.named(this.#nameIn(IPSET_ATTR_TYPENAME));
    if (other === undefined) return -IPSET_ERR_EXIST_SETNAME2;
    if (one.options.type !== other.options.type || one.isV6 !== other.isV6) return -IPSET_ERR_TYPE_MISMATCH;
    this.#sets.swap(one, other);
    return [];
  }

  #list(): Uint8Array[] | number {
    const flags = this.#attributes.u32(IPSET_ATTR_FLAGS) ?? 0;
    const sets = this.#attributes.has(IPSET_ATTR_SETNAME) ? [this.#named()] : this.#sets.list();
    const references = this.#references();
    const messages: Uint8Array[] = [];
    for (const set of sets) {
      set.expire(this.#reply.nowNs);
      const elements = (flags & IPSET_FLAG_LIST_HEADER) !== 0 ? [] : [...set.elements(this.#reply.nowNs)];
      for (let at = 0; at === 0 || at < elements.length; at += LISTED_MOST) {
        const writer = this.#begin(IPSET_CMD_LIST, NLM_F_MULTI).text(IPSET_ATTR_SETNAME, set.name);
        if ((flags & IPSET_FLAG_LIST_SETNAME) === 0) {
          if (at === 0) describeSet(writer, set, references.get(set.index) ?? 0);
          if ((flags & IPSET_FLAG_LIST_HEADER) === 0)
            writer.nest(IPSET_ATTR_ADT | NLA_F_NESTED, () => {
              for (const one of elements.slice(at, at + LISTED_MOST))
                writer.nest(IPSET_ATTR_DATA | NLA_F_NESTED, () => writeElement(writer, set, one, this.#reply.nowNs));
            });
        }
        messages.push(writer.finish());
        if ((flags & IPSET_FLAG_LIST_SETNAME) !== 0) break;
      }
    }
    return messages;
  }

  /** Each element that the message names, until one is refused. */
  *#elementsIn(): Generator<Attributes> {
    const many = this.#attributes.bytes(IPSET_ATTR_ADT);
    if (many === null) yield this.#attributes.needNested(IPSET_ATTR_DATA);
    else for (const { type, value } of eachAttribute(many)) if (type === IPSET_ATTR_DATA) yield Attributes.read(value);
  }

  #change(adds: boolean): Uint8Array[] | number {
    const set = this.#named();
    let count = 0;
    for (const data of this.#elementsIn()) {
      const keys = namedKeys(set, data);
      count += keys.length;
      if (count > CHANGED_MOST) return -ERANGE;
      for (const key of keys) {
        const refused = adds ? this.#add(set, key, data) : this.#remove(set, key);
        if (refused < 0) return refused;
      }
    }
    return [];
  }

  #remove(set: IpSet, key: Uint8Array): number {
    const known = set.exact(key);
    if (known !== null) set.remove(known);
    const isThere = known !== null && !known.isOver(this.#reply.nowNs);
    return isThere || !this.#isExclusive ? 0 : -IPSET_ERR_EXIST;
  }

  #add(set: IpSet, key: Uint8Array, data: Attributes): number {
    const { options } = set;
    const { nowNs } = this.#reply;
    const timeout = data.u32(IPSET_ATTR_TIMEOUT);
    if (timeout !== null && options.timeout === null) return -IPSET_ERR_TIMEOUT;
    const [packets, bytes] = [data.u64(IPSET_ATTR_PACKETS), data.u64(IPSET_ATTR_BYTES)];
    if ((packets !== null || bytes !== null) && !options.hasCounters) return -IPSET_ERR_COUNTER;
    const comment = data.bytes(IPSET_ATTR_COMMENT);
    if (comment !== null && !options.hasComments) return -IPSET_ERR_COMMENT;
    let one = set.exact(key);
    if (one !== null && !one.isOver(nowNs) && this.#isExclusive) return -IPSET_ERR_EXIST;
    if (one === null) {
      if (set.count >= options.elementsMost) set.expire(nowNs);
      if (set.count >= options.elementsMost || this.#sets.elementCount >= ELEMENTS_MAX) return -IPSET_ERR_HASH_FULL;
      one = new IpSetElement(key);
      set.add(one);
    }
    const seconds = timeout ?? options.timeout ?? 0;
    one.expiresNs = seconds === 0 ? 0 : nowNs + seconds * 1e9;
    one.isException = options.type.isNet && ((data.u32(IPSET_ATTR_CADT_FLAGS) ?? 0) & IPSET_FLAG_NOMATCH) !== 0;
    one.packets = packets ?? 0;
    one.bytes = bytes ?? 0;
    const length = comment === null ? 0 : comment.indexOf(0) < 0 ? comment.length : comment.indexOf(0);
    one.comment = length === 0 ? null : byteString(comment!, 0, Math.min(length, COMMENT_MOST));
    return 0;
  }

  #test(): Uint8Array[] | number {
    const set = this.#named();
    const [key] = namedKeys(set, this.#attributes.needNested(IPSET_ATTR_DATA));
    const isWhole = key![PREFIX_AT] === (set.isV6 ? 128 : 32);
    const exact = set.exact(key!);
    // Who asks for a network asks whether that one is there.
    const isThere = exact !== null && !exact.isOver(this.#reply.nowNs);
    const found = isWhole ? set.find(key!, this.#reply.nowNs) : isThere ? exact : null;
    return found !== null && !found.isException ? [] : -IPSET_ERR_EXIST;
  }
}

function describeType(writer: MessageWriter, { options: { type, family } }: IpSet): MessageWriter {
  return writer
    .text(IPSET_ATTR_TYPENAME, type.name)
    .u8(IPSET_ATTR_FAMILY, family)
    .u8(IPSET_ATTR_REVISION, type.revision);
}

function describeSet(writer: MessageWriter, set: IpSet, references: number): void {
  const { options } = set;
  describeType(writer, set).u16(IPSET_ATTR_INDEX | NUMBER, set.index);
  writer.nest(IPSET_ATTR_DATA | NLA_F_NESTED, (data) => {
    data.u32(IPSET_ATTR_HASHSIZE | NUMBER, options.hashSize).u32(IPSET_ATTR_MAXELEM | NUMBER, options.elementsMost);
    if (options.netmask !== (set.isV6 ? 128 : 32)) data.u8(IPSET_ATTR_NETMASK, options.netmask);
    data.u8(IPSET_ATTR_BUCKETSIZE, options.bucketSize).u32(IPSET_ATTR_INITVAL | NUMBER, 0);
    data.u32(IPSET_ATTR_REFERENCES | NUMBER, references).u32(IPSET_ATTR_MEMSIZE | NUMBER, 200 + 40 * set.count);
    data.u32(IPSET_ATTR_ELEMENTS | NUMBER, set.count);
    if (options.timeout !== null) data.u32(IPSET_ATTR_TIMEOUT | NUMBER, options.timeout);
    const comments = options.hasComments ? IPSET_FLAG_WITH_COMMENT : 0;
    const flags = (options.hasCounters ? IPSET_FLAG_WITH_COUNTERS : 0) | comments;
    if (flags !== 0) data.u32(IPSET_ATTR_CADT_FLAGS | NUMBER, flags);
  });
}

function writeElement(data: MessageWriter, set: IpSet, one: IpSetElement, nowNs: number): void {
  const { key } = one;
  const { type, timeout, hasCounters } = set.options;
  data.nest(IPSET_ATTR_IP | NLA_F_NESTED, (ip) =>
    ip.bytes(set.isV6 ? IPSET_ATTR_IPADDR_IPV6 : IPSET_ATTR_IPADDR_IPV4, key.subarray(0, set.isV6 ? 16 : 4)),
  );
  if (type.hasPort) data.u16(IPSET_ATTR_PORT | NUMBER, (key[PORT_AT]! << 8) | key[PORT_AT + 1]!);
  if (type.isNet) data.u8(IPSET_ATTR_CIDR, key[PREFIX_AT]!);
  if (type.hasPort) data.u8(IPSET_ATTR_PROTO, key[PROTOCOL_AT]!);
  if (one.isException) data.u32(IPSET_ATTR_CADT_FLAGS | NUMBER, IPSET_FLAG_NOMATCH);
  const left = one.expiresNs === 0 ? 0 : Math.max(1, Math.floor((one.expiresNs - nowNs) / 1e9));
  if (timeout !== null) data.u32(IPSET_ATTR_TIMEOUT | NUMBER, left);
  if (hasCounters) data.u64(IPSET_ATTR_BYTES | NUMBER, one.bytes).u64(IPSET_ATTR_PACKETS | NUMBER, one.packets);
  if (one.comment !== null) {
    const text = new Uint8Array(one.comment.length + 1);
    text.set(byteStringOf(one.comment));
    data.bytes(IPSET_ATTR_COMMENT, text);
  }
}

function isFamily(family: number): boolean {
  return family === NFPROTO_IPV4 || family === NFPROTO_IPV6;
}

function isSameKind(one: SetOptions, other: SetOptions): boolean {
  return (
    one.type === other.type &&
    one.family === other.family &&
    one.elementsMost === other.elementsMost &&
    one.timeout === other.timeout &&
    one.netmask === other.netmask
  );
}
